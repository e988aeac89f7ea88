"""What the bundled model must reach, measured: ``python -m benchmarks.embedded_model``.

Accuracy is measured on the folds 1 to 3 of ESC-10 (K. J. Piczak, ACM MM 2015), on which the model was never trained;
``--manifest`` says where they are, as a CSV file with the columns path, classname and fold. After a table for people
comes one line of JSON for each figure: name, value, unit, target, ok. The last line is the verdict over all of them, as
is the exit code.
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
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from audioprompt.core.metrics import Score, evaluate, score
from audioprompt.core.zero_shot import Array
from audioprompt.data import DataError, LabelledClips
from audioprompt.encoding.encoder import embed_clip, embed_clips, embed_prompts, pooled
from audioprompt.models.base import AudioTextModel
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import VANILLA
from audioprompt.settings import asset_folder

MANIFEST = Path(__file__).parents[2] / "shared" / "data" / "esc10" / "manifest.csv"
PACK = "eight-templates"
SHOTS = 16  # clips per class that the linear probe learns from
CLIP_SECONDS, CLIP_RATE = 5, 44_100
TIMED_RUNS = 30


@dataclass(frozen=True)
class Figure:
    """One measured value; without a target it is there to be read and fits any verdict."""

    name: str
    value: float
    unit: str
    target: str | None = None
    ok: bool = True


def at_least(name: str, value: float, unit: str, target: float) -> Figure:
    return Figure(name, value, unit, f">= {target:g}", value >= target)


def at_most(name: str, value: float, unit: str, target: float) -> Figure:
    return Figure(name, value, unit, f"<= {target:g}", value <= target)


def figures(model: EmbeddedModel, clips: LabelledClips) -> Iterator[Figure]:
    """Every figure, each as soon as it is measured."""
    templates = PromptStore().get(PACK).approved
    prompts = embed_prompts(model, [VANILLA, *templates], clips.spoken_classes)
    audio = pooled(embed_clips(model, clips.paths))
    report = evaluate(audio, prompts[0], prompts[1:], clips.truth, clips.classes)
    for template, alone in zip(templates, report.templates, strict=True):
        yield Figure(f"accuracy of {template.text!r}", alone.accuracy, "share")
    yield Figure("accuracy of the ensemble", report.ensemble.accuracy, "share")
    yield at_least("mean accuracy of eight templates", report.mean_of_templates, "share", 0.66)
    yield at_least("accuracy of the best template", report.templates[report.best].accuracy, "share", 0.72)
    yield at_least("accuracy of a 16-shot linear probe", linear_probe(audio, clips).accuracy, "share", 0.88)
    yield at_most("time for a 5 s clip on one CPU thread", milliseconds(model), "ms", 60)
    parameters = sum(parameter.numel() for parameter in model.audio.parameters())
    yield at_most("parameters of the audio tower", parameters / 1e6, "million", 3)
    size = sum(file.stat().st_size for file in asset_folder("embedded").iterdir())
    yield at_most("size of the model's files", size / 1e6, "MB", 30)
    digests = {digest_in_a_new_process() for _ in range(2)}
    yield Figure("different embeddings of one clip in two processes", len(digests), "count", "== 1", len(digests) == 1)


def linear_probe(audio: Array, clips: LabelledClips) -> Score:
    """Learn a logistic regression from the first 16 clips of each class in folds 1 and 2, and score it on fold 3."""
    truth, folds = clips.truth, np.array(clips.folds)
    known = np.concatenate(
        [np.flatnonzero((truth == label) & (folds < 3))[:SHOTS] for label in range(len(clips.classes))]
    )
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    probe.fit(audio[known], truth[known])
    return score(probe.predict(audio[folds == 3]), truth[folds == 3])


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
    try:
        clips = LabelledClips.from_manifest(parser.parse_args().manifest).in_folds([1, 2, 3])
    except DataError as error:
        parser.error(str(error))
    measured = []
    for figure in figures(EmbeddedModel("cpu"), clips):
        measured.append(figure)
        target = f"{figure.target or '':8} {'' if figure.ok else 'missed'}"
        print(f"{figure.name:50} {figure.value:8.3f} {figure.unit:8} {target}".rstrip())
    reached = sum(figure.ok for figure in measured)
    measured.append(Figure("overall", reached, "figures", f"== {len(measured)}", reached == len(measured)))
    for figure in measured:
        print(json.dumps(asdict(figure)))
    sys.exit(0 if measured[-1].ok else 1)


if __name__ == "__main__":
    main()
