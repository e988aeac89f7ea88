"""The registry: one shared instance per model and device, whoever asks and however many at once."""

import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import numpy as np
import pytest
import torch

from audioprompt.encoding.clips import embed_clips
from audioprompt.encoding.encoder import embed_texts, pooled
from audioprompt.models import registry
from audioprompt.models.base import ModelError
from audioprompt.models.registry import ModelEntry, ModelRegistry, Progress, load, pick_device
from tests import plugins

THREADS = 32


class Fake:
    def __init__(self, device: str, weights: Path | None = None, progress: Progress | None = None) -> None:
        self.device, self.weights = device, weights


def entry(name: str, loader: Callable[..., object] = Fake) -> ModelEntry:
    return ModelEntry(name, "a stand-in", "nothing", "none", loader)  # type: ignore[arg-type]


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace the models there are."""
    return lambda *offered: monkeypatch.setattr(registry, "MODELS", ModelRegistry(offered))


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

    def slowly(device: str, *_: object) -> Fake:
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

    def loader(name: str, other: str) -> Callable[..., Fake]:
        def run(device: str, *_: object) -> Fake:
            begun[name].set()
            assert begun[other].wait(600), "the other model waits for this one"
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

    def loader(device: str, *_: object) -> Fake:
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
    registry.MODELS.release("a")
    assert load("b", "cpu") is b
    assert load("a", "cpu") is not a
    registry.MODELS.release()
    assert load("b", "cpu") is not b
    registry.MODELS.release("nobody")


def test_an_unknown_model_is_told_what_there_is(offer: Callable[..., None]) -> None:
    offer(entry("a"), entry("b"))
    with pytest.raises(ModelError, match=r"no model called 'c'\. Choose one of: a, b"):
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
    assert registry.BUILT_IN[0].name == "embedded"
    assert load(device="cpu") is load("embedded", "cpu")


def test_every_entry_says_what_it_is() -> None:
    names = list(registry.MODELS.names)
    assert len(set(names)) == len(names)
    for found in registry.MODELS:
        assert found.description and "\n" not in found.description
        assert found.size and found.licence


# --- weights on this machine ------------------------------------------------------------------------------------------


def test_weights_of_ones_own_make_an_instance_of_its_own(offer: Callable[..., None], tmp_path: Path) -> None:
    offer(entry("fake"))
    own = load("fake", "cpu", weights=tmp_path / "own.pth")
    assert own.weights == tmp_path / "own.pth"  # type: ignore[attr-defined]
    assert own is load("fake", "cpu", weights=tmp_path / "own.pth")
    assert own is not load("fake", "cpu")


def test_weights_that_are_kept_are_what_a_model_means_from_then_on(offer: Callable[..., None], tmp_path: Path) -> None:
    offer(entry("fake"), entry("other"))
    downloaded = load("fake", "cpu")
    registry.MODELS.keep_weights("fake", tmp_path)
    assert load("fake", "cpu") is not downloaded
    assert load("fake", "cpu") is load("fake", "cpu", weights=tmp_path) is registry.MODELS.loaded("fake", "cpu")
    assert load("other", "cpu").weights is None  # type: ignore[attr-defined]


def test_weights_that_are_not_there(offer: Callable[..., None], tmp_path: Path) -> None:
    offer(entry("fake"))
    with pytest.raises(ModelError, match=r"There is no file .*gone\.pth; check the path"):
        registry.MODELS.keep_weights("fake", tmp_path / "gone.pth")
    with pytest.raises(ModelError, match="There is no model called"):
        registry.MODELS.keep_weights("nobody", tmp_path)
    assert load("fake", "cpu").weights is None  # type: ignore[attr-defined]


def test_others_can_watch_a_download(offer: Callable[..., None]) -> None:
    seen: list[float | None] = []
    told: list[tuple[int, int]] = []

    def loader(device: str, weights: Path | None, progress: Progress) -> Fake:
        for done in (0, 31, 62):
            progress(done, 100)
            seen.append(registry.MODELS.fraction_downloaded("fake", "cpu"))
        assert registry.MODELS.loaded("fake", "cpu") is None
        return Fake(device)

    offer(entry("fake", loader))
    assert registry.MODELS.fraction_downloaded("fake", "cpu") is None
    model = load("fake", "cpu", progress=lambda done, total: told.append((done, total)))
    assert seen == [0, 0.31, 0.62] and told == [(0, 100), (31, 100), (62, 100)]
    assert registry.MODELS.fraction_downloaded("fake", "cpu") is None and registry.MODELS.loaded("fake", "cpu") is model


# --- half precision ---------------------------------------------------------------------------------------------------


def test_half_precision_is_for_cuda(offer: Callable[..., None]) -> None:
    offer(entry("fake"))
    with pytest.raises(ModelError, match="Half precision is for CUDA only, and the device is cpu"):
        load("fake", "cpu", half=True)


def test_the_device_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, gpus=2, mps=False)
    monkeypatch.setenv("AUDIOPROMPT_DEVICE", "cuda:1")
    assert pick_device() == "cuda:1" and pick_device("auto") == "cuda:0" and pick_device("cpu") == "cpu"


# --- other packages' models -------------------------------------------------------------------------------------------


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, point: str) -> None:
    """Install a package that offers a model."""
    monkeypatch.delitem(sys.modules, "others", raising=False)
    plugins.install(folder, monkeypatch, "audioprompt.models", {"theirs": point}, module)
    monkeypatch.setattr(registry, "MODELS", ModelRegistry())


def documented_example() -> str:
    """The example of a model of one's own, as docs/models.md gives it."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text()
    (code,) = re.findall(r"```python\n(# my_models\.py\n.*?)```", text, flags=re.DOTALL)
    return code


def test_a_package_adds_a_model_as_the_documents_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(tmp_path, monkeypatch, documented_example(), "others:ENTRY")
    *built_in, found = registry.MODELS
    assert found.name == "loudness" and tuple(built_in) == registry.BUILT_IN
    model = load("loudness", "cpu")
    assert model is load("loudness", "cpu")
    time = np.arange(2 * 16_000) / 16_000
    sounds = [(16_000, volume * np.sin(2 * np.pi * 440 * time)) for volume in (0.5, 0.002)]
    audio, texts = pooled(embed_clips(model, sounds)), embed_texts(model, ["a loud sound", "a quiet sound"])
    assert (audio @ texts.T).argmax(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("module", "point", "warning"),
    [
        ("raise OSError('no driver')", "others:ENTRY", "no driver"),
        ("", "others:ENTRY", "has no attribute 'ENTRY'"),
        ("ENTRY = 'a name'", "others:ENTRY", "others:ENTRY is not a ModelEntry"),
        (
            "from audioprompt.models.registry import ModelEntry\nENTRY = ModelEntry('embedded', '', '', '', print)",
            "others:ENTRY",
            "the name 'embedded' is taken",
        ),
    ],
)
def test_a_broken_package_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str, point: str, warning: str
) -> None:
    install(tmp_path, monkeypatch, module, point)
    with pytest.warns(UserWarning, match=rf"'theirs' of the package others is left out.*{warning}"):
        assert tuple(registry.MODELS) == registry.BUILT_IN
