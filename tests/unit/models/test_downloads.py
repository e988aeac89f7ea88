"""Downloads end in a good file or in one clear error, whatever the network does."""

import hashlib
import random
import time
from pathlib import Path

import pytest

from audioprompt.models.base import ModelError
from audioprompt.models.downloads import ATTEMPTS, NotThere
from tests.hub import Hub, Worker
from tests.unit.models.downloading import from_hub, from_web, from_zenodo, without_network

SMALL, LARGE = 300_000, 48 << 20  # bytes
CHUNK = 10 << 20  # huggingface_hub writes this much at a time; an unfinished chunk is lost when a connection drops
FETCH = {"hub": from_hub, "zenodo": from_zenodo}
PLACES = pytest.mark.parametrize("place", FETCH)


def content(name: str) -> bytes:
    """Another one for each name: the hub's cache keeps what is the same only once."""
    return random.Random(name).randbytes(LARGE if name.startswith("large") else SMALL)


def publish(hub: Hub, place: str, name: str) -> tuple[str, str]:
    """Put a file on the server; returns what the place calls its repository, and the server's name of the file."""
    repo = "test/weights" if place == "hub" else "12345"
    at = repo if place == "hub" else f"zenodo/{repo}"
    (hub.folder / at).mkdir(parents=True, exist_ok=True)
    (hub.folder / at / name).write_bytes(content(name))
    return repo, f"{at}/{name}"


def leftovers(home: Path, *names: str) -> list[Path]:
    """What of a file is in the caches, whole or in part."""
    return [path for path in home.rglob("*") if path.is_file() and path.name.startswith(names) and path.stat().st_size]


@PLACES
def test_downloads_once_and_reports_progress(hub: Hub, worker: Worker, place: str) -> None:
    repo, served = publish(hub, place, "plain.bin")
    path, reports = worker(FETCH[place], repo, "plain.bin")
    assert path.read_bytes() == content(path.name)
    assert reports[-1] == (SMALL, SMALL)
    before = len(hub.requests)
    again, _ = worker(FETCH[place], repo, "plain.bin")
    assert again == path
    assert len(hub.requests) == before, "a file in the cache needs no network"
    assert len(hub.asked(served)) == 1


@pytest.mark.slow
def test_a_file_of_the_web_is_held_against_its_checksum(hub: Hub, worker: Worker) -> None:
    _, served = publish(hub, "zenodo", "web.bin")
    url = f"{hub.url}/records/12345/files/{Path(served).name}"
    with pytest.raises(ModelError, match="does not match its checksum"):
        worker(from_web, url, f"sha256:{'0' * 64}")
    right = hashlib.sha256(content(Path(served).name)).hexdigest()
    assert worker(from_web, url, f"sha256:{right}").read_bytes() == content(Path(served).name)


@PLACES
@pytest.mark.slow
def test_goes_on_where_the_connection_dropped(hub: Hub, worker: Worker, place: str) -> None:
    repo, served = publish(hub, place, "large.bin")
    hub.breaks[served] = 2
    path, _ = worker(FETCH[place], repo, "large.bin")
    assert path.read_bytes() == content(path.name)
    first, second, third = hub.asked(served)
    assert "bytes=" not in first
    assert second.endswith(f" bytes={2 * CHUNK}-")  # it dropped after 24 MiB
    assert third.endswith(f" bytes={3 * CHUNK}-")  # and after 14 more


@PLACES
@pytest.mark.slow
def test_a_dead_connection_is_one_error_and_the_next_call_resumes(hub: Hub, worker: Worker, place: str) -> None:
    repo, served = publish(hub, place, "large-dying.bin")
    hub.breaks[served] = ATTEMPTS
    with pytest.raises(
        ModelError, match=r"large-dying\.bin of .* could not be downloaded \(the connection broke off\); try again"
    ) as error:
        worker(FETCH[place], repo, "large-dying.bin")
    assert "\n" not in str(error.value)
    asked = len(hub.asked(served))
    path, _ = worker(FETCH[place], repo, "large-dying.bin")
    assert path.read_bytes() == content(path.name)
    (resumed,) = hub.asked(served)[asked:]
    assert resumed.endswith(f" bytes={3 * CHUNK}-")


@PLACES
def test_a_damaged_download_is_repeated(hub: Hub, worker: Worker, place: str) -> None:
    repo, served = publish(hub, place, "damaged.bin")
    hub.damages[served] = 1
    path, _ = worker(FETCH[place], repo, "damaged.bin")
    assert path.read_bytes() == content(path.name)
    assert len(hub.asked(served)) == 2


@pytest.mark.slow
@PLACES
def test_what_stays_damaged_is_an_error_and_leaves_nothing_behind(
    hub: Hub, worker: Worker, place: str, home: Path
) -> None:
    name = f"rotten-{place}.bin"
    repo, served = publish(hub, place, name)
    hub.damages[served] = 1000
    with pytest.raises(ModelError, match="does not match its checksum"):
        worker(FETCH[place], repo, name)
    assert leftovers(home, name, hub.sha256(served)) == []  # the hub's cache goes by hash
    hub.damages[served] = 0
    path, _ = worker(FETCH[place], repo, name)
    assert path.read_bytes() == content(path.name)


@PLACES
def test_leftovers_longer_than_the_file_are_thrown_away(hub: Hub, worker: Worker, place: str, home: Path) -> None:
    repo, served = publish(hub, place, "longer.bin")
    if place == "hub":
        partial = home / "hub/models--test--weights/blobs" / f"{hub.sha256(served)}.incomplete"
    else:
        partial = home / "assets/audioprompt/zenodo/12345/longer.bin.incomplete"
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(content("longer.bin") + b"more")
    path, _ = worker(FETCH[place], repo, "longer.bin")
    assert path.read_bytes() == content(path.name)


@PLACES
def test_what_is_not_there_is_said_so(worker: Worker, place: str) -> None:
    with pytest.raises(NotThere):
        worker(FETCH[place], "test/nothing" if place == "hub" else "99999", "absent.bin")


def test_offline_says_what_to_do(hub: Hub, worker: Worker) -> None:
    repo, _ = publish(hub, "hub", "offline.bin")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        worker(from_hub, repo, "offline.bin", True)
    path, _ = worker(from_hub, repo, "offline.bin")
    assert worker(from_hub, repo, "offline.bin", True)[0] == path, "what is in the cache is had offline too"


def test_without_network_the_error_comes_at_once_and_says_what_to_do(worker: Worker) -> None:
    start = time.monotonic()
    with pytest.raises(
        ModelError, match=r"not on this machine yet, and .* cannot be reached: .* give its path"
    ) as error:
        worker(without_network, "test/weights", "unreachable.bin")
    assert time.monotonic() - start < 600, "it waits for no network, however busy the machine"
    assert "\n" not in str(error.value)
    assert "Error" not in str(error.value)
