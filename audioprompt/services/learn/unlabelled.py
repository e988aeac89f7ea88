"""Recordings without labels: they join the clips to learn from, or make a head by themselves."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from audioprompt.core.zero_shot import Array, ensemble_weights
from audioprompt.few_shot.heads import SharedHead, record_of
from audioprompt.few_shot.methods.together import Together
from audioprompt.few_shot.settings import FewShotError
from audioprompt.models.base import AudioTextModel
from audioprompt.prompts.template import VANILLA, Template
from audioprompt.services.label_next import embed_pool
from audioprompt.services.learn.clips import EmbeddedClips
from audioprompt.services.learn.results import NOBODY, Experiment, ExperimentSettings, Fit, Outcome, Results, Watch
from audioprompt.services.prompts import read_prompts
from audioprompt.services.words import read_labels


def join_unlabelled(
    model: AudioTextModel,
    heard: EmbeddedClips,
    recordings: Sequence[Path],
    watch: Watch = NOBODY,
    skip_bad: bool = False,
) -> EmbeddedClips:
    """Let recordings without labels join labelled clips; those that are among these are left out.

    Raises:
        BadRecordings: some cannot be used.
        FewShotError: all are silent, or among the clips.
    """
    pool = EmbeddedClips(*embed_pool(model, recordings, watch.progress, skip_bad))
    labelled = {vector.tobytes() for vector in heard.audio}
    others = [row for row, vector in enumerate(pool.audio) if vector.tobytes() not in labelled]
    if not others:
        raise FewShotError("every recording without a label is among the labelled clips: give others")
    clips = replace(heard.clips, notices=(*heard.clips.notices, *pool.clips.remarks))
    return EmbeddedClips(clips, heard.audio, pool.audio[others])


def learn_unlabelled(
    model: AudioTextModel,
    labels: Sequence[str],
    trial: ExperimentSettings,
    watch: Watch = NOBODY,
    skip_bad: bool = False,
) -> Experiment:
    """Learn from a trial's recordings without labels alone; nothing can be measured by them.

    Raises:
        BadRecordings: some cannot be used.
        FewShotError: all are silent, there is only one label, or the recordings do not help each other.
    """
    if len(labels) < 2:
        raise FewShotError("There is nothing to tell apart: give at least two labels.")
    pool = EmbeddedClips(*embed_pool(model, trial.unlabelled, watch.progress, skip_bad))
    began = time.perf_counter()
    head = head_of_pool(model, labels, trial.templates, pool.audio)
    fit = Fit(trial.seeds[0], head, time.perf_counter() - began)
    notice = " ".join(pool.clips.remarks) or None
    outcome = Outcome(head.method, (fit,), again=fit)
    results = Results(trial, head.classes, 0, 0, (outcome,), notice, clips=len(pool.audio))
    return Experiment(results, pool, None, pool, model.name)


def keep_together(
    model: AudioTextModel, labels: Sequence[str], templates: Sequence[Template], audio: Array, data: str
) -> SharedHead:
    """Make a head without labels, as `head_of_pool` does, with its record; ``data`` says what the recordings are."""
    head = head_of_pool(model, labels, templates, audio)
    return SharedHead(head, record_of(head, model, data, fitted_on=len(audio)))


def head_of_pool(model: AudioTextModel, labels: Sequence[str], templates: Sequence[Template], audio: Array) -> Together:
    """Make a head without labels: of words, and of what recordings tell each other.

    Args:
        model: what heard the recordings, and reads the labels.
        labels: the C labels.
        templates: in which they are read; one plain prompt without any.
        audio: embeddings of the recordings, ``[N, D]``.

    Raises:
        FewShotError: there is only one label, or the recordings do not help each other.
    """
    spoken = read_labels(model, labels).spoken
    words = ensemble_weights(read_prompts(model, list(templates) or [VANILLA], spoken)[1])
    return Together(labels, words, model.logit_scale, audio).listen()
