"""What the bundled model must reach, measured: ``python -m benchmarks.embedded_model``.

Accuracy is measured on the folds 1 to 3 of ESC-10 (K. J. Piczak, ACM MM 2015), on which the model was never trained,
with labels in English and in Chinese, on the same clips behind a wall, in rooms, far away, over a telephone, in a
street and in a crowd, and on the bundled instruments. ``--manifest`` says where ESC-10 is, as
a CSV file with the columns path, classname and fold. After a table for people comes one line of JSON for each figure:
name, value, unit, target, ok, interval. The last line is the verdict over all of them, as is the exit code.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from audioprompt.audio.decode import read
from audioprompt.core.metrics import Score, ensemble_score, score, winners
from audioprompt.core.zero_shot import Array
from audioprompt.data import DataError, LabelledClips
from audioprompt.encoding.clips import embed_clips
from audioprompt.encoding.encoder import embed_clip, embed_prompts, pooled
from audioprompt.models.base import AudioTextModel
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.prompts.store import PromptStore
from audioprompt.settings import asset_folder
from benchmarks.conditions import CONDITIONS, spoiled

MANIFEST = Path(__file__).parents[2] / "shared" / "data" / "esc10" / "manifest.csv"
INSTRUMENTS = asset_folder("instruments") / "manifest.csv"
PACK = "eight-templates"
CHINESE = {
    "baby cry": "婴儿哭声",
    "chainsaw": "电锯声",
    "clock tick": "时钟滴答声",
    "dog bark": "狗叫声",
    "fire crackling": "火焰噼啪声",
    "helicopter": "直升机声",
    "person sneeze": "打喷嚏声",
    "rain": "雨声",
    "rooster": "公鸡打鸣",
    "sea waves": "海浪声",
}
SHOTS = 16  # clips per class that the linear probe learns from
CLIP_SECONDS, CLIP_RATE = 5, 44_100
TIMED_RUNS = 30
QUICK = 6  # every so manyth clip is spoiled, where there is no time for all


@dataclass(frozen=True)
class Figure:
    """One measured value; without a target it is there to be read and fits any verdict."""

    name: str
    value: float
    unit: str
    target: str | None = None
    ok: bool = True
    interval: tuple[float, float] | None = None  # of 95 %, where clips were counted

    def line(self) -> str:
        """It as a row of the table for people."""
        between = "[{:.3f}, {:.3f}]".format(*self.interval) if self.interval else ""
        target = f"{self.target or '':8} {'' if self.ok else 'missed'}"
        return f"{self.name:50} {self.value:8.3f} {self.unit:8} {between:16} {target}".rstrip()


def at_least(name: str, value: float, unit: str, target: float, interval: tuple[float, float] | None = None) -> Figure:
    return Figure(name, value, unit, f">= {target:g}", value >= target, interval)


def at_most(name: str, value: float, unit: str, target: float) -> Figure:
    return Figure(name, value, unit, f"<= {target:g}", value <= target)


@dataclass(frozen=True)
class Answers:
    """How rightly the templates, each alone, answer each clip, 0 to 1: ``[templates, N]``."""

    right: NDArray[np.generic]

    @property
    def accuracy(self) -> float:
        """Mean over the templates."""
        return float(self.right.mean())

    @property
    def spread(self) -> float:
        """Between the best template and the worst."""
        each = self.right.mean(axis=1)
        return float(each.max() - each.min())

    @property
    def interval(self) -> tuple[float, float]:
        """Of the mean over the templates, 95 %, for other clips of the kind."""
        clips = self.right.mean(axis=0)
        margin = 1.96 * float(clips.std()) / len(clips) ** 0.5
        return max(0.0, self.accuracy - margin), min(1.0, self.accuracy + margin)


def answers(audio: Array, prompts: Array, targets: NDArray[np.intp]) -> Answers:
    """``[N, D]``, ``[templates, C, D]``, ``[N]``."""
    return Answers(np.stack([winners(audio, weights) == targets for weights in prompts]))


def figures(model: EmbeddedModel, clips: LabelledClips, quick: bool = False) -> Iterator[Figure]:
    """Every figure, each as soon as it is measured."""
    yield from accuracies(model, clips)
    yield from instruments(model)
    yield from conditions(model, clips.take(range(0, len(clips), QUICK)) if quick else clips)
    yield at_most("time for a 5 s clip on one CPU thread", milliseconds(model), "ms", 60)
    parameters = sum(parameter.numel() for parameter in model.audio.parameters())
    yield at_most("parameters of the audio tower", parameters / 1e6, "million", 3)
    size = sum(file.stat().st_size for file in asset_folder("embedded").iterdir())
    yield at_most("size of the model's files", size / 1e6, "MB", 30)
    digests = {digest_in_a_new_process() for _ in range(2)}
    yield Figure("different embeddings of one clip in two processes", len(digests), "count", "== 1", len(digests) == 1)


def accuracies(model: EmbeddedModel, clips: LabelledClips) -> Iterator[Figure]:
    """What zero-shot prompts and a linear probe reach, with labels in English and in Chinese."""
    templates = PromptStore().get(PACK).approved
    prompts = embed_prompts(model, templates, clips.spoken_classes)
    audio = pooled(embed_clips(model, clips.paths))
    english = answers(audio, prompts, clips.targets)
    alone = [float(right.mean()) for right in english.right]
    for template, accuracy in zip(templates, alone, strict=True):
        yield Figure(f"accuracy of {template.text!r}", accuracy, "share")
    yield Figure("accuracy of the ensemble", ensemble_score(audio, prompts, clips.targets).accuracy, "share")
    yield at_least("mean accuracy of eight templates", english.accuracy, "share", 0.90, english.interval)
    yield Figure("accuracy of the best template", max(alone), "share")
    probe = linear_probe(audio, clips)
    yield at_least("accuracy of a 16-shot linear probe", probe.accuracy, "share", 0.96, probe.interval)
    labels = [CHINESE.get(label, label) for label in clips.spoken_classes]
    chinese = answers(audio, embed_prompts(model, templates, labels), clips.targets)
    yield at_least("mean accuracy with labels in Chinese", chinese.accuracy, "share", 0.78, chinese.interval)


def conditions(model: EmbeddedModel, clips: LabelledClips) -> Iterator[Figure]:
    """The mean accuracy of the templates under each of the ``CONDITIONS``, and over all of them."""
    prompts = embed_prompts(model, PromptStore().get(PACK).approved, clips.spoken_classes)
    recordings = [read(path) for path in clips.paths]
    found = []
    for condition in CONDITIONS:
        sounds = [
            (each.sample_rate, spoiled(condition, each.samples, each.sample_rate, seed))
            for seed, each in enumerate(recordings)
        ]
        found.append(answers(pooled(embed_clips(model, sounds)), prompts, clips.targets))
        yield Figure(f"mean accuracy {condition}", found[-1].accuracy, "share", interval=found[-1].interval)
    right = np.stack([each.right for each in found]).mean(axis=0)  # of each clip over the conditions
    whole = Answers(right)
    yield at_least("mean accuracy under seven conditions", whole.accuracy, "share", 0.65, whole.interval)


def instruments(model: EmbeddedModel) -> Iterator[Figure]:
    """On the bundled instruments: the mean accuracy of the templates, and what the instruments pack's wording does."""
    clips = LabelledClips.from_manifest(INSTRUMENTS)
    audio = pooled(embed_clips(model, clips.paths))
    general, worded = (
        answers(audio, embed_prompts(model, PromptStore().get(pack).approved, clips.spoken_classes), clips.targets)
        for pack in (PACK, "instruments")
    )
    yield at_least("mean accuracy on the instruments", general.accuracy, "share", 0.60, general.interval)
    yield at_least("spread over the instruments pack's templates", worded.spread, "share", 0.05)


def linear_probe(audio: Array, clips: LabelledClips) -> Score:
    """Learn a logistic regression from the first 16 clips of each class in folds 1 and 2, and score it on fold 3."""
    targets, folds = clips.targets, np.array(clips.folds)
    known = np.concatenate(
        [np.flatnonzero((targets == label) & (folds < 3))[:SHOTS] for label in range(len(clips.classes))]
    )
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    probe.fit(audio[known], targets[known])
    return score(probe.predict(audio[folds == 3]), targets[folds == 3])


def noise() -> tuple[int, np.ndarray]:
    """A clip of 5 s, the same one every time."""
    return CLIP_RATE, 0.1 * np.random.default_rng(0).standard_normal(CLIP_SECONDS * CLIP_RATE).astype(np.float32)


def milliseconds(model: AudioTextModel) -> float:
    """Median time to resample and embed a clip on one thread: its CPU time, which a busy machine does not stretch."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    for _ in range(TIMED_RUNS):
        began = time.process_time()
        embed_clip(model, noise())
        times.append(time.process_time() - began)
    torch.set_num_threads(threads)
    return 1_000 * float(np.median(times))


def digest() -> str:
    """Fingerprint of the embedding of a clip and of a text."""
    model = EmbeddedModel("cpu")
    embedded = embed_clip(model, noise()).windows.tobytes() + model.embed_text(["rain"]).numpy().tobytes()
    return hashlib.sha256(embedded).hexdigest()


def digest_in_a_new_process() -> str:
    code = "from benchmarks.embedded_model import digest; print(digest())"
    run = [sys.executable, "-c", code]
    return subprocess.run(run, cwd=Path(__file__).parents[1], check=True, capture_output=True, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.embedded_model", description="Measure the bundled model.")
    parser.add_argument("--manifest", type=Path, default=MANIFEST, help="CSV file of ESC-10's folds 1 to 3")
    parser.add_argument("--quick", action="store_true", help=f"spoil one clip of {QUICK}: a third of the time")
    options = parser.parse_args()
    try:
        clips = LabelledClips.from_manifest(options.manifest).in_folds([1, 2, 3])
    except DataError as error:
        parser.error(str(error))
    model = EmbeddedModel("cpu")
    measured = []
    for figure in figures(model, clips, options.quick):
        measured.append(figure)
        print(figure.line(), flush=True)
    reached = sum(figure.ok for figure in measured)
    measured.append(Figure("overall", reached, "figures", f"== {len(measured)}", reached == len(measured)))
    for figure in measured:
        print(json.dumps(asdict(figure)))
    sys.exit(0 if measured[-1].ok else 1)


if __name__ == "__main__":
    main()
