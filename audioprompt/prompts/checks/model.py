"""Checks on what a template means to a model, and on what it does to clips."""

from collections.abc import Callable, Sequence

import numpy as np

from audioprompt.core.zero_shot import Array, normalise
from audioprompt.prompts.checks.base import AgainstVanilla, Check, Found, Material
from audioprompt.prompts.checks.text import find_duplicates
from audioprompt.prompts.template import Template
from audioprompt.util.text import named

SIMILAR = 0.85  # cosine from which two templates say the same; synonyms stay below, spellings and padding do not


def _similar(templates: Sequence[Template], prompts: Array) -> dict[int, str]:
    """Find templates that add to the labels the same as an earlier one, by embeddings ``[K, C, D]``."""
    added = prompts.mean(axis=1)  # [K, D]
    added = normalise(added - added.mean(axis=0))  # without what all templates share
    earlier = np.tril(added @ added.T, k=-1)
    found = {}
    for index in np.flatnonzero(earlier.max(axis=1, initial=0) >= SIMILAR):
        twin = templates[int(earlier[index].argmax())]
        found[int(index)] = f"means about the same as '{twin.text}'"
    return found


# --- the words beside the labels --------------------------------------------------------------------------------------

MIN_TEMPLATES = 10
# Robust standard deviations below the other templates. Chosen on words that plainly suit or do not suit five tasks, so
# that most flags are right; many unsuitable words go unflagged.
FAR_ON_THE_WHOLE = -1.25  # mean over the labels
FAR_FROM_ONE = -4.0  # any one label
FAR = -2.0  # labels that the reason names


def nearness(prompts: Array, plain: Array) -> Array:
    """How near filled templates are to the bare labels: ``[K, C, D]``, ``[C, D]`` -> ``[K, C]``.

    A prompt is near to its label if it keeps the label's meaning and if the template's own meaning, the mean of its
    prompts over all labels, has to do with it. A zoo has little to do with a violin; an orchestra has.
    """
    own: Array = np.einsum("kcd,cd->kc", prompts, plain, optimize=True)
    return own + prompts.mean(axis=1) @ plain.T


def _unsuited(templates: Sequence[Template], labels: Sequence[str], prompts: Array, plain: Array) -> dict[int, str]:
    """Find words that are far from the labels: ``[K, C, D]``, ``[C, D]``."""
    standing = _standing(nearness(prompts, plain), templates)
    flagged = (standing.mean(axis=1) <= FAR_ON_THE_WHOLE) | (standing.min(axis=1) <= FAR_FROM_ONE)
    found = {}
    for index in np.flatnonzero(flagged):
        far = [labels[label] for label in standing[index].argsort() if standing[index, label] <= FAR]
        whom = named(far) if far else "these labels"
        found[int(index)] = f"{_words_of(templates[index])} has little to do with {whom}"
    return found


def _confusing(templates: Sequence[Template], labels: Sequence[str], prompts: Array, plain: Array) -> dict[int, str]:
    """Find templates that draw a label over to another, which most do not: ``[K, C, D]``, ``[C, D]``."""
    if len(labels) < 2:
        return {}
    near = prompts @ plain.T  # [K, C, C]
    own = np.einsum("kcc->kc", near).copy()
    np.einsum("kcc->kc", near)[:] = -np.inf
    margin = own - near.max(axis=2)
    drawn = (margin < 0) & (np.median(margin, axis=0) > 0) & (_standing(margin, templates) <= FAR)
    found = {}
    for index in np.flatnonzero(drawn.any(axis=1)):
        moves = [
            f"{labels[label]} towards {labels[near[index, label].argmax()]}" for label in np.flatnonzero(drawn[index])
        ]
        found[int(index)] = f"{_words_of(templates[index])} pulls {named(moves)}"
    return found


def _standing(values: Array, templates: Sequence[Template]) -> Array:
    """Compare each template with the others, label by label: ``[K, C]`` -> ``[K, C]``, robust z-scores.

    Of two templates the longer always leaves less of a label, so what length explains is taken off first.
    """
    length = np.log([len(template.text.split()) for template in templates])
    lengths = np.stack([np.ones_like(length), length], axis=1)
    rest = values - lengths @ np.linalg.lstsq(lengths, values, rcond=None)[0]
    rest = rest - np.median(rest, axis=0)
    spread = 1.4826 * np.median(np.abs(rest), axis=0)  # of a normal distribution the standard deviation
    return (rest / np.maximum(spread, 1e-6)).astype(np.float32)


# --- what a template does to clips ------------------------------------------------------------------------------------

CHANCE = 0.05  # of losing so many clips more than are won, were both equally likely
LEAST_LOST = 3  # clips
LEAST_SHARE = 1 / 3  # of the class's clips that vanilla gets right


def _losing(labels: Sequence[str], recalls: AgainstVanilla) -> dict[int, str]:
    """Find templates that clearly lose clips of some class; the test is an exact sign test for each class."""
    from scipy.special import bdtrc  # takes a while to import

    lost, won = recalls.lost, recalls.won
    chance = bdtrc(np.maximum(lost - 1, 0), lost + won, 0.5)  # of as many lost or more
    clear = (lost >= LEAST_LOST) & (lost >= LEAST_SHARE * recalls.right) & (chance <= CHANCE)
    found = {}
    for index in np.flatnonzero(clear.any(axis=1)):
        worst = [label for label in lost[index].argsort()[::-1] if clear[index, label]]
        losses = [f"{lost[index, label]} of {recalls.right[label]} {labels[label]} clips" for label in worst]
        found[int(index)] = f"loses {named(losses)} that vanilla gets right"
    return found


def _words_of(template: Template) -> str:
    words = [repr(word) for word in (template.attribute, template.source) if word]
    return " with ".join(words) or "its wording"


# --- as entries of the registry ---------------------------------------------------------------------------------------

ByMeaning = Callable[[Sequence[Template], Sequence[str], Array, Array], dict[int, str]]


def _find_similar(material: Material) -> Found:
    if material.prompts is None or not material.templates:
        return ()
    same = find_duplicates(material.templates)  # and so similar as well
    return ((index, why) for index, why in _similar(material.templates, material.prompts).items() if index not in same)


def _beside_labels(find: ByMeaning) -> Callable[[Material], Found]:
    """Hold each template against the others, of which that takes some."""

    def run(material: Material) -> Found:
        if material.prompts is None or material.plain is None or len(material.templates) < MIN_TEMPLATES:
            return ()
        return find(material.templates, material.labels, material.prompts, material.plain).items()

    return run


def _find_losing(material: Material) -> Found:
    return () if material.recalls is None else _losing(material.labels, material.recalls).items()


SIMILAR_CHECK = Check("similar", "About the same meaning as an earlier template.", _find_similar)
UNSUITED = Check("unsuited", "Words that have little to do with the labels.", _beside_labels(_unsuited))
CONFUSING = Check("confusing", "Words that pull one label towards another.", _beside_labels(_confusing))
LOSES = Check("loses", "Clips of a class that the plain prompt gets right and this one does not.", _find_losing)
