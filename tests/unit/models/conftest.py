"""A local hub, and a second Python process that takes it for the real one."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub import Hub, Worker, elsewhere


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
    with elsewhere(hub.url, home) as call:
        yield call
    shutil.rmtree(home)  # with all that was downloaded


@pytest.fixture(scope="session")
def home(worker: Worker) -> Path:
    """Where ``worker`` keeps what it downloads."""
    return Path(worker(os.getenv, "HF_HOME"))
