"""What every test shares: its mark by the folder it is in, and a cache of embeddings that is nobody's."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from audioprompt.prompts.store import PromptStore
from tests.curating import CONTRARY, PLAIN, pack_of
from tests.hub import Hub, Worker, elsewhere
from tests.openai_server import KEY, ChatServer, Reply
from tests.serving import PASSWORD, Running, running

settings.register_profile("audioprompt", deadline=None, max_examples=50)  # machines that test are shared, some slow
settings.load_profile("audioprompt")

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

TESTS = Path(__file__).parent
MARKS = {"browser": "browser", "http": "slow", "hostile": "hostile"}  # by folder
# The files that take longest, and so come first: at the end there are many short ones, which all workers share.
LONG = (
    *(
        f"browser/test_{name}.py"
        for name in ("frame", "publish", "classify", "entrances", "curate", "hostile", "learn")
    ),
    *("unit/test_readme.py", "hostile/test_fuzz.py", "unit/prompts/test_store_kill.py", "browser", "http"),
    *("unit/test_wheel.py", "unit/models", "unit/space", "hostile", "unit/test_proxies.py"),
)


def place(path: str) -> int:
    """When the tests of a file come."""
    return next((number for number, name in enumerate(LONG) if path.startswith(name)), len(LONG))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of some folders, so that `make check` leaves them out, and begin with the long ones."""
    for item in items:
        if mark := MARKS.get(item.path.relative_to(TESTS).parts[0]):
            item.add_marker(mark)
    items.sort(key=lambda item: place(item.path.relative_to(TESTS).as_posix()))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache of embeddings."""
    monkeypatch.setenv("AUDIOPROMPT_CACHE", str(tmp_path / "embedding-cache"))


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
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of embeddings that the apps of all workers share: what one has encoded, none encodes again."""
    folder = tmp_path_factory.getbasetemp()
    return (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "embeddings"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, embeddings: Path, hub: Hub) -> Iterator[Running]:
    """The app as its owner starts it, where a hub on this machine is taken for the real one."""
    folder = tmp_path_factory.mktemp("home")
    here = {"GRADIO_SERVER_NAME": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    there = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "huggingface")}
    with running(folder, AUDIOPROMPT_CACHE=str(embeddings), **here, **there) as app:
        yield app
    assert not list(folder.glob("audioprompt-*")), "temporary files are gone once it has stopped"


@pytest.fixture(scope="session")
def owners_service() -> Iterator[ChatServer]:
    """The chat service whose key the owner of the public page holds."""
    server = ChatServer(Reply(json.dumps({"prompts": ["A silvery {label}"], "attributes": ["loud"], "sources": []})))
    yield server
    server.close()


@pytest.fixture(scope="session")
def public(tmp_path_factory: pytest.TempPathFactory, embeddings: Path, owners_service: ChatServer) -> Iterator[Running]:
    """The app at a public address, with a password for curators, and a key and an address of the owner's service."""
    folder = tmp_path_factory.mktemp("public")
    PromptStore(folder / "store").create(pack_of(PLAIN, CONTRARY))
    keys = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": owners_service.url, "AUDIOPROMPT_PASSWORD": PASSWORD}
    with running(folder, AUDIOPROMPT_CACHE=str(embeddings), **keys) as app:
        yield app
