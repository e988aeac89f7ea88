"""How well it is told what is heard when: ``python -m benchmarks.events [MANIFEST]``.

Twenty recordings of thirty seconds are mixed from the clips of ESC-10's folds 1 to 3 (K. J. Piczak, ACM MM 2015), on
which the model was never trained, at times known, before three levels of pink noise (`benchmarks.mixtures`). The
timeline and its events are held against one answer for each of the model's windows. Reported are, each the mean over
the classes on frames a tenth of a second apart, the area under the ROC curve and the average precision; and the F1 of
events as ``sed_eval`` counts them, with a collar of half a second at the onset and of half an event at the offset.

What the timeline's constants were chosen on are mixtures of the bundled ``village``:
``python -m benchmarks.events assets/village/manifest.csv``. After a table for people comes one line of JSON for each
figure: name, value, unit, target, ok. The exit code is the verdict.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from audioprompt.core.timeline import Event, Timeline
from audioprompt.core.zero_shot import Array, ensemble_weights, predict
from audioprompt.data import DataError, LabelledClips
from audioprompt.encoding.encoder import EmbeddedClip, embed_prompts
from audioprompt.encoding.frames import Frames, embed_with_frames
from audioprompt.models.base import AudioTextModel
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.prompts.store import PromptStore
from audioprompt.services.rejection import recognise_by_words
from audioprompt.services.timeline import follow
from benchmarks.embedded_model import MANIFEST, PACK, Figure, at_least
from benchmarks.mixtures import NOISE, SECONDS, Mixture, mixtures

RECORDINGS, SEED = 20, 0
GRID = np.arange(0.05, SECONDS, 0.1)
COLLAR, SHARE = 0.5, 0.5  # seconds; of an event's length, at its end
AREA, PRECISION = 88.0, 65.0  # per cent

Follow = Callable[[EmbeddedClip, Frames], Timeline]


class WithoutFrames:
    """A model that is heard by excerpts, as one is that has no frames."""

    def __init__(self, model: AudioTextModel) -> None:
        self.embed_audio = model.embed_audio
        self.name, self.revision, self.device, self.dim = model.name, model.revision, model.device, model.dim
        self.sample_rate, self.window_seconds = model.sample_rate, model.window_seconds
        self.logit_scale, self.text, self.embed_text = model.logit_scale, model.text, model.embed_text


@dataclass(frozen=True, eq=False)
class Found:
    """What one way found in recordings: the probabilities on the grid, ``[R, G, C]``, and the events."""

    scores: Array
    events: list[list[Event]]


def listen(model: AudioTextModel, mixed: Sequence[Mixture], follow_it: Follow) -> Found:
    lines = [follow_it(*embed_with_frames(model, (model.sample_rate, one.samples))) for one in mixed]
    rows = [np.searchsorted(line.edges, GRID, side="right") - 1 for line in lines]
    scores = [
        line.probabilities[np.clip(row, 0, len(line.probabilities) - 1)] for line, row in zip(lines, rows, strict=True)
    ]
    return Found(np.stack(scores), [line.events(several=True) for line in lines])


def figures(model: EmbeddedModel, clips: LabelledClips) -> Iterator[Figure]:
    mixed = mixtures(clips, model.sample_rate, RECORDINGS, SEED)
    prompts = embed_prompts(model, PromptStore().get(PACK).approved, clips.spoken_classes)
    recogniser = recognise_by_words(model, ensemble_weights(prompts), clips.spoken_classes)

    def by_frames(clip: EmbeddedClip, frames: Frames) -> Timeline:
        return follow(frames, predict(frames.embeddings, prompts, clips.classes, model.logit_scale), recogniser)

    def by_windows(clip: EmbeddedClip, frames: Frames) -> Timeline:
        said = predict(clip.windows, prompts, clips.classes, model.logit_scale)
        edges = np.append(clip.starts, np.float32(clip.seconds))
        named = np.where(np.arange(len(clips.classes)) == said.winners[:, None], np.float32(1), np.float32(0))
        return Timeline(clips.classes, edges, said.probabilities, named.argmax(axis=-1))

    ways = {
        "timeline": listen(model, mixed, by_frames),
        "timeline by excerpts": listen(WithoutFrames(model), mixed, by_frames),
        "windows": listen(model, mixed, by_windows),
    }
    for name, found in ways.items():
        goal = at_least if name == "timeline" else lambda name, value, unit, target: Figure(name, value, unit)
        area, precision = score(clips.classes, mixed, found)
        yield goal(f"{name}: area under ROC", area, "%", AREA)
        yield goal(f"{name}: mean average precision", precision, "%", PRECISION)
        yield Figure(f"{name}: F1 of events", event_f1(clips.classes, mixed, found.events), "%")
    for level in NOISE:
        rows = [at for at, one in enumerate(mixed) if one.level == level]
        some = Found(ways["timeline"].scores[rows], [])
        area, precision = score(clips.classes, [mixed[at] for at in rows], some)
        yield Figure(f"noise at {level:g} dB: area under ROC", area, "%")
        yield Figure(f"noise at {level:g} dB: mean average precision", precision, "%")


def score(classes: Sequence[str], mixed: Sequence[Mixture], found: Found) -> tuple[float, float]:
    """Area under ROC and average precision, per cent, means over the classes that occur."""
    heard = np.zeros(found.scores.shape, bool)
    for number, one in enumerate(mixed):
        for event in one.events:
            heard[number, (event.start <= GRID) & (event.end > GRID), classes.index(event.label)] = True
    pairs = [
        (heard[..., at].ravel(), found.scores[..., at].ravel()) for at in range(len(classes)) if heard[..., at].any()
    ]
    areas, precisions = ([measure(*pair) for pair in pairs] for measure in (roc_auc_score, average_precision_score))
    return 100 * float(np.mean(areas)), 100 * float(np.mean(precisions))


def event_f1(classes: Sequence[str], mixed: Sequence[Mixture], found: Sequence[Sequence[Event]]) -> float:
    """F1 over all events in per cent, as ``sed_eval`` counts them."""
    sound_event = importlib.import_module("sed_eval").sound_event
    counts = sound_event.EventBasedMetrics(list(classes), t_collar=COLLAR, percentage_of_length=SHARE)
    for number, (one, events) in enumerate(zip(mixed, found, strict=True)):
        counts.evaluate(_listed(one.events, number), _listed(events, number))
    return 100 * float(counts.results_overall_metrics()["f_measure"]["f_measure"])


def _listed(events: Sequence[Event], recording: int) -> list[dict[str, object]]:
    return [
        {"file": str(recording), "event_onset": one.start, "event_offset": one.end, "event_label": one.label}
        for one in events
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.events", description="Measure what is heard when.")
    parser.add_argument("manifest", nargs="?", type=Path, default=MANIFEST, metavar="MANIFEST")
    try:
        clips = LabelledClips.from_manifest(parser.parse_args().manifest)
    except DataError as error:
        parser.error(str(error))
    found = []
    for figure in figures(EmbeddedModel("cpu"), clips):
        print(figure.line(), flush=True)
        found.append(figure)
    for figure in found:
        print(json.dumps(asdict(figure)))
    return 0 if all(figure.ok for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
