"""Automatic checks on candidates: what looks wrong with a template, each time with the reason in words.

They flag; a person decides. Some look at the text alone, some at its embeddings, some at what it does to clips. Pure
functions; shapes are written with K templates, C labels (classes), D dimensions and N clips.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array, normalise
from audioprompt.prompts.template import SLOT, Template, indefinite_article
from audioprompt.util.text import named

Kind = Literal[
    "format", "slot", "article", "wording", "duplicate", "similar", "label", "unsuited", "confusing", "loses"
]


@dataclass(frozen=True)
class Flag:
    """Something about a template that a person should look at.

    Attributes:
        kind: what sort of thing; "format" is mild, for any wording may do well.
        reason: in words, a sentence without its full stop.
    """

    kind: Kind
    reason: str


@dataclass(frozen=True)
class AgainstVanilla:
    """What each template alone changes, class by class, to what the vanilla template gets right.

    Attributes:
        right: clips that vanilla gets right, ``[C]``.
        lost: of these, those that the template gets wrong, ``[K, C]``.
        won: clips that vanilla gets wrong and the template right, ``[K, C]``.
    """

    right: NDArray[np.intp]
    lost: NDArray[np.intp]
    won: NDArray[np.intp]

    @classmethod
    def count(
        cls, chosen: NDArray[np.intp], vanilla: NDArray[np.intp], truth: NDArray[np.intp], classes: int
    ) -> "AgainstVanilla":
        """Count from the classes chosen by each template, by vanilla, and true: ``[K, N]``, ``[N]``, ``[N]``."""
        member = np.eye(classes, dtype=np.intp)[truth]  # [N, C]
        right, right_too = vanilla == truth, chosen == truth
        return cls(right @ member, (right & ~right_too) @ member, (~right & right_too) @ member)


def check(
    templates: Sequence[Template],
    labels: Sequence[str] = (),
    prompts: Array | None = None,
    plain: Array | None = None,
    recalls: AgainstVanilla | None = None,
) -> list[tuple[Flag, ...]]:
    """Check templates: K of them -> for each its flags, none if it looks well.

    Args:
        labels: the C labels.
        prompts: embeddings of the filled templates, ``[K, C, D]``; without them the checks by meaning are left out.
        plain: embeddings of the bare labels, ``[C, D]``; likewise.
        recalls: what the templates do on validation clips; without it that check is left out.

    The checks against ``plain`` hold a template against the others, so they want ``FEWEST_TEMPLATES`` of them.

    Raises:
        ValueError: shapes that do not fit.
    """
    _check_shapes(len(templates), len(labels), prompts, plain, recalls)
    flags = [[*_text_flags(template, labels)] for template in templates]
    found = [_duplicates(templates)]
    if prompts is not None and len(templates):
        similar = _similar(templates, prompts)
        found.append({index: flag for index, flag in similar.items() if index not in found[0]})
    if prompts is not None and plain is not None and len(templates) >= FEWEST_TEMPLATES:
        found += [_unsuited(templates, labels, prompts, plain), _confusing(templates, labels, prompts, plain)]
    if recalls is not None:
        found.append(_losing(labels, recalls))
    for by_template in found:
        for index, flag in by_template.items():
            flags[index].append(flag)
    return [tuple(some) for some in flags]


def _check_shapes(k: int, c: int, prompts: Array | None, plain: Array | None, recalls: AgainstVanilla | None) -> None:
    if prompts is not None and (prompts.ndim != 3 or prompts.shape[:2] != (k, c)):
        raise ValueError(f"prompts must be [{k}, {c}, dim], got shape {prompts.shape}")
    if prompts is not None and plain is not None and plain.shape != prompts.shape[1:]:
        raise ValueError(f"plain must be {list(prompts.shape[1:])}, got shape {plain.shape}")
    if recalls is not None and not recalls.lost.shape == recalls.won.shape == (k, *recalls.right.shape) == (k, c):
        raise ValueError(f"recalls must be for {k} templates and {c} labels, got shape {recalls.lost.shape}")


# --- the text ---------------------------------------------------------------------------------------------------------

MOST_WORDS = 25


def _text_flags(template: Template, labels: Sequence[str]) -> Iterator[Flag]:
    text = template.text.replace("\u2019", "'")
    if template.format is None:
        yield Flag("format", "is in none of the three formats")
    yield from _slot_flags(text)
    yield from _article_flags(text, labels)
    yield from _wording_flags(text)
    yield from _label_flags(template, labels)


def _slot_flags(text: str) -> Iterator[Flag]:
    if re.search(rf"[\w']{SLOT}|{SLOT}\w", text):
        yield Flag("slot", "joins the label to a word: put a blank between them")
    if re.search(rf"\bfrom (?:(?:an?|the) )?{SLOT}", text):
        yield Flag("slot", "has the label where the source belongs")
    if re.search(rf"{SLOT} sounds? of\b", text):
        yield Flag("slot", "has the label where the attribute belongs")


_ARTICLE = r"\b(?:an?|the)"
# A noun phrase as far as its words tell: up to a preposition or a verb.
_PHRASE = (
    r"((?:(?!(?:of|in|at|on|by|near|next|to|with|inside|outside|under|during|behind|from|for|and|or|across|over|that"
    r"|where|which|can|is|are|being|coming|heard|played|recorded)\b)[\w'-]+ ?)+)"
)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ADVERBS = _set(  # places that take no article at all
    "outside inside outdoors indoors downtown upstairs downstairs nearby everywhere somewhere afar underwater abroad "
    "above below overhead"
)
_NO_A = _set(  # nouns that take no "a"
    "traffic nature music water rain snow wind thunder machinery equipment furniture wildlife countryside air"
)
_STANDS_BARE = _ADVERBS | _set(  # what a phrase may start with if there is no article
    "a an the this that these those some my your his her its our their another each every one two three several many "
    "different various home school work bed behind in on at near next across within under over beyond around between "
    "far all both either no any"
)
_PLURALS = _set("people children men women feet mice geese police")
_SINGULARS_IN_S = _set(
    "gas atlas canvas bias chaos lens series species headquarters works barracks crossroads gallows means"
)


def _article_flags(text: str, labels: Sequence[str]) -> Iterator[Flag]:
    if doubled := re.search(rf"{_ARTICLE} (?:(?!an? cap+ella)an?|the|this|these|my|your|our|their|some)\b", text, re.I):
        yield Flag("article", f"has {doubled[0]!r}: one of the two is too many")
    if re.search(rf"{_ARTICLE} [\"'(]*{SLOT}", text, re.I):
        for label in labels:
            if re.match(r"(?:an?|the) (?!cap+ella)", label, re.I):
                yield Flag("article", f"puts an article before {label!r}, which has its own")
                break
    for article, word in re.findall(r"(?<![\w'-])(an?) ([^\W_][\w'-]*)", text, re.I):
        right = indefinite_article(word)
        if article.lower() != right and not word.isupper():
            yield Flag("article", f"has '{article} {word}', which takes {right!r}")
    yield from _noun_flags(text)


def _noun_flags(text: str) -> Iterator[Flag]:
    """Nouns with an article they do not take, or without one they need."""
    for phrase in re.findall(rf"\ban? {_PHRASE}", text, re.I):
        head = phrase.split()[-1].lower()
        if head in _NO_A:
            yield Flag("article", f"has 'a' before {head!r}: write 'the', or no article")
        elif _is_plural(head):
            yield Flag("article", f"has 'a' before the plural {head!r}")
    if adverb := re.search(rf"\ban? ({'|'.join(sorted(_ADVERBS))})(?:$|[.,;]| (?:{SLOT}|the|an?)\b)", text, re.I):
        yield Flag("article", f"has an article before {adverb[1]!r}, which takes none")
    for phrase in re.findall(rf"\bcoming from {_PHRASE}", text, re.I):
        first, head = phrase.split()[0], phrase.split()[-1].lower()
        bare = first in _STANDS_BARE or first.endswith("'s") or head in _NO_A or _is_plural(head)
        if first.islower() and not bare:
            yield Flag("article", f"lacks an article before {phrase.strip()!r}")
    if (start := re.match(r"([\w'-]+) (?:[\w'-]+ )?sound of\b", text)) and start[1].lower() not in _STANDS_BARE:
        yield Flag("article", f"lacks an article before {start[1]!r}")


def _is_plural(noun: str) -> bool:
    """Whether a noun is a plural, as far as its ending tells."""
    return noun in _PLURALS or (bool(re.search(r"[^sui']s$", noun)) and noun not in _SINGULARS_IN_S)


_LEFTOVERS = re.compile(
    r"<[^>]*>|\[[^\]]*\]|&\w+;|_{2,}|\.{3}|…|\bX{2,}\b|\ba\(n\)|\ba/an\b"
    r"|\b(?:attribute|source|label|adjective|placeholder)\b",
    re.IGNORECASE,
)


def _wording_flags(text: str) -> Iterator[Flag]:
    bare = text.replace(SLOT, " ")
    if doubled := re.search(r"\b(?!(?:an?|the)\b)([^\W\d_]+) \1\b", text, re.I):
        yield Flag("wording", f"says {doubled[1]!r} twice")
    if len(text.split()) > MOST_WORDS:
        yield Flag("wording", f"is long, {len(text.split())} words: the label drowns in more than {MOST_WORDS}")
    if left := _LEFTOVERS.search(bare):
        yield Flag("wording", f"has {left[0]!r}, which looks left over")
    if re.match(r"\d+[.)] |[-*•] ", text):
        yield Flag("wording", "starts with a list's number or bullet")
    if odd := sorted({character for character in bare if not _is_usual(character)}):
        yield Flag("wording", f"has odd characters: {' '.join(odd[:5])}")
    scripts = {unicodedata.name(c, "?").split()[0] for c in bare if c.isalpha()}
    if len(scripts) > 1:
        yield Flag("wording", f"mixes scripts: {', '.join(sorted(scripts)).title()}")


def _is_usual(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" or character in " .,:;!?'\"()-/&\u2013\u2018\u2019\u201c\u201d"


def _label_flags(template: Template, labels: Sequence[str]) -> Iterator[Flag]:
    """Words that are a label themselves draw every prompt to that label."""
    rest = template.text.replace(SLOT, " ").casefold()
    for label in labels:
        name = label.casefold()
        if name and name in rest and re.search(rf"(?<!\w){re.escape(name)}s?(?!\w)", rest):
            yield Flag("label", f"names {label!r}, which is a label itself: every prompt sounds like it")


# --- one template beside the others -----------------------------------------------------------------------------------


def _duplicates(templates: Sequence[Template]) -> dict[int, Flag]:
    """Flag templates that are the same as an earlier one but for case, punctuation and articles."""
    first: dict[str, int] = {}
    flags = {}
    for index, template in enumerate(templates):
        words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", template.text).casefold())
        twin = first.setdefault(" ".join(word for word in words if word not in ("a", "an", "the")), index)
        if twin != index:
            flags[index] = Flag("duplicate", f"is the same as '{templates[twin].text}'")
    return flags


SIMILAR = 0.85  # cosine from which two templates say the same; synonyms stay below, spellings and padding do not


def _similar(templates: Sequence[Template], prompts: Array) -> dict[int, Flag]:
    """Flag templates that add to the labels the same as an earlier one, by embeddings ``[K, C, D]``."""
    added = prompts.mean(axis=1)  # [K, D]
    added = normalise(added - added.mean(axis=0))  # without what all templates share
    earlier = np.tril(added @ added.T, k=-1)
    flags = {}
    for index in np.flatnonzero(earlier.max(axis=1, initial=0) >= SIMILAR):
        twin = templates[int(earlier[index].argmax())]
        flags[int(index)] = Flag("similar", f"means about the same as '{twin.text}'")
    return flags


# --- the words beside the labels --------------------------------------------------------------------------------------

FEWEST_TEMPLATES = 10
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


def _unsuited(templates: Sequence[Template], labels: Sequence[str], prompts: Array, plain: Array) -> dict[int, Flag]:
    """Flag words that are far from the labels: ``[K, C, D]``, ``[C, D]``."""
    standing = _standing(nearness(prompts, plain), templates)
    flagged = (standing.mean(axis=1) <= FAR_ON_THE_WHOLE) | (standing.min(axis=1) <= FAR_FROM_ONE)
    flags = {}
    for index in np.flatnonzero(flagged):
        far = [labels[label] for label in standing[index].argsort() if standing[index, label] <= FAR]
        whom = named(far) if far else "these labels"
        flags[int(index)] = Flag("unsuited", f"{_words_of(templates[index])} has little to do with {whom}")
    return flags


def _confusing(templates: Sequence[Template], labels: Sequence[str], prompts: Array, plain: Array) -> dict[int, Flag]:
    """Flag templates that draw a label over to another, which most do not: ``[K, C, D]``, ``[C, D]``."""
    if len(labels) < 2:
        return {}
    near = prompts @ plain.T  # [K, C, C]
    own = np.einsum("kcc->kc", near).copy()
    np.einsum("kcc->kc", near)[:] = -np.inf
    margin = own - near.max(axis=2)
    drawn = (margin < 0) & (np.median(margin, axis=0) > 0) & (_standing(margin, templates) <= FAR)
    flags = {}
    for index in np.flatnonzero(drawn.any(axis=1)):
        moves = [
            f"{labels[label]} towards {labels[near[index, label].argmax()]}" for label in np.flatnonzero(drawn[index])
        ]
        flags[int(index)] = Flag("confusing", f"{_words_of(templates[index])} pulls {named(moves)}")
    return flags


def _standing(values: Array, templates: Sequence[Template]) -> Array:
    """Where each template stands among the others, label by label: ``[K, C]`` -> ``[K, C]``, robust z-scores.

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


def _losing(labels: Sequence[str], recalls: AgainstVanilla) -> dict[int, Flag]:
    """Flag templates that clearly lose clips of some class; the test is an exact sign test for each class."""
    lost, won = recalls.lost, recalls.won
    from scipy.special import bdtrc  # which takes a tenth of a second to import

    chance = bdtrc(np.maximum(lost - 1, 0), lost + won, 0.5)  # of as many lost or more
    clear = (lost >= LEAST_LOST) & (lost >= LEAST_SHARE * recalls.right) & (chance <= CHANCE)
    flags = {}
    for index in np.flatnonzero(clear.any(axis=1)):
        worst = [label for label in lost[index].argsort()[::-1] if clear[index, label]]
        losses = [f"{lost[index, label]} of {recalls.right[label]} {labels[label]} clips" for label in worst]
        flags[int(index)] = Flag("loses", f"loses {named(losses)} that vanilla gets right")
    return flags


def _words_of(template: Template) -> str:
    words = [repr(word) for word in (template.attribute, template.source) if word]
    return " with ".join(words) or "its wording"
