"""Checks on the wording of a template."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from audioprompt.prompts.checks.base import Check, Found, Material
from audioprompt.prompts.template import SLOT, Template, indefinite_article

MAX_WORDS = 25


def _slot_flags(text: str, labels: Sequence[str]) -> Iterator[str]:
    if re.search(rf"[\w']{SLOT}|{SLOT}\w", text):
        yield "joins the label to a word: put a blank between them"
    if re.search(rf"\bfrom (?:(?:an?|the) )?{SLOT}", text):
        yield "has the label where the source belongs"
    if re.search(rf"{SLOT} sounds? of\b", text):
        yield "has the label where the attribute belongs"


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


def _article_flags(text: str, labels: Sequence[str]) -> Iterator[str]:
    if doubled := re.search(rf"{_ARTICLE} (?:(?!an? cap+ella)an?|the|this|these|my|your|our|their|some)\b", text, re.I):
        yield f"has {doubled[0]!r}: one of the two is too many"
    if re.search(rf"{_ARTICLE} [\"'(]*{SLOT}", text, re.I):
        for label in labels:
            if re.match(r"(?:an?|the) (?!cap+ella)", label, re.I):
                yield f"puts an article before {label!r}, which has its own"
                break
    for article, word in re.findall(r"(?<![\w'-])(an?) ([^\W_][\w'-]*)", text, re.I):
        right = indefinite_article(word)
        if article.lower() != right and not word.isupper():
            yield f"has '{article} {word}', which takes {right!r}"
    yield from _noun_flags(text)


def _noun_flags(text: str) -> Iterator[str]:
    """Nouns with an article they do not take, or without one they need."""
    for phrase in re.findall(rf"\ban? {_PHRASE}", text, re.I):
        head = phrase.split()[-1].lower()
        if head in _NO_A:
            yield f"has 'a' before {head!r}: write 'the', or no article"
        elif _is_plural(head):
            yield f"has 'a' before the plural {head!r}"
    if adverb := re.search(rf"\ban? ({'|'.join(sorted(_ADVERBS))})(?:$|[.,;]| (?:{SLOT}|the|an?)\b)", text, re.I):
        yield f"has an article before {adverb[1]!r}, which takes none"
    for phrase in re.findall(rf"\bcoming from {_PHRASE}", text, re.I):
        first, head = phrase.split()[0], phrase.split()[-1].lower()
        bare = first in _STANDS_BARE or first.endswith("'s") or head in _NO_A or _is_plural(head)
        if first.islower() and not bare:
            yield f"lacks an article before {phrase.strip()!r}"
    if (start := re.match(r"([\w'-]+) (?:[\w'-]+ )?sound of\b", text)) and start[1].lower() not in _STANDS_BARE:
        yield f"lacks an article before {start[1]!r}"


def _is_plural(noun: str) -> bool:
    """Whether a noun is a plural, as far as its ending tells."""
    return noun in _PLURALS or (bool(re.search(r"[^sui']s$", noun)) and noun not in _SINGULARS_IN_S)


_LEFTOVERS = re.compile(
    r"<[^>]*>|\[[^\]]*\]|&\w+;|_{2,}|\.{3}|…|\bX{2,}\b|\ba\(n\)|\ba/an\b"
    r"|\b(?:attribute|source|label|adjective|placeholder)\b",
    re.IGNORECASE,
)


def _wording_flags(text: str, labels: Sequence[str]) -> Iterator[str]:
    bare = text.replace(SLOT, " ")
    if doubled := re.search(r"\b(?!(?:an?|the)\b)([^\W\d_]+) \1\b", text, re.I):
        yield f"says {doubled[1]!r} twice"
    if len(text.split()) > MAX_WORDS:
        yield f"is {len(text.split())} words long: above {MAX_WORDS} words the label loses its weight"
    if left := _LEFTOVERS.search(bare):
        yield f"has {left[0]!r}, which looks left over"
    if re.match(r"\d+[.)] |[-*•] ", text):
        yield "starts with a list's number or bullet"
    if odd := sorted({character for character in bare if not _is_usual(character)}):
        yield f"has odd characters: {' '.join(odd[:5])}"
    scripts = {unicodedata.name(c, "?").split()[0] for c in bare if c.isalpha()}
    if len(scripts) > 1:
        yield f"mixes scripts: {', '.join(sorted(scripts)).title()}"


def _is_usual(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" or character in " .,:;!?'\"()-/&\u2013\u2018\u2019\u201c\u201d"


def _label_flags(text: str, labels: Sequence[str]) -> Iterator[str]:
    """Words that are a label themselves draw every prompt to that label."""
    rest = text.replace(SLOT, " ").casefold()
    for label in labels:
        name = label.casefold()
        if name and name in rest and re.search(rf"(?<!\w){re.escape(name)}s?(?!\w)", rest):
            yield f"names {label!r}, which is a label itself: every prompt sounds like it"


def find_duplicates(templates: Sequence[Template]) -> dict[int, str]:
    """Find templates that are the same as an earlier one but for case, punctuation and articles."""
    first: dict[str, int] = {}
    found = {}
    for index, template in enumerate(templates):
        words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", template.text).casefold())
        twin = first.setdefault(" ".join(word for word in words if word not in ("a", "an", "the")), index)
        if twin != index:
            found[index] = f"is the same as '{templates[twin].text}'"
    return found


# --- as entries of the registry ---------------------------------------------------------------------------------------


def _each(reasons: Callable[[str, Sequence[str]], Iterator[str]]) -> Callable[[Material], Found]:
    """Look at the text of each template, and at the labels."""

    def find(material: Material) -> Iterator[tuple[int, str]]:
        for index, template in enumerate(material.templates):
            for reason in reasons(template.text.replace("\u2019", "'"), material.labels):
                yield index, reason

    return find


def _find_free_wording(material: Material) -> Iterator[tuple[int, str]]:
    for index, template in enumerate(material.templates):
        if template.format is None:
            yield index, "is in none of the three formats"


FORMAT = Check("format", "Wording in none of TSPE's three formats, which may do well.", _find_free_wording)
SLOT_CHECK = Check("slot", "A label in the wrong place.", _each(_slot_flags))
ARTICLE = Check("article", "Articles that are wrong, missing or too many.", _each(_article_flags))
WORDING = Check("wording", "Repeated words, leftovers, odd characters and great length.", _each(_wording_flags))
LABEL = Check("label", "Words that are a label themselves.", _each(_label_flags))
DUPLICATE = Check(
    "duplicate",
    "The same words as an earlier template.",
    lambda material: find_duplicates(material.templates).items(),
)
