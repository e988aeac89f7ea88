"""Learn from a few labelled clips of each class."""

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from audioprompt.api.inputs import (
    Answer,
    File,
    Folds,
    Name,
    Names,
    Text,
    approved_templates,
    classes_alone,
    downloadable,
    fill_in,
    labelled_clips,
    recordings_of,
    tell,
)
from audioprompt.data import DEMONSTRATION
from audioprompt.data.sources import list_examples
from audioprompt.few_shot.methods import METHODS
from audioprompt.server import sessions
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services import curate as curation
from audioprompt.services.views import as_dict

if TYPE_CHECKING:
    from audioprompt.few_shot.heads import SharedHead
    from audioprompt.models.base import AudioTextModel
    from audioprompt.services.learn import Experiment, Results, Step


@fill_in(methods=METHODS.names, sources=[list_examples()])
def learn(
    data: Name = DEMONSTRATION,
    clips: File | None = None,
    methods: Names | None = None,
    shots: Annotated[int, Field(ge=1, le=64)] = 16,
    seeds: Annotated[int, Field(ge=1, le=5)] = 1,
    epochs: Annotated[int, Field(ge=1, le=200)] = 50,
    learn_folds: Folds | None = None,
    pack: Name = "",
    model: Name = "embedded",
    dropout: Annotated[float, Field(ge=0, le=0.95)] = 0.0,
    skip_bad: bool = False,
    unlabelled: File | None = None,
    labels: Text = "",
    context: Context = IN_PROCESS,
    progress: curation.Progress | None = None,
) -> Answer:
    """Learn to tell sounds apart from a few labelled clips of each, by several methods, and measure these.

    A part of the clips is held back for the measurement where there are three recordings of every class; the best head is then fitted again on all of them.

    Args:
        data: The clips: {sources}; files and folders only at home.
        clips: In place of these a zip file of your own: a folder of recordings for each class, or a manifest.csv.
        methods: Of {methods}; auto, which suits the clips, and zero-shot if left out.
        shots: Clips of each class to learn from at most, 1 to 64.
        seeds: How often to fit, with other clips each time, 1 to 5.
        epochs: How often every clip is seen, 1 to 200.
        learn_folds: The folds to learn from, where the data has such; the others give the score.
        pack: The prompt pack that the method tspe uses; the general one if left out.
        model: The model that hears, a name that `models` lists.
        dropout: The share of what is heard that each step of a fit leaves out; 0.5 often helps where clips are few.
        skip_bad: Whether to go on without recordings and lines of a table that cannot be used; left_out tells which.
        unlabelled: A zip file of recordings without labels, that join the clips by the method together.
        labels: The names of the sounds, to learn from the recordings without labels alone, in place of any clips.

    Returns:
        methods, each with accuracy, interval, calibration, seconds and advice; best, the most accurate one; fitted_on, how many clips its head learned from after that; head, its id for `predict`; file, its head.safetensors to keep.
    """  # noqa: E501
    from audioprompt.few_shot.settings import FitSettings
    from audioprompt.services.learn import ExperimentSettings, Watch, try_out

    names = tuple(dict.fromkeys(methods or ("auto", "zero-shot")))
    context.refuse_large_trials(names, shots, epochs, seeds)
    prompts = approved_templates(pack, context) if any(METHODS[name].needs_templates for name in names) else ()
    trial = ExperimentSettings(names, shots, tuple(range(seeds)), FitSettings(epochs=epochs), prompts, dropout=dropout)
    encoder = context.model(model)
    given = classes_alone(labels) if labels else labelled_clips(data, clips, context, progress, skip_bad)
    with given as labelled, recordings_of(unlabelled, context) as recordings:
        trial = replace(trial, unlabelled=tuple(recordings))
        told = Watch(partial(tell, progress, "clips"), partial(_tell_step, progress, ""))
        tried = try_out(encoder, labelled, trial, (learn_folds, None), told, skip_bad=skip_bad)
        results, fitted = _fit_best_again(encoder, tried, labelled.name, progress)
    return {
        "model": encoder.name,
        "data": labelled.name,
        **as_dict(tried.clips.clips),
        **_results(results),
        **_kept(fitted, context),
    }


def _fit_best_again(
    encoder: "AudioTextModel", tried: "Experiment", data: str, progress: curation.Progress | None
) -> tuple["Results", "SharedHead"]:
    """Fit the most accurate method on all clips, the first that left a head where none was measured."""
    from audioprompt.few_shot.settings import FewShotError
    from audioprompt.services.learn import Watch, fit_again, shared

    outcomes = tried.results.outcomes
    best = tried.results.best or next((one for one in outcomes if one.head), None)
    if best is None or best.head is None:
        raise FewShotError(outcomes[0].problem or "nothing was learned: give more epochs")
    told = Watch(on_step=partial(_tell_step, progress, " on all clips"))
    results = fit_again(encoder, tried, best.method, told).results
    return results, shared(results, best.method, encoder, data)


def _tell_step(progress: curation.Progress | None, clips: str, step: "Step") -> None:
    if step.checked:
        tell(progress, f"epochs of calibration{clips}", step.checked, step.copies * step.epochs)
    else:
        tell(progress, f"epochs{clips}", *step.epochs_done)


def _results(results: "Results") -> Answer:
    methods = [
        {
            "method": one.method,
            "accuracy": one.accuracy,
            "interval": one.interval,
            "calibration": one.reliability and as_dict(one.reliability),
            "seconds": one.seconds if one.fits else None,
            "advice": one.advice,
        }
        for one in results.outcomes
    ]
    return {
        "classes": results.classes,
        "learned_from": results.learned_from,
        "unlabelled": results.unlabelled,
        "tested_on": results.tested_on,
        "notice": results.notice,
        "methods": methods,
    }


def _kept(fitted: "SharedHead", context: Context) -> Answer:
    """Keep a head for `predict`, and offer its file to be downloaded."""
    from audioprompt.services.learn import HEADS

    with tempfile.TemporaryDirectory(dir=sessions.temporary()) as folder:
        fitted.save_pretrained(folder)
        file = next(Path(folder).glob("*.safetensors"))
        offered = downloadable(file.read_bytes(), file.name)
    return {
        "fitted_on": fitted.record.fitted_on,
        "best": fitted.record.method,
        "head": HEADS.keep(fitted, owner=context.owner),
        "file": offered,
    }
