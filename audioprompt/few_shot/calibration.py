"""Heads asked about clips that they have not learned from, and their probabilities tempered by the answers."""

from copy import copy

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.calibration import choose_temperature
from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.base import TEMPERATURE, Head, OnEpoch, Stop

MAX_LEFT_OUT_SINGLY = 32  # clips; more are left out a part at a time


def divide(
    audio: Array, targets: NDArray[np.intp], parts: int, groups: NDArray[np.intp] | None = None
) -> NDArray[np.intp]:
    """Divide N clips into parts, each class alike: what belongs together into one.

    Together belong clips of one class and group, or else of one class and the same sound. Where all clips of a class
    are of one group, they are divided by their sound.

    Args:
        audio: clip embeddings, ``[N, D]``.
        targets: each clip's class, ``[N]``.
        parts: how many.
        groups: the recording that each clip is from, ``[N]``; None where that is not known.

    Returns:
        The part of each clip, ``[N]``.
    """
    rng, found, given = np.random.default_rng(0), np.zeros(len(audio), np.intp), 0
    for label in np.unique(targets):
        rows = np.flatnonzero(targets == label)
        units = np.unique(audio[rows], axis=0, return_inverse=True)[1].ravel() if groups is None else groups[rows]
        if len(set(units.tolist())) == 1 and groups is not None:
            units = np.unique(audio[rows], axis=0, return_inverse=True)[1].ravel()
        units = np.unique(units, return_inverse=True)[1]
        count = int(units.max()) + 1
        found[rows] = ((given + rng.permutation(count)) % parts)[units]
        given += count
    return found


def ask_left_out(
    head: Head,
    audio: Array,
    targets: NDArray[np.intp],
    stop: Stop | None = None,
    on_epoch: OnEpoch | None = None,
) -> tuple[Array, NDArray[np.intp]]:
    """Ask copies of a head, each fitted on other clips, about the clips that they have not learned from.

    Clips of one recording are left out together (`Head.groups`). Where a head needs a clip of every class, those that
    are the only one of theirs are not asked about.

    Args:
        head: which; it is not changed.
        audio: clip embeddings, ``[N, D]``.
        targets: each clip's class, ``[N]``.
        stop: asked before every fit whether to end; what is known by then is returned.
        on_epoch: told of each epoch of the copies.

    Returns:
        The logits, ``[M, C]``, and the rows of the clips that they are of, ``[M]``.
    """
    parts = len(audio) if head.quick and len(audio) <= MAX_LEFT_OUT_SINGLY else head.folds
    place = divide(audio, targets, parts, head.groups)
    rows, logits = [np.empty(0, np.intp)], [np.empty((0, len(head.classes)), np.float32)]
    for part in range(parts):
        if stop and stop():
            break
        left = np.bincount(targets[place != part], minlength=len(head.classes))
        asked = np.flatnonzero((place == part) & ((left[targets] > 0) | (not head.needs_every_class)))
        others = np.setdiff1d(np.arange(len(audio)), asked)
        if len(asked) and len(others):
            fitted = copy(head)
            fitted.groups = None if head.groups is None else head.groups[others]
            fitted.fit(audio[others], targets[others], on_epoch, stop)
            if stop and stop():  # it may know no more than the head it was copied from, which knows these clips
                break
            if fitted.state:
                rows.append(asked)
                logits.append(_even_out(fitted, audio[asked], left[targets[asked]] > 0))
    return np.concatenate(logits), np.concatenate(rows)


def _even_out(head: Head, audio: Array, has_clips: NDArray[np.bool_]) -> Array:
    """Return a head's logits for clips, half by the words where a clip's own class is left without any.

    That class alone had to do with its words. How the head does when all of them have clips, lies between that and how
    it does when none of them has.
    """
    logits, by_words = head.logits(audio), head.by_words(audio)
    return logits if by_words is None else np.where(has_clips[:, None], logits, (logits + by_words) / 2)


def calibrate(
    head: Head,
    audio: Array,
    targets: NDArray[np.intp],
    stop: Stop | None = None,
    on_epoch: OnEpoch | None = None,
) -> float | None:
    """Give a fitted head the temperature that suits its answers to clips it has not learned from.

    The copies that answer take over what the head has chosen (`Head.settled`), so that their logits lie as far apart as
    its own. The order of its answers stays as it is. A head that has a temperature keeps it.

    Returns:
        The share of these clips that was right; None where none was asked about.
    """
    if not head.state or TEMPERATURE in head.state:
        return None
    logits, rows = ask_left_out(head.settled(), audio, targets, stop, on_epoch)
    right = targets[rows]
    temperature = choose_temperature(logits, right, len(audio))
    head.state = {**head.state, TEMPERATURE: np.array([temperature], np.float32)}
    return float((logits.argmax(axis=1) == right).mean()) if len(rows) else None
