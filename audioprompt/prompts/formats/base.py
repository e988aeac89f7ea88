"""What a form of packs is, and what the forms that can be read have in common."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

from pydantic import ValidationError

from audioprompt.prompts.pack import MAX_TEMPLATES, PackEntry, PackError, PromptPack, Provenance
from audioprompt.prompts.template import Template, TemplateError
from audioprompt.util.schema import explain
from audioprompt.util.text import undecorated

T = TypeVar("T")


@dataclass(frozen=True)
class PackFormat:
    """A form in which packs are written, and for some forms read again.

    Attributes:
        name: what people call it in commands and in the API: "csv".
        title: what pages call it: "Table".
        description: one line on what is in it.
        suffix: what the name of its files ends with.
        write: writes a pack.
        read: makes a pack of the text and the name of a file, None where the text is not in this form. None for a form
            that is only written.
    """

    name: str
    title: str
    description: str
    suffix: str
    write: Callable[[PromptPack], str]
    read: Callable[[str, str], PromptPack | None] | None = None


def make_pack(entries: Sequence[PackEntry], name: str) -> PromptPack:
    """Make a pack that is called after the file it was imported from.

    Raises:
        PackError: there are no entries, or they do not fit a pack.
    """
    if not entries:
        raise PackError(f"{name}: there are no templates in it, give at least one, like 'the sound of {{}}'.")
    title = PurePath(name).stem[:200]
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    pack_id = re.sub(r"[^a-z0-9]+", "-", ascii_title)[:64].strip("-") or "imported"
    provenance = Provenance(generator="imported", settings={"file": name})
    try:
        return PromptPack(id=pack_id, title=title, provenance=provenance, entries=tuple(entries))
    except ValidationError as error:
        raise PackError(f"{name}: {explain(error)}") from error


def parse_templates(templates: Iterable[tuple[str, str]], name: str) -> PromptPack:
    """Make a pack of approved templates, given as texts, each with where it is in the file.

    The numbers, bullets, quotes and commas of a list are not part of them.

    Raises:
        PackError: a text is not a template, or there are none or too many.
    """
    entries = []
    for where, text in limit(templates, name):
        try:
            entries.append(PackEntry(template=Template.parse(undecorated(text)), status="approved"))
        except TemplateError as error:
            raise PackError(f"{name}, {where}: {error}") from error
    return make_pack(entries, name)


def limit(items: Iterable[T], name: str) -> Iterator[T]:
    """Pass on as many templates as a pack holds; where there are more, nobody needs to look at them all.

    Raises:
        PackError: there are more.
    """
    for number, item in enumerate(items):
        if number == MAX_TEMPLATES:
            raise PackError(f"{name}: over {MAX_TEMPLATES:,} templates, more than a pack holds: choose some of them.")
        yield item
