"""Check that a model keeps what the interface promises, which everything built on it relies on.

For a model of a package of your own, or of the registry by its name:

    python -m audioprompt.models.contract my_models:ENTRY
    python -m audioprompt.models.contract laion-clap --weights folder

It prints a line for each check. The exit code is 0 where all are kept, 1 where one is broken, and 2 where there is no
such model.
"""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import torch
from torch import Tensor, nn

from audioprompt.models.base import AudioTextModel, ModelError, is_batch_invariant
from audioprompt.models.registry import MODELS, ModelEntry, pick_device

TOLERANCE = 1e-4  # by which numbers that ought to be the same may differ
TEXTS = ("dog", "This is a sound of a violin coming from a concert hall.", "rain")
ODD_TEXTS = ("", "!", "🎻🔥", "雨声", " " * 20, "<pad> dog", "rain " * 1_000)


class BrokenError(Exception):
    """A check is not kept; the message says in what."""


class NotOfferedError(Exception):
    """The model does not have what is checked, which the interface leaves to it; the message says what that costs."""


@dataclass(frozen=True)
class Result:
    """What became of a check.

    Attributes:
        promise: what the check is about.
        kept: whether the model keeps it, None where it does not offer what is checked.
        reason: why not; empty where it is kept.
    """

    promise: str
    kept: bool | None
    reason: str = ""

    @property
    def line(self) -> str:
        """The result as people read it."""
        mark = {True: "ok    ", False: "BROKEN", None: "absent"}[self.kept]
        return f"{mark} {self.promise}" + (f": {self.reason}" if self.reason else "")


# --- what is promised -------------------------------------------------------------------------------------------------


def _check_attributes(model: AudioTextModel) -> None:
    for name in ("name", "revision", "device"):
        value = getattr(model, name, None)
        _require(isinstance(value, str) and bool(value), f"{name} must be a text, and is {value!r}")
    for name, kind in (("sample_rate", int), ("dim", int), ("window_seconds", float), ("logit_scale", float)):
        value = getattr(model, name, None)
        number = isinstance(value, kind) or (kind is float and type(value) is int)
        good = number and not isinstance(value, bool) and math.isfinite(value or 0) and (value or 0) > 0
        _require(good, f"{name} must be a positive {kind.__name__}, and is {value!r}")


def _check_windows(model: AudioTextModel) -> None:
    windows = _sounds(model)
    before = windows.clone()
    _check_unit(model.embed_audio(windows), (len(windows), model.dim), "embed_audio")
    _require(bool((windows == before).all()), "embed_audio changes the windows that it is given")


def _check_windows_alone(model: AudioTextModel) -> None:
    windows = _sounds(model)
    alone = [model.embed_audio(window[None])[0] for window in windows]
    together = model.embed_audio(windows)
    _check_same(together, alone, "a window's embedding depends on what else is in its batch")
    if is_batch_invariant(model):
        worst = _distance(together, torch.stack(alone))
        _require(worst == 0, f"it is batch_invariant, and what else is in a batch makes a difference of {worst:.2g}")


def _check_windows_again(model: AudioTextModel) -> None:
    windows = _sounds(model)
    first, again = model.embed_audio(windows), model.embed_audio(windows)
    _check_same(first, again, "the same windows are embedded otherwise the second time")


def _check_windows_differ(model: AudioTextModel) -> None:
    embedded = model.embed_audio(_sounds(model))
    _require(_distance(embedded, embedded[:1].expand_as(embedded)) > 0, "noise, a tone and silence are all the same")


def _check_texts(model: AudioTextModel) -> None:
    _check_unit(model.embed_text(TEXTS), (len(TEXTS), model.dim), "embed_text")
    _check_unit(model.embed_text(ODD_TEXTS), (len(ODD_TEXTS), model.dim), "embed_text of odd and very long texts")


def _check_texts_alone(model: AudioTextModel) -> None:
    alone = [model.embed_text([text])[0] for text in (*TEXTS, *ODD_TEXTS)]
    together = model.embed_text([*TEXTS, *ODD_TEXTS])
    _check_same(together, alone, "a text's embedding depends on what else is in its batch")


def _check_texts_again(model: AudioTextModel) -> None:
    first, again = model.embed_text(TEXTS), model.embed_text(TEXTS)
    _check_same(first, again, "the same texts are embedded otherwise the second time")


def _check_frozen(model: AudioTextModel) -> None:
    tensors = (model.embed_audio(_sounds(model)), model.embed_text(TEXTS))
    _require(
        not any(tensor.requires_grad for tensor in tensors), "embeddings carry gradients: use torch.inference_mode"
    )
    for name, part in vars(model).items():
        if isinstance(part, nn.Module):
            _require(not part.training, f"{name} is in training mode: call eval()")
            trainable = any(parameter.requires_grad for parameter in part.parameters())
            _require(not trainable, f"{name} has parameters that can be trained: call requires_grad_(False)")


def _check_threads(model: AudioTextModel) -> None:
    windows = _sounds(model)
    audio, text = model.embed_audio(windows), model.embed_text(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        jobs = [(pool.submit(model.embed_audio, windows), pool.submit(model.embed_text, TEXTS)) for _ in range(2)]
        for heard, read in jobs:
            _check_same(audio, heard.result(), "windows are embedded otherwise while others ask too")
            _check_same(text, read.result(), "texts are embedded otherwise while others ask too")


def _check_text_tower(model: AudioTextModel) -> None:
    tower = getattr(model, "text", None)
    if tower is None:
        raise NotOfferedError("without `text`, CoOp and CoCoOp cannot be trained with it")
    tokens = tower.tokenize(TEXTS)
    whole = tokens.ids.dtype == tokens.mask.dtype == torch.int64 and tokens.ids.shape == tokens.mask.shape
    _require(whole and len(tokens.ids) == len(TEXTS), "tokenize must give ids and mask, int64, [texts, tokens]")
    embeddings = tower.token_embeddings(tokens.ids)
    wanted = (*tokens.ids.shape, tower.context_dim)
    _require(embeddings.shape == wanted, f"token_embeddings must be {list(wanted)}, is {list(embeddings.shape)}")
    start = embeddings.detach().clone().requires_grad_()
    encoded = tower.encode(start, tokens.mask)
    _check_same(model.embed_text(TEXTS), encoded.detach(), "encode does not give what embed_text gives")
    _require(encoded.requires_grad, "encode lets no gradient through: leave inference_mode and no_grad to embed_text")
    (gradient,) = torch.autograd.grad(encoded[:, 0].sum(), start)
    kept = tokens.mask.bool()
    _require(bool((gradient[kept].abs().sum(-1) > 0).any()), "no gradient reaches the token embeddings")
    _require(not gradient[~kept].abs().sum(), "padding has a say in the embedding")


def _check_projection(model: Any) -> None:
    if not hasattr(model, "audio_features"):
        raise NotOfferedError("without `audio_features` and `project_audio`, dropout on what is heard cannot be had")
    windows = _sounds(model)
    features = model.audio_features(windows)
    _require(features.ndim == 2 and len(features) == len(windows), "audio_features must be [windows, features]")
    _check_same(
        model.embed_audio(windows), model.project_audio(features), "projected features are not what embed_audio gives"
    )
    start = features.detach().clone().requires_grad_()
    _require(model.project_audio(start).requires_grad, "project_audio lets no gradient through")


def _check_frames(model: Any) -> None:
    if not hasattr(model, "embed_frames"):
        raise NotOfferedError("without `embed_frames`, what is heard within a window is found by moving it")
    windows = _sounds(model)
    frames = model.embed_frames(windows)
    _check_unit(frames, (len(windows), frames.shape[1], model.dim), "embed_frames")
    _require(model.frame_seconds > 0, f"frame_seconds must be positive, and is {model.frame_seconds!r}")
    again = model.project_frames(model.audio_features(windows))
    _check_same(frames, again, "project_frames does not give what embed_frames gives")


CHECKS: tuple[tuple[str, Callable[[AudioTextModel], None]], ...] = (
    ("it says what it is and what it takes", _check_attributes),
    ("windows become unit vectors, silence too", _check_windows),
    ("a window alone and in a batch are one", _check_windows_alone),
    ("the same windows give the same embeddings", _check_windows_again),
    ("different sounds differ", _check_windows_differ),
    ("texts become unit vectors, odd and long ones too", _check_texts),
    ("a text alone and in a batch are one", _check_texts_alone),
    ("the same texts give the same embeddings", _check_texts_again),
    ("nothing in it can be trained by accident", _check_frozen),
    ("several threads can share it", _check_threads),
    ("prompts can be learned through its text tower", _check_text_tower),
    ("what stands before its projection can be had", _check_projection),
    ("it hears what is when within a window", _check_frames),
)


def check_model(model: AudioTextModel) -> Iterator[Result]:
    """Check a model, in the order of ``CHECKS``; each result comes as soon as it is there."""
    for promise, keep in CHECKS:
        yield _run(promise, lambda keep=keep: keep(model))  # type: ignore[misc]


def check_entry(entry: ModelEntry, device: str = "cpu", weights: Path | None = None) -> Iterator[Result]:
    """Check an entry of a registry, and the model that it loads."""
    models: list[AudioTextModel] = []

    def describe() -> None:
        for name in ("name", "description", "size", "licence"):
            _require(bool(str(getattr(entry, name)).strip()), f"{name} is empty")

    def load() -> None:
        models.append(entry.load(device, weights, None))

    def load_again() -> None:
        (model,), again = models, entry.load(device, weights, None)
        _require(model.name == entry.name, f"the model calls itself {model.name!r}, its entry {entry.name!r}")
        _require(model.revision == again.revision, f"its revision is {model.revision!r}, then {again.revision!r}")
        _check_same(model.embed_text(TEXTS), again.embed_text(TEXTS), "loaded twice, texts are embedded otherwise")
        windows = _sounds(model)
        _check_same(
            model.embed_audio(windows), again.embed_audio(windows), "loaded twice, windows are embedded otherwise"
        )

    yield _run("its entry says what people need to know", describe)
    yield _run("it loads", load)
    if models:
        yield from check_model(models[0])
        yield _run("loaded again, it is the same", load_again)


# --- the parts these are made of --------------------------------------------------------------------------------------


def _run(promise: str, keep: Callable[[], None]) -> Result:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # long texts are cut with a warning
            keep()
    except NotOfferedError as absent:
        return Result(promise, None, str(absent))
    except BrokenError as broken:
        return Result(promise, False, str(broken))
    except Exception as error:  # a model of other people may fail in any way
        return Result(promise, False, f"{type(error).__name__}: {error}")
    return Result(promise, True)


def _require(good: bool, otherwise: str) -> None:
    if not good:
        raise BrokenError(otherwise)


def _sounds(model: AudioTextModel) -> Tensor:
    """Noise, a tone and silence, each as long as the model hears at once: ``[3, samples]``."""
    samples = round(model.sample_rate * model.window_seconds)
    noise = 0.3 * torch.randn(samples, generator=torch.Generator().manual_seed(0))
    tone = 0.5 * torch.sin(2 * math.pi * 440 / model.sample_rate * torch.arange(samples))
    return torch.stack([noise, tone, torch.zeros(samples)])


def _check_unit(embedded: Tensor, shape: tuple[int, ...], what: str) -> None:
    _require(embedded.shape == shape, f"{what} must be {list(shape)}, is {list(embedded.shape)}")
    _require(embedded.is_floating_point(), f"{what} must be floats, is {embedded.dtype}")
    _require(bool(embedded.isfinite().all()), f"{what} is not finite")
    worst = float((embedded.float().norm(dim=-1) - 1).abs().max())
    _require(worst < 1e-3, f"{what} must be L2-normalised, and is off by {worst:.2g}")


def _check_same(one: Tensor, other: Tensor | Sequence[Tensor], otherwise: str) -> None:
    stacked = other if isinstance(other, torch.Tensor) else torch.stack(list(other))
    _require(one.shape == stacked.shape, f"{otherwise} ({list(one.shape)} and {list(stacked.shape)})")
    worst = _distance(one, stacked)
    _require(worst <= TOLERANCE, f"{otherwise} (by {worst:.2g})")


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one.detach().float() - other.detach().float()).abs().max())


# --- as a command -----------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the model that the arguments name, and return the exit code."""
    parser = argparse.ArgumentParser("python -m audioprompt.models.contract", description=__doc__.partition("\n")[0])
    parser.add_argument("model", help="the entry as MODULE:NAME, or the name of a model that is there")
    parser.add_argument("--weights", type=Path, help="load the weights from this file or folder")
    parser.add_argument("--device", default="cpu", help="cpu, cuda:0 or mps")
    given = parser.parse_args(arguments)
    try:
        entry, device = _find(given.model), pick_device(given.device)
    except ModelError as error:
        print(error, file=sys.stderr)
        return 2
    broken = 0
    for result in check_entry(entry, device, given.weights):
        print(result.line, flush=True)
        broken += result.kept is False
    print(f"{entry.name} breaks {broken} of the checks." if broken else f"{entry.name} keeps the contract.")
    return 1 if broken else 0


def _find(name: str) -> ModelEntry:
    """Return the entry that a person named.

    Raises:
        ModelError: there is none.
    """
    if ":" not in name:
        return MODELS[name]
    try:
        entry = resolve_name(name)
    except Exception as error:  # a module of other people may fail in any way
        raise ModelError(f"{name} cannot be imported ({error}): run this where `import` finds it.") from error
    if not isinstance(entry, ModelEntry):
        raise ModelError(f"{name} is not a ModelEntry.")
    return entry


if __name__ == "__main__":
    sys.exit(main())
