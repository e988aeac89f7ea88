"""A prompt template: a text with one slot for the label, and the English it takes to fill it.

    >>> Template.parse("the call of a {}").fill("owl")
    'the call of an owl'
    >>> Template.tspe(attribute="echoing", source="opera").fill("violin")
    'An echoing sound of violin can be heard coming from an opera'

Labels are other people's text, so a slot is cut out and replaced, never passed through ``str.format``.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from audioprompt.errors import AudiopromptError
from audioprompt.util.text import one_line

SLOT = "{label}"
MAX_CHARACTERS = 300

# The three formats of TSPE, each named after the words it takes; articles are set right when one is written out.
FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "attribute": "A <attribute> sound of <label>",
        "source": "The sound of <label> coming from a <source>",
        "attribute_source": "A <attribute> sound of <label> can be heard coming from a <source>",
    }
)


class TemplateError(AudiopromptError, ValueError):
    """A text cannot be used as a template; the message says what to change."""


@dataclass(frozen=True)
class Template:
    """One prompt with a slot where the label goes.

    Blanks and control characters in the three texts are collapsed to single blanks.

    Attributes:
        text: the prompt, with ``{label}`` exactly once and no other brace.
        attribute: the word for the kind of sound that was put in, "faint"; None where there is none.
        source: the place that was put in, "opera" or "the sea"; None where there is none.

    Raises:
        TemplateError: an empty or overlong text, or not exactly one slot.
    """

    text: str
    attribute: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        for name in ("attribute", "source"):
            words = getattr(self, name)
            object.__setattr__(self, name, one_line(words or "") or None)
        object.__setattr__(self, "text", one_line(self.text))
        for words in (self.text, self.attribute, self.source):
            if words and len(words) > MAX_CHARACTERS:
                raise TemplateError(
                    f"{words[:40]!r}... is too long, {len(words)} characters: shorten it to {MAX_CHARACTERS}."
                )
        _check_slot(self.text)

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read a template that marks its slot in any usual manner.

        Which are ``{label}``, open_clip's ``{}``, another name or number in braces, ``{c}``, ``{{class}}``, ``{0}``,
        and where there are no braces ``%s``, ``<label>``, ``[class name]`` or ``___``.
        """
        return cls(mark_slot(text))

    @classmethod
    def tspe(cls, attribute: str | None = None, source: str | None = None) -> "Template":
        """Write out the TSPE format that takes these words: an attribute, a source, or both.

        Both get "a" or "an" by their sound. A source that says its own determiner keeps it, which is how
        mass nouns, plurals and one-of-a-kind places are given: "the traffic", "the woods", "the sea".

        Raises:
            TemplateError: neither word is given, or one of them is unfit for a template.
        """
        attribute, source = (_without_article(one_line(words or "")) or None for words in (attribute, source))
        text = _write_format(attribute, source)
        if text is None:
            raise TemplateError("A prompt needs an attribute, a source or both.")
        return cls(text, attribute, source)

    @property
    def format(self) -> str | None:
        """Name of the TSPE format (a key of ``FORMATS``) that this template is, None for free wording."""
        if _write_format(self.attribute, self.source) != self.text:
            return None
        return _format_name(self.attribute, self.source)

    def fill(self, label: str) -> str:
        """Put a label into the slot; any text will do.

        The label appears as ``one_line`` gives it. An "a" or "an" right before the slot is made to agree with it.
        """
        label = one_line(label)
        before, after = self.text.split(SLOT)
        return _ARTICLE_AT_END.sub(lambda found: _agreeing(found[1], label) + found[2], before) + label + after

    def as_string(self) -> str:
        """Write the template in open_clip's convention, the slot written ``{}``; ``str.format`` can fill it."""
        return self.text.replace(SLOT, "{}")


def as_templates(given: "str | Template | Iterable[str | Template]") -> list[Template]:
    """Templates as Python code gives them: texts or templates, or a single one.

    Raises:
        TemplateError: a text is not a template.
    """
    several = [given] if isinstance(given, (str, Template)) else given
    return [Template.parse(one) if isinstance(one, str) else one for one in several]


def mark_slot(text: str) -> str:
    """Write the slot of a template as ``{label}``, however it is marked; other braces are left as they are."""
    text = re.sub(r"\{\{([^{}]*)\}\}", r"{\1}", text)
    text = re.sub(r"\{\s*(?:label)?\s*\}", SLOT, text, flags=re.IGNORECASE)
    if SLOT in text:
        return text
    if "{" in text or "}" in text:
        named = re.findall(_NAMED_SLOT, text)
        return re.sub(_NAMED_SLOT, SLOT, text) if len(set(named)) == 1 else text
    return re.sub(_SLOT_WITHOUT_BRACES, SLOT, text, flags=re.IGNORECASE)


_NAMED_SLOT = r"\{\s*(\w+)(?:![rsa])?(?::s)?\s*\}"  # as Python's format strings have it
_SLOT_WITHOUT_BRACES = (
    r"%s|%\(\w+\)s|(?<![^\W_])_{2,}(?![^\W_])|(?P<open>[<\[])\s*"
    r"(?:(?:class|label|sound|category|event)(?:[ _-]?name)?|name|object|c|cls)\s*(?(open)[>\]])"
)


def _check_slot(text: str) -> None:
    """Raise a TemplateError unless a text has the slot exactly once and no brace besides."""
    if not text:
        raise TemplateError(f"The template is empty: write a prompt with {SLOT} where the label goes.")
    shown = repr(text if len(text) <= 80 else text[:80] + "...")
    other = re.search(r"\{[^{}]*\}|[{}]", text.replace(SLOT, ""))
    if other:
        raise TemplateError(f"The template {shown} has {other[0]!r}: the only braces allowed are the slot {SLOT}.")
    slots = text.count(SLOT)
    if slots == 0:
        raise TemplateError(f"The template {shown} has no slot: put {SLOT} where the label goes.")
    if slots > 1:
        raise TemplateError(f"The template {shown} has {slots} slots: keep one {SLOT}.")


def _format_name(attribute: str | None, source: str | None) -> str:
    return "_".join(name for name, words in (("attribute", attribute), ("source", source)) if words)


def _write_format(attribute: str | None, source: str | None) -> str | None:
    """Write the text of the format that takes these words, None if they are both missing."""
    words = {"attribute": attribute or "", "source": source or ""}

    def write(found: re.Match[str]) -> str:
        article, name = found.groups()
        if name == "label":
            return SLOT
        phrase = with_article(words[name])
        return phrase[:1].upper() + phrase[1:] if article == "A" else phrase

    layout = FORMATS.get(_format_name(attribute, source))
    return layout and re.sub(r"(?:\b([Aa]) )?<(\w+)>", write, layout)


# ---- articles: a word takes "an" by its sound, which in English its spelling tells but for short lists of words


def with_article(words: str) -> str:
    """Put "a" or "an" before a noun phrase, unless a determiner ("the sea", "my kitchen") is there already."""
    words = _without_article(words)
    if words.partition(" ")[0].lower() in _DETERMINERS:
        return words
    return f"{indefinite_article(words)} {words}"


def indefinite_article(phrase: str) -> str:
    """Which of "a" and "an" goes before a phrase, by how its first word or number is spoken."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", phrase) if not unicodedata.combining(c))
    word = re.sub(r"^[\W_]+", "", plain)
    if _LETTERS_READ_OUT.match(word):
        vowel = word[0].upper() in "AEFHILMNORSX"
    elif _SAID_WITH_CONSONANT.match(word.lower()):
        vowel = False
    else:
        vowel = bool(_SAID_WITH_VOWEL.match(word.lower()))
    return "an" if vowel else "a"


# A letter by itself (X-ray, F16, e-bike), two or three capitals (MRI, NSynth), or more that no word starts with (HVAC).
_LETTERS_READ_OUT = re.compile(
    r"[A-Za-z](?![A-Za-z])|[A-Z]{2,3}(?![A-Z])|(?=[A-Z]{4})[FHLMNRX][BCDFGJKMNPQSTVWXZ]", re.ASCII
)
# europe, ewe, ouija, one, once, and the u of ukulele, unicorn (but not unimportant), user, urine, utensil.
_SAID_WITH_CONSONANT = re.compile(
    r"eu|ewe|oui|one(?:s|self|sie)?(?![a-z])|once(?![a-z])"
    r"|u(?:biq|fo|gand|k|lul|nanim|ni(?!n|mp|mag|dent|ss|ron|ll)|r[aeiou]|s[aeiu]|t[aeio]|vula)"
)
# Vowels, the silent h, and the numbers spoken eight..., eleven..., eighteen... (11, 1812, 18,000; not 110).
_SAID_WITH_VOWEL = re.compile(r"[aeiou]|hour(?!i)|honest|honou?r|heir|8|1[18](?:[0-9]{2}|(?:,?[0-9]{3})+)?(?![0-9])")

_ARTICLE_AT_END = re.compile(r"(?<![\w-])(an?)( [\"'(\u2018\u201c]*)$", re.IGNORECASE)

_DETERMINERS = frozenset(
    {"the", "this", "that", "these", "those", "some", "my", "your", "his", "her", "its", "our", "their", "someone's"}
)


def _without_article(words: str) -> str:
    return re.sub(r"^an? (?!cap+ella)(?=.)", "", words, flags=re.IGNORECASE)


def _agreeing(article: str, label: str) -> str:
    """Choose the article that goes before a label, in upper or lower case like the one that stood there."""
    right = indefinite_article(label)
    if article == "AN":
        return right.upper()
    return right.capitalize() if article[0] == "A" else right


BARE_NAME = Template(SLOT)  # the label and nothing else
VANILLA = Template("This is a sound of {label}.")  # the plain prompt that all else is compared with, TSPE's own
