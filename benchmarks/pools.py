"""What the benchmarks that judge pools of clips share: reading a pool, and reporting on each that is named."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array, ensemble_weights
from audioprompt.data import DataError, LabelledClips
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.clips import embed_clips
from audioprompt.encoding.encoder import embed_prompts, pooled
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.prompts.pack import PackError
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from benchmarks.embedded_model import INSTRUMENTS, Figure


@dataclass(frozen=True, eq=False)
class Pool:
    """Clips whose classes nobody is told, and the words.

    Attributes:
        name: of the set.
        audio: ``[N, D]``.
        targets: the class of each clip, ``[N]``; -1 for one that is of none.
        folds: the fold of each clip, ``[N]``.
        classes: what they are called, C.
        templates: in which the words are said.
        words: class weights, ``[C, D]``.
        model: that heard and read them.
    """

    name: str
    audio: Array
    targets: NDArray[np.intp]
    folds: NDArray[np.intp]
    classes: tuple[str, ...]
    templates: tuple[Template, ...]
    words: Array
    model: EmbeddedModel

    def take(self, rows: NDArray[np.intp]) -> "Pool":
        return replace(self, audio=self.audio[rows], targets=self.targets[rows], folds=self.folds[rows])

    def with_labels(self, classes: NDArray[np.intp]) -> "Pool":
        """The same clips with only some of the classes among the labels."""
        place = np.full(len(self.words), -1)
        place[classes] = np.arange(len(classes))
        names = tuple(self.classes[number] for number in classes)
        return replace(self, targets=place[self.targets], classes=names, words=self.words[classes])


def read_pool(model: EmbeddedModel, manifest: Path, pack: str) -> Pool:
    """
    Raises:
        DataError, PackError: there are no such clips or templates.
    """
    clips = LabelledClips.from_manifest(manifest)
    templates, cache = PromptStore().get(pack).approved, EmbeddingCache()
    classes = tuple(clips.spoken_classes)
    words = ensemble_weights(embed_prompts(model, templates, classes, cache=cache))
    audio = pooled(embed_clips(model, clips.paths, cache=cache))
    folds = np.array(clips.folds) if clips.folds else np.zeros(len(clips), int)
    return Pool(manifest.resolve().parent.name, audio, clips.targets, folds, classes, tuple(templates), words, model)


def report(
    name: str,
    says: str,
    draws: Callable[[Pool, int], list[Any]],
    figures: Callable[[Pool, list[Any]], Iterable[Figure]],
    smallest: int = 1,
    seeds: int = 20,
) -> None:
    """Read the command line, measure each pool that it names, and end with the verdict.

    Args:
        name: of the benchmark.
        says: what it measures, in a sentence.
        draws: what is measured of a pool with so many seeds, each a data class.
        figures: what they come to.
        smallest: clips that a pool must have.
        seeds: of the draws, unless the command line has another number.
    """
    parser = argparse.ArgumentParser(prog=f"benchmarks.{name}", description=says)
    parser.add_argument("manifests", nargs="*", type=Path, default=[INSTRUMENTS], metavar="MANIFEST")
    parser.add_argument("--pack", default="eight-templates", help="whose ensemble the words are")
    parser.add_argument("--seeds", type=int, default=seeds, help="draws at random")
    parser.add_argument("--json", action="store_true", help="print a line for each draw as well")
    options = parser.parse_args()
    model, found = EmbeddedModel("cpu"), []
    for manifest in options.manifests:
        try:
            pool = read_pool(model, manifest, options.pack)
        except (DataError, PackError) as error:
            parser.error(str(error))
        if len(pool.audio) < smallest:
            parser.error(f"{manifest} has {len(pool.audio)} clips. Give at least {smallest}.")
        cells = draws(pool, options.seeds)
        if options.json:
            print(*(json.dumps(asdict(cell)) for cell in cells), sep="\n")
        for figure in figures(pool, cells):
            print(figure.line(), flush=True)
            found.append(figure)
    for figure in found:
        print(json.dumps(asdict(figure)))
    sys.exit(0 if all(figure.ok for figure in found) else 1)
