"""A local hub, and a second Python process that takes it for the real one."""

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.models.hub import Hub

Worker = Callable[..., Any]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of one large model side by side, so that each is made once and one is in memory at a time."""
    items.sort(key=lambda item: item.callspec.params.get("compared", "") if hasattr(item, "callspec") else "")


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    hub = Hub(tmp_path_factory.mktemp("hub"))
    yield hub
    hub.close()
    shutil.rmtree(hub.folder)


@pytest.fixture(scope="session")
def worker(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """Calls a function in a process of its own, where the environment says that ``hub`` is the hub, and Zenodo.

    There, msclap can be imported as its users do, with everything that changes for the rest of the process.
    """
    home = tmp_path_factory.mktemp("home")
    ours = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "AUDIOPROMPT_ZENODO_ENDPOINT": hub.url,
        "NO_PROXY": "127.0.0.1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_HUB_CACHE", "HF_ASSETS_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_CACHE", "TRANSFORMERS_OFFLINE"):
            patch.delenv(name, raising=False)
        for name, value in ours.items():
            patch.setenv(name, value)
        assert pool.submit(os.getpid).result() != os.getpid()  # the process starts here, and keeps this environment

    def call(function: Callable[..., Any], *arguments: Any) -> Any:
        return pool.submit(function, *arguments).result()

    yield call
    pool.shutdown()
    shutil.rmtree(home)  # with all that was downloaded


@pytest.fixture(scope="session")
def home(worker: Worker) -> Path:
    """Where ``worker`` keeps what it downloads."""
    return Path(worker(os.getenv, "HF_HOME"))
