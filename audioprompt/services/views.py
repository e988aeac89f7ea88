"""Results as dicts that JSON can hold: what the API answers and what ``--json`` prints."""

from dataclasses import asdict
from functools import singledispatch
from typing import Any

from audioprompt.core.calibration import Reliability
from audioprompt.core.curation import Comparison, SelectionReport
from audioprompt.core.metrics import Score
from audioprompt.core.timeline import Event
from audioprompt.data import LabelledClips
from audioprompt.services.classify import Vote
from audioprompt.services.curate import HeldOut
from audioprompt.services.evaluate import EnsembleResult, JointResult, PackResult, PrecisionResult
from audioprompt.services.rejection import Presence, Verdict
from audioprompt.services.together import JointPrediction

Json = dict[str, Any]


@singledispatch
def as_dict(result: object) -> Json:
    """Write a result as a dict.

    Raises:
        TypeError: there is no way to write this kind of result.
    """
    raise TypeError(f"A {type(result).__name__} cannot be written as a dict.")


@as_dict.register
def _(score: Score) -> Json:
    return {"accuracy": score.accuracy, "interval": score.interval}


@as_dict.register
def _(reliability: Reliability) -> Json:
    """Return the calibration error, and the bins of a reliability diagram that have answers in them."""
    columns = (reliability.edges[:-1], reliability.edges[1:], reliability.confidence, reliability.accuracy)
    bins = zip(reliability.counts, *columns, strict=True)
    names = ("n", "from", "to", "confidence", "accuracy")
    return {
        "error": reliability.error,
        "bins": [dict(zip(names, (int(n), *map(float, rest)), strict=True)) for n, *rest in bins if n],
    }


@as_dict.register
def _(comparison: Comparison) -> Json:
    return {
        "better": comparison.better,
        "worse": comparison.worse,
        "p": comparison.p,
        "words": str(comparison),
    }


@as_dict.register(SelectionReport)
@as_dict.register(HeldOut)
def _(report: SelectionReport | HeldOut) -> Json:
    return {
        "vanilla": as_dict(report.vanilla),
        "best_single": as_dict(report.best),
        "all": as_dict(report.uncurated),
        "ensemble": as_dict(report.ensemble),
        "against_vanilla": as_dict(report.against_vanilla),
        "against_all": as_dict(report.against_uncurated),
    }


@as_dict.register
def _(result: PackResult) -> Json:
    return {
        "pack": result.pack,
        "k": result.k,
        **as_dict(result.score),
        "against_vanilla": _with_difference(result.against_vanilla, result.score.n),
        "against_first": result.against_first and _with_difference(result.against_first, result.score.n),
    }


@as_dict.register
def _(result: EnsembleResult) -> Json:
    return {
        "name": result.ensemble.name,
        "title": result.ensemble.title,
        **as_dict(result.score),
        "calibration_error": result.reliability.error,
        "against_vanilla": _with_difference(result.against_vanilla, result.score.n),
        "against_mean": result.against_mean and _with_difference(result.against_mean, result.score.n),
    }


@as_dict.register
def _(result: JointResult) -> Json:
    return {
        **as_dict(result.score),
        "calibration_error": result.reliability.error,
        "alone": as_dict(result.alone),
        "against_vanilla": _with_difference(result.against_vanilla, result.score.n),
        "against_mean": _with_difference(result.against_mean, result.score.n),
        **as_dict(result.joint),
    }


@as_dict.register
def _(result: PrecisionResult) -> Json:
    return {"mean_average_precision": result.mean, "average_precision": dict(result.precisions)}


def _with_difference(comparison: Comparison, n: int) -> Json:
    return {"difference": (comparison.better - comparison.worse) / n, **as_dict(comparison)}


@as_dict.register
def _(clips: LabelledClips) -> Json:
    """Return what a data set had besides these clips, and what people should know of it."""
    left_out = [{"name": one.name, "label": one.label, "reason": one.reason} for one in clips.left_out]
    return {"left_out": left_out, "notices": clips.remarks}


@as_dict.register
def _(vote: Vote) -> Json:
    return {"prompt": vote.prompt, "label": vote.label, "probability": vote.probability}


@as_dict.register
def _(event: Event) -> Json:
    return asdict(event)


@as_dict.register
def _(verdict: Verdict) -> Json:
    return {"known": verdict.known, "score": verdict.score, "threshold": verdict.threshold}


@as_dict.register
def _(presence: Presence) -> Json:
    return {"label": presence.label, "heard": presence.heard, "score": presence.score}


@as_dict.register
def _(joint: JointPrediction) -> Json:
    """Return what the recordings' help came to, without the answers."""
    answer = joint.answer
    count = len(answer.probabilities)
    return {"recordings": count, "moved": answer.moved, "stepped_back": answer.reason, "words": answer.words}


def known_as_dict(verdict: Verdict | None) -> Json:
    """Write whether a recording is any of the labels; nulls where that cannot be judged."""
    return as_dict(verdict) if verdict else {"known": None, "score": None, "threshold": None}
