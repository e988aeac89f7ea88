"""An experiment run cell by cell: each is noted in a journal, so that a run that was killed goes on where it ended."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from threading import Event

import numpy as np

from audioprompt.core.ensembles import ENSEMBLES, Evidence
from audioprompt.core.zero_shot import Array
from audioprompt.data import DataError, LabelledClips, open_clips
from audioprompt.data.clips import summarise_left_out
from audioprompt.data.papers import PaperSet, data_folder, find_folder, read_set
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.encoder import embed_prompts
from audioprompt.errors import AudiopromptError
from audioprompt.few_shot.settings import FewShotError, FitSettings
from audioprompt.models.base import AudioTextModel
from audioprompt.prompts.pack import CATEGORIES
from audioprompt.prompts.store import PromptStore
from audioprompt.services.folders.journal import Journal, JournalError
from audioprompt.services.learn.clips import EmbeddedClips, embed_clips, hold_back
from audioprompt.services.learn.fitting import run as fit
from audioprompt.services.learn.results import ExperimentSettings, Watch
from audioprompt.services.reproduce.experiments import Experiment, ReproduceError, System, pack_for
from audioprompt.util.memory import peak_megabytes

Progress = Callable[[str, int, int], None]  # (what, of the whole or of a part; done; in all)
WHOLE, PART = "cells", "this cell"


@dataclass(frozen=True)
class Place:
    """Labelled clips to run on.

    Attributes:
        title: what the table calls them.
        category: of the prompts that suit them.
        open: gives the clips.
        name: of the paper's data set; empty for other clips.
    """

    title: str
    category: str
    open: Callable[[], LabelledClips]
    name: str = ""

    @property
    def how_to_check(self) -> str:
        """What lists all that is wrong with a data set of the paper, as a sentence after another."""
        return f" audioprompt data check {self.name} lists every one." if self.name else ""


@dataclass(frozen=True)
class Cell:
    """What one system achieved on one part of one data set, with one seed.

    Attributes:
        model: that heard the clips.
        title: of the data set.
        system: the column.
        fold: that was held back; 0 for all clips, or for a part held back by chance.
        seed: of what was drawn and learned.
        right: for each clip whether it was put in the right class, as 0s and 1s.
        seconds: that it took, without the encoding of what was cached.
        megabytes: the most memory that the process has had so far, or the GPU where one is used.
        problem: why there is no result, as a sentence.
    """

    model: str
    title: str
    system: str
    fold: int
    seed: int
    right: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class RunSettings:
    """How an experiment is run.

    Attributes:
        seeds: of each method that learns.
        epochs: of each fit.
        only: the systems to run, beside the baseline; none for all.
        jobs: data sets at once.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    epochs: int = 50
    only: frozenset[str] = frozenset()
    jobs: int = 1


def papers_places(experiment: Experiment, root: Path | None) -> tuple[list[Place], list[str]]:
    """Return the paper's data sets that are here, and how to get the others, a sentence for each."""
    folder = data_folder(root)
    here, missing = [], []
    for one in experiment.sets:
        if found := find_folder(one, folder):
            here.append(Place(one.title, one.category, _opener(one, found), one.name))
        else:
            missing.append(f"{one.title} ({one.gigabytes:g} GB) is not here: audioprompt data get {one.name}")
    return here, missing


def _opener(one: PaperSet, folder: Path) -> Callable[[], LabelledClips]:
    return lambda: read_set(one, folder, skip_bad=True)


def other_places(given: Sequence[str], taken: Sequence[str] = ()) -> list[Place]:
    """Return clips that stand in, each under a title of its own.

    Args:
        given: ``PLACE`` or ``PLACE=category`` of each.
        taken: titles of the other clips of the run.
    """
    found = {where: _other_place(where) for where in given}
    called = Counter([*taken, *(place.title for place in found.values())])
    whole = {where: f"{where} (--also)" if where in taken else where for where in given}
    return [replace(place, title=whole[where]) if called[place.title] > 1 else place for where, place in found.items()]


def _other_place(where: str) -> Place:
    place, _, category = where.partition("=")
    if category and category not in CATEGORIES:
        raise ReproduceError(f"There is no category {category!r} for {place}. Choose of: {', '.join(CATEGORIES)}.")
    title = Path(place).parent.name if place.endswith(".csv") else Path(place).name
    return Place(title, category or place, lambda: open_clips(place, skip_bad=True))


def systems_for(experiment: Experiment, place: Place) -> tuple[System, ...]:
    """Return the columns of an experiment with the prompts that suit some clips."""
    return experiment.systems(pack_for(place.category, PromptStore()))


def run(
    experiment: Experiment,
    models: Sequence[AudioTextModel],
    places: Sequence[Place],
    settings: RunSettings,
    journal_path: Path,
    progress: Progress = lambda what, done, total: None,
) -> tuple[list[Cell], list[str]]:
    """Run an experiment on the data sets that are here: the cells, and what is missing of data sets.

    Args:
        experiment: which.
        models: that hear the clips.
        places: the data sets.
        settings: how.
        journal_path: the file that remembers what was done.
        progress: told how far the whole is, in cells, and its part.

    Raises:
        ReproduceError: it has no such column as is to be run.
        JournalError: the journal is of another question, or cannot be written.
    """
    _refuse_unknown_columns(experiment, places, settings.only)
    pairs = [(model, place) for model in models for place in places]
    done, stop = count(1), Event()

    def report(*far: int) -> None:
        if stop.is_set():
            raise ReproduceError("stopped")
        if settings.jobs == 1:  # one bar cannot tell of several
            progress(PART, *far)

    def run_pair(pair: tuple[AudioTextModel, Place]) -> tuple[list[Cell], list[str]]:
        model, place = pair
        cells: list[Cell] = []
        problems: list[str] = []
        try:
            task = _Task(experiment, model, place, settings, report)
            if left_out := summarise_left_out(task.heard.clips.left_out):
                problems.append(f"{place.title}: {left_out}.{place.how_to_check}")
            for part in task.parts():
                cells += [task.run(one, part, journal) for one in task.planned(part)]
        except JournalError:
            raise
        except AudiopromptError as error:
            problems.append(f"{place.title} with {model.name}: {error}")
        finally:
            progress(WHOLE, next(done), len(pairs))
        return cells, problems

    progress(WHOLE, 0, len(pairs))
    question = {"experiment": experiment.name, "epochs": settings.epochs}
    with Journal(journal_path, question) as journal, ThreadPoolExecutor(settings.jobs) as pool:
        try:
            found = list((pool.map if settings.jobs > 1 else map)(run_pair, pairs))
        except BaseException:
            stop.set()  # what else runs ends at its next step
            pool.shutdown(cancel_futures=True)
            raise
    every = dict.fromkeys(why for _, problems in found for why in problems)  # one file is missing for all models
    return [cell for cells, _ in found for cell in cells], list(every)


def _refuse_unknown_columns(experiment: Experiment, places: Sequence[Place], only: Set[str]) -> None:
    known = dict.fromkeys(one.name for place in places for one in systems_for(experiment, place))
    if unknown := only - set(known):
        raise ReproduceError(
            f"{experiment.name} has no column {', '.join(sorted(unknown))}. Choose of: {', '.join(known)}."
        )


@dataclass(frozen=True, eq=False)
class _Part:
    """What is learned from, None where that is nothing, and what is tested on."""

    fold: int
    train: EmbeddedClips | None
    test: EmbeddedClips


class _Task:
    """One data set as one model hears it."""

    def __init__(
        self,
        experiment: Experiment,
        model: AudioTextModel,
        place: Place,
        settings: RunSettings,
        progress: Callable[[int, int], None],
    ) -> None:
        self.model, self.place, self.settings = model, place, settings
        self.progress = progress
        systems = systems_for(experiment, place)
        wanted = settings.only | {experiment.baseline} if settings.only else {one.name for one in systems}
        self.systems = [one for one in systems if one.name in wanted]
        self.learns = any(one.method for one in systems)  # of a part, whichever columns are chosen
        self.heard = self._embed(place.open())
        clips = self.heard.clips
        number: dict[str, int] = {}  # of each group, which may be called after a path
        groups = [number.setdefault(group, len(number)) for group in clips.groups]
        known = repr([[path.name for path in clips.paths], clips.labels, clips.folds, groups])
        self.digest = hashlib.sha256(known.encode() + self.heard.audio.tobytes()).hexdigest()[:12]

    def _embed(self, clips: LabelledClips) -> EmbeddedClips:
        used = replace(clips, classes=tuple(name for name in clips.classes if name in clips.labels))
        heard = embed_clips(self.model, used, self.progress, skip_bad=True)
        return replace(heard, clips=replace(heard.clips, classes=clips.classes))

    def parts(self) -> Iterator[_Part]:
        """Yield each fold as the part that is held back; all clips where nothing is learned."""
        clips = self.heard.clips
        if not self.learns:
            yield _Part(0, None, self.heard)
            return
        folds = sorted(set(clips.folds or ()))
        held_back = folds if len(folds) > 2 else folds[1:]  # of two, the first is to learn from
        for fold in held_back or [0]:
            train, test = hold_back(clips, [one for one in folds if one != fold] or None, [fold] if fold else None)
            if test is None:
                raise DataError(f"{clips.name} has too few clips of a class to hold any back: add some")
            yield _Part(fold, self._take(train), self._take(test))

    def _take(self, some: LabelledClips) -> EmbeddedClips:
        row = {path: number for number, path in enumerate(self.heard.clips.paths)}
        return EmbeddedClips(some, self.heard.audio[[row[path] for path in some.paths]])

    def planned(self, part: _Part) -> list[tuple[System, int]]:
        """Return the systems with their seeds."""
        return [(one, seed) for one in self.systems for seed in (self.settings.seeds if one.method else (one.draw,))]

    def run(self, which: tuple[System, int], part: _Part, journal: Journal) -> Cell:
        """Return a cell, from the journal where it is there."""
        system, seed = which
        words = hashlib.sha256(repr([one.text for one in system.templates]).encode()).hexdigest()[:8]
        model = f"{self.model.name} {self.model.revision}"
        key = "|".join([model, self.place.title, self.digest, system.name, words, str(part.fold), str(seed)])
        if journal.marks(key) is not None:
            return Cell(**journal.answer(key))
        began = time.perf_counter()
        cell = Cell(self.model.name, self.place.title, system.name, part.fold, seed)
        try:
            right = self._learned(system, seed, part) if system.method else self._by_words(system, part)
            text = "".join(map(str, right.astype(int)))
            cell = replace(cell, right=text, seconds=time.perf_counter() - began, megabytes=peak_megabytes())
        except FewShotError as error:
            cell = replace(cell, problem=str(error))
        journal.add(key, {}, asdict(cell))
        return cell

    def _by_words(self, system: System, part: _Part) -> Array:
        spoken = part.test.clips.spoken_classes
        prompts = embed_prompts(self.model, list(system.templates), spoken, cache=EmbeddingCache())
        evidence = Evidence(part.test.audio, prompts, self.model.logit_scale)
        return ENSEMBLES[system.ensemble].combine(evidence).argmax(axis=-1) == part.test.clips.targets

    def _learned(self, system: System, seed: int, part: _Part) -> Array:
        assert part.train is not None
        settings = FitSettings.of_recipe(system.recipe, epochs=self.settings.epochs)
        trial = ExperimentSettings((system.method,), system.shots, (seed,), settings)
        watch = Watch(on_step=lambda step: self.progress(*step.work_done))
        outcome = fit(self.model, part.train, part.test, trial, watch).outcomes[0]
        if outcome.problem or outcome.head is None:
            raise FewShotError(outcome.problem or "nothing was learned")
        return np.asarray(outcome.head.predict(part.test.audio) == part.test.clips.targets)
