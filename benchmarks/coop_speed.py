"""How fast CoOp and CoCoOp fit embeddings that were computed once: ``python -m benchmarks.coop_speed``.

Both have to run the text tower at every step, but no clip goes through the audio encoder again, and class names are
padded to the longest of them and no further. They are held against loops in the manner of the reference code, which
does neither, on the same encoders: Pengi's, as in PALM's experiments, with random weights, or the bundled model's
(``--encoders embedded``), whose audio encoder is so light that there is less to gain. As Pengi's settings have it, the
reference also carries gradients through the audio encoder, to weights that it then leaves as they are; the table says
what the audio encoder takes of its time. The size is that of most of PALM's data sets, 10 classes and batches of 16.

Everything runs on one thread and is timed by the seconds it worked, which a busy machine does not stretch. After a
table for people comes one line of JSON: name, value, unit, target, ok. The value is the smaller of the two methods'
figures. The exit code is the verdict.
"""

import argparse
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from audioprompt.few_shot.methods.cocoop import Cocoop
from audioprompt.few_shot.methods.coop import Coop, start_tokens
from audioprompt.few_shot.settings import PAPER_SCALE, FitSettings
from audioprompt.models.base import Tokens
from audioprompt.models.clap import CHECKPOINTS, MsClap, Towers
from audioprompt.models.embedded import EmbeddedModel
from benchmarks.palm_speed import (
    descend,
    names,
    padded,
    peak_megabytes,
    random_batch,
    random_shots,
    report,
    seconds,
)

CLASSES = 10
FASTER = 3
Encoders = MsClap | EmbeddedModel
METHODS: tuple[type[Coop], ...] = (Coop, Cocoop)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.coop_speed", description="Time CoOp and CoCoOp.")
    parser.add_argument("--encoders", choices=["pengi", "embedded"], default="pengi")
    model: Encoders = random_pengi() if parser.parse_args().encoders == "pengi" else EmbeddedModel("cpu")
    torch.set_num_threads(1)
    settings = FitSettings(epochs=1, logit_scale=PAPER_SCALE)
    ours = {method: our_step(method, model, settings) for method in METHODS}
    memory = peak_megabytes()
    model.audio.requires_grad_(True)
    theirs = {method: seconds(reference_step(method, model, settings)) for method in METHODS}
    faster = {method: theirs[method] / ours[method] for method in METHODS}
    print(f"{'seconds for a step, one core':30} {'here':>8} {'reference':>10} {'times faster':>13}")
    for method in METHODS:
        print(f"{method.method:30} {ours[method]:8.2f} {theirs[method]:10.2f} {faster[method]:13.1f}")
    print(f"{'of it in the audio encoder':30} {0:8.2f} {seconds(audio_pass(model, settings)):10.2f}")
    print(f"{'peak memory, MB':30} {memory:8.0f} {peak_megabytes():10.0f}")
    report("coop_speed", min(faster.values()), f">= {FASTER}", min(faster.values()) >= FASTER)


def our_step(method: type[Coop], model: Encoders, settings: FitSettings) -> float:
    """Seconds of a fit that is one step long, the second of two."""
    audio, targets, _ = random_shots(CLASSES, 2, model.dim)
    head = method(names(CLASSES), model.text, settings)
    clips = slice(0, settings.batch_size)
    return [seconds(lambda: head.fit(audio[clips], targets[clips])) for _ in range(2)][1]


def reference_step(method: type[Coop], model: Encoders, settings: FitSettings) -> Callable[[], None]:
    """One step in the reference's manner, to be called again and again."""
    windows, targets = random_batch(model, CLASSES, settings)
    text, start = model.text, start_tokens(model.text)
    tokens = padded(text, [" ".join([*["X"] * settings.context_tokens, name]) for name in names(CLASSES)])
    with torch.no_grad():
        words = text.token_embeddings(tokens.ids)
    before, after = words[:, :start], words[:, start + settings.context_tokens :]
    begun = method(names(CLASSES), text, settings).initial(np.random.default_rng(0), model.dim)
    learned = {name: torch.tensor(value, requires_grad=True) for name, value in begun.items()}
    optimiser = torch.optim.SGD(learned.values(), settings.learning_rate, settings.momentum)

    def weights(context: Tensor) -> Tensor:
        return text.encode(torch.cat([before, context.expand(CLASSES, -1, -1), after], dim=1), tokens.mask)

    def step() -> None:
        audio = hear(model, windows)
        if method is Coop:
            cosines = audio @ weights(learned["context"]).T
        else:
            narrow = linear(audio, learned["narrow.weight"], learned["narrow.bias"]).relu()
            shifts = linear(narrow, learned["widen.weight"], learned["widen.bias"])
            each = zip(audio, learned["context"] + shifts[:, None], strict=True)
            cosines = torch.stack([weights(context) @ clip for clip, context in each])
        descend(optimiser, PAPER_SCALE * cosines, targets)

    return step


def hear(model: Encoders, windows: Tensor) -> Tensor:
    """Clips through the audio encoder, ``[B, samples]`` -> ``[B, D]``, with gradients to its weights."""
    if isinstance(model, EmbeddedModel):
        return model.audio(windows)
    return model.project_audio(model.audio.base(windows)["embedding"])


def audio_pass(model: Encoders, settings: FitSettings) -> Callable[[], None]:
    """What one step of the reference costs in the audio encoder alone."""
    windows, _ = random_batch(model, CLASSES, settings)
    return lambda: hear(model, windows).sum().backward()


def random_pengi() -> MsClap:
    """Pengi's encoders with random weights; a word is one token."""
    checkpoint = CHECKPOINTS["pengi"]
    torch.manual_seed(0)
    towers = Towers(checkpoint)
    start, end = 49_406, 49_407

    def tokenize(texts: Sequence[str], device: str | torch.device = "cpu") -> Tokens:
        found = [[start, *(zlib.crc32(word.encode()) % start for word in text.split()), end] for text in texts]
        longest = max(map(len, found))
        ids = [some + [0] * (longest - len(some)) for some in found]
        mask = [[1] * len(some) + [0] * (longest - len(some)) for some in found]
        return Tokens(torch.tensor(ids, device=device), torch.tensor(mask, device=device))

    towers.caption_encoder.tokenizer = tokenize  # type: ignore[assignment]
    return MsClap("pengi", towers, checkpoint.window_seconds, "random", "cpu")


if __name__ == "__main__":
    main()
