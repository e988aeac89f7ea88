"""The registry: one shared instance per model and device, whoever asks and however many at once."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
import torch

from audioprompt.models import registry
from audioprompt.models.base import ModelError
from audioprompt.models.registry import ModelEntry, entries, load, pick_device, release

THREADS = 32


class Fake:
    def __init__(self, device: str) -> None:
        self.device = device


def entry(name: str, loader: Callable[[str], object] = Fake) -> ModelEntry:
    return ModelEntry(name, "a stand-in", "nothing", "none", loader)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def nothing_loaded() -> Iterator[None]:
    release()
    yield
    release()


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace the models there are."""
    return lambda *offered: monkeypatch.setattr(registry, "ENTRIES", offered)


def machine(monkeypatch: pytest.MonkeyPatch, gpus: int, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


def all_at_once(call: Callable[[int], object]) -> list[object]:
    """Call from 32 threads that start together; the result or the error of each."""
    start = Barrier(THREADS)

    def run(number: int) -> object:
        start.wait()
        try:
            return call(number)
        except ModelError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_many_first_calls_load_a_model_once(offer: Callable[..., None]) -> None:
    loaded = []

    def slowly(device: str) -> Fake:
        loaded.append(device)
        time.sleep(0.1)
        return Fake(device)

    offer(entry("slow", slowly))
    found = all_at_once(lambda _: load("slow", "cpu"))
    assert loaded == ["cpu"]
    assert isinstance(found[0], Fake) and all(model is found[0] for model in found)


def test_models_load_side_by_side(offer: Callable[..., None]) -> None:
    """Each loader waits until the other has begun: under one lock for all, neither would end."""
    begun = {"a": Event(), "b": Event()}

    def loader(name: str, other: str) -> Callable[[str], Fake]:
        def run(device: str) -> Fake:
            begun[name].set()
            assert begun[other].wait(20), "the other model waits for this one"
            return Fake(device)

        return run

    offer(entry("a", loader("a", "b")), entry("b", loader("b", "a")))
    found = all_at_once(lambda number: load("ab"[number % 2], "cpu"))
    assert len({id(model) for model in found}) == 2


def test_each_device_has_its_own_instance(offer: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, gpus=2, mps=False)
    offer(entry("fake"))
    assert load("fake", "cpu") is not load("fake", "cuda:0")
    assert load("fake", "cuda:0").device == "cuda:0"
    assert load("fake", "cuda") is load("fake", "cuda:0") is load("fake") is load("fake", "auto")
    assert load("fake", "cuda:1").device == "cuda:1"


def test_a_failed_load_is_told_to_everyone_and_tried_again(offer: Callable[..., None]) -> None:
    working = Event()

    def loader(device: str) -> Fake:
        if not working.is_set():
            raise ModelError("the disk is full")
        return Fake(device)

    offer(entry("fake", loader))
    assert [str(found) for found in all_at_once(lambda _: load("fake", "cpu"))] == ["the disk is full"] * THREADS
    working.set()
    assert isinstance(load("fake", "cpu"), Fake)


def test_release_forgets_one_model_or_all(offer: Callable[..., None]) -> None:
    offer(entry("a"), entry("b"))
    a, b = load("a", "cpu"), load("b", "cpu")
    release("a")
    assert load("b", "cpu") is b
    assert load("a", "cpu") is not a
    release()
    assert load("b", "cpu") is not b
    release("nobody")


def test_an_unknown_model_is_told_what_there_is(offer: Callable[..., None]) -> None:
    offer(entry("a"), entry("b"))
    with pytest.raises(ModelError, match=r"no model is called 'c'; there are: a, b"):
        load("c")


@pytest.mark.parametrize(
    ("gpus", "mps", "asked", "picked"),
    [
        (0, False, None, "cpu"),
        (0, False, "auto", "cpu"),
        (0, True, "auto", "mps"),
        (2, False, "auto", "cuda:0"),
        (1, True, None, "cuda:0"),
        (2, False, "cuda", "cuda:0"),
        (2, False, "cuda:1", "cuda:1"),
        (2, True, "mps", "mps"),
        (2, True, "cpu", "cpu"),
    ],
)
def test_device(monkeypatch: pytest.MonkeyPatch, gpus: int, mps: bool, asked: str | None, picked: str) -> None:
    machine(monkeypatch, gpus, mps)
    assert pick_device(asked) == picked


@pytest.mark.parametrize("asked", ["cuda", "cuda:2", "mps", "gpu", ""])
def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    machine(monkeypatch, gpus=0 if asked == "cuda" else 2, mps=False)
    with pytest.raises(ModelError, match=rf"no device '{asked}' on this machine: use auto or .*cpu"):
        pick_device(asked)


def test_the_bundled_model_is_the_default_and_needs_nothing() -> None:
    assert entries()[0].name == "embedded"
    assert load(device="cpu") is load("embedded", "cpu")


def test_every_entry_says_what_it_is() -> None:
    names = [found.name for found in entries()]
    assert len(set(names)) == len(names)
    for found in entries():
        assert found.description and "\n" not in found.description
        assert found.size and found.licence
