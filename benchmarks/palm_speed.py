"""How fast PALM fits embeddings that were computed once: ``python -m benchmarks.palm_speed``.

The size is the paper's: 50 classes of 16 clips, 50 epochs in batches of 16; embeddings are random, of 1,024 dimensions.
It is held against a loop in the manner of the reference code, which at every step runs the clips of the batch and all
class names through the frozen encoders again. A few such steps are timed, with the bundled model's encoders and clips
that lie decoded in memory, and scaled to a whole fit.

Both run on one thread and are timed by the seconds it worked, which a busy machine does not stretch. The reference's
are divided by two, as if it shared its work perfectly between two cores; the fit gets no such gift.

After a table for people comes one line of JSON: name, value, unit, target, ok. The exit code is the verdict.
"""

import json
import math
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from audioprompt.core.zero_shot import Array, normalise
from audioprompt.few_shot.methods.palm import Palm
from audioprompt.few_shot.settings import FitSettings
from audioprompt.models.base import AudioTextModel, PromptableText, Tokens
from audioprompt.models.embedded import EmbeddedModel

CLASSES, SHOTS, DIM = 50, 16, 1_024
CORES = 2  # granted to the reference
STEPS = 3  # of the reference that are timed
REFERENCE_TOKENS = 40  # the reference pads every text to as many, Pengi's limit
FASTER, MAX_SECONDS = 200, 3.0


def main() -> None:
    torch.set_num_threads(1)
    model, settings = EmbeddedModel("cpu"), FitSettings()
    fit = seconds(lambda: fit_palm(settings))
    print(f"{'fit on embeddings, one core':48} {fit:10.2f} s   <= {MAX_SECONDS:g}")
    print(f"{'peak memory so far':48} {peak_megabytes():10.0f} MB")
    steps = settings.epochs * math.ceil(CLASSES * SHOTS / settings.batch_size)
    step = seconds_of_a_step(reference_step(model, settings))
    reference = step * steps / CORES
    print(f"{'one step of the reference, one core':48} {step:10.2f} s   of {steps:,}")
    print(f"{'the reference, two cores':48} {reference:10.0f} s")
    print(f"{'peak memory with the reference':48} {peak_megabytes():10.0f} MB")
    ok = reference / fit >= FASTER and fit <= MAX_SECONDS
    report("palm_speed", reference / fit, f">= {FASTER}, the fit itself <= {MAX_SECONDS:g} s", ok)


def report(name: str, faster: float, target: str, ok: bool) -> None:
    """Print the last line and leave."""
    print(json.dumps({"name": name, "value": round(faster, 2), "unit": "times faster", "target": target, "ok": ok}))
    sys.exit(0 if ok else 1)


# --- ours -------------------------------------------------------------------------------------------------------------


def fit_palm(settings: FitSettings) -> None:
    audio, targets, start = random_shots(CLASSES, SHOTS, DIM)
    Palm(names(CLASSES), start, settings).fit(audio, targets)


def random_shots(classes: int, shots: int, dim: int) -> tuple[Array, np.ndarray, Array]:
    """Embeddings of clips ``[N, D]``, their classes ``[N]`` in turn, and embeddings of the classes ``[C, D]``."""
    rng = np.random.default_rng(0)
    vectors = normalise(rng.standard_normal((classes * (shots + 1), dim)).astype(np.float32))
    return vectors[classes:], np.tile(np.arange(classes), shots), vectors[:classes]


def names(classes: int) -> list[str]:
    """Class names of two words, as most are."""
    return [f"{kind} {sound}" for kind in KINDS for sound in SOUNDS][:classes]


KINDS = ("dog", "door", "water", "street", "church")
SOUNDS = ("bark", "knock", "drops", "music", "bells", "engine", "alarm", "laughing", "footsteps", "saw")


# --- the reference's way ----------------------------------------------------------------------------------------------


def reference_step(model: EmbeddedModel, settings: FitSettings) -> Callable[[], None]:
    """One step of PALM's formulas in the reference's manner, to be called again and again."""
    windows, targets = random_batch(model, CLASSES, settings)
    tokens = padded(model.text, names(CLASSES))
    context = (0.02 * torch.randn(CLASSES, model.dim)).requires_grad_()
    gates = torch.rand(CLASSES).requires_grad_()
    optimiser = torch.optim.SGD([context, gates], settings.learning_rate, settings.momentum)

    def step() -> None:
        audio = model.embed_audio(windows).clone()
        texts = model.text.encode(model.text.token_embeddings(tokens.ids), tokens.mask)
        share = gates.sigmoid()[:, None]
        weights = functional.normalize((1 - share) * texts + share * context, dim=-1)
        descend(optimiser, model.logit_scale * audio @ weights.T, targets)

    return step


def random_batch(model: AudioTextModel, classes: int, settings: FitSettings) -> tuple[Tensor, Tensor]:
    """Decoded clips ``[B, samples]`` and their classes ``[B]``."""
    samples = round(model.sample_rate * model.window_seconds)
    return 0.1 * torch.randn(settings.batch_size, samples), torch.randint(classes, (settings.batch_size,))


def padded(text: PromptableText, texts: list[str], tokens: int = REFERENCE_TOKENS) -> Tokens:
    """Texts as the reference tokenises them, every one as long as any could be."""
    short = text.tokenize(texts)
    missing = (0, tokens - short.ids.shape[1])
    return Tokens(functional.pad(short.ids, missing), functional.pad(short.mask, missing))


def descend(optimiser: torch.optim.Optimizer, logits: Tensor, targets: Tensor) -> None:
    optimiser.zero_grad()
    functional.cross_entropy(logits, targets).backward()
    optimiser.step()


# --- measuring --------------------------------------------------------------------------------------------------------


def seconds(work: Callable[[], object]) -> float:
    """How long this process works at something, waiting not counted."""
    began = time.process_time()
    work()
    return time.process_time() - began


def seconds_of_a_step(step: Callable[[], object], steps: int = STEPS) -> float:
    """The quickest of a few steps, the first of which warms up and does not count."""
    return min([seconds(step) for _ in range(steps + 1)][1:])


def peak_megabytes() -> float:
    """The most memory that this process has held up to now."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main()
