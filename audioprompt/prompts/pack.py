"""A prompt pack: templates for one kind of task, the decisions on them, and where they came from.

A pack is one JSON file, written so that a change reads well in a diff. What was approved comes out as templates, or as
the ``"... {} ..."`` strings that open_clip and others take.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    FailFast,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
)

from audioprompt.errors import AudiopromptError
from audioprompt.prompts.template import Template, TemplateError, as_templates
from audioprompt.util.schema import Line, Note, StrictModel, explain

FORMAT_VERSION = 1
MAX_BYTES = 8_000_000
MAX_TEMPLATES = 2_000
MAX_PRESETS = 100
MAX_LABELS = 2_000
MAX_KINDS = 500  # of measurement: each is a column of a table
MAX_COUNT = 10**9  # of clips or changes
MAX_EXCHANGES = 100  # with a service
MAX_SAID = 200_000  # characters of a request, or of an answer
MAX_BRACKETS = 400_000  # in a pack's file: read as lists and objects, each takes a hundred times as many bytes

Status = Literal["candidate", "approved", "rejected"]
Category = Literal["instruments", "acoustic_scenes", "music_genre", "impact_emergency", "vocal_sounds"]

CATEGORIES: Mapping[Category, str] = MappingProxyType(
    {
        "instruments": "Musical instrument recognition",
        "acoustic_scenes": "Acoustic scene understanding",
        "music_genre": "Music genre classification",
        "impact_emergency": "Impact and emergency sounds",
        "vocal_sounds": "Non-verbal vocalisation",
    }
)


class PackError(AudiopromptError, ValueError):
    """A pack cannot be read, kept or found; the message names the file or pack and says what is wrong."""


def _slug(text: str) -> str:
    if len(text) > 64 or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text):
        raise ValueError("must be small letters and digits joined by hyphens, at most 64, like 'acoustic-scenes'")
    return text


def _this_millennium(at: datetime) -> datetime:
    if not 2000 <= at.year < 3000:  # near its ends, a calendar has no room for other time zones
        raise ValueError("must lie in the years 2000 to 2999")
    return at


Slug = Annotated[str, AfterValidator(_slug)]
Moment = Annotated[AwareDatetime, AfterValidator(_this_millennium)]


class Measurement(StrictModel):
    """How well templates did: one alone, or the approved ones together.

    Attributes:
        model: the model's name in the registry.
        revision: the model's revision, which changes whenever an embedding could.
        data: the data set.
        split: the part of it that was classified.
        n: number of clips.
        accuracy: share of them put in the right class, 0 to 1.
    """

    model: Line
    revision: Line
    data: Line
    split: Line
    n: int = Field(ge=1, le=MAX_COUNT)
    accuracy: float = Field(ge=0, le=1)


class PackEntry(StrictModel):
    """One template, what was decided on it, and the measurements that led there."""

    template: Template
    status: Status = "candidate"
    decided_by: Line | None = None
    decided_at: Moment | None = None
    reason: Note | None = None
    measured: Annotated[tuple[Measurement, ...], FailFast()] = ()


class Exchange(StrictModel):
    """What a service was asked for a pack's templates, and what it answered, word for word.

    Attributes:
        request: as it was sent.
        answer: as far as it was read: nothing is read behind the end of what was asked for.
        model: the model that answered, as the service names it; it may name the version of what was asked for.
    """

    request: Annotated[str, Field(max_length=MAX_SAID)]
    answer: Annotated[str, Field(max_length=MAX_SAID)]
    model: Line | None = None


class Provenance(StrictModel):
    """Who wrote a pack's templates: ``hand-written``, or a generator and the settings it ran with.

    Attributes:
        generator: who wrote them.
        settings: of the generator.
        written_on: when.
        exchanges: requests and answers in their order, where they were kept.
    """

    generator: Line
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    written_on: date | None = None
    exchanges: Annotated[tuple[Exchange, ...], Field(max_length=MAX_EXCHANGES, fail_fast=True)] | None = None

    @field_validator("settings")
    @classmethod
    def _writable(cls, settings: dict[str, JsonValue]) -> dict[str, JsonValue]:
        try:
            json.dumps(settings, allow_nan=False, ensure_ascii=False).encode()
        except ValueError:
            raise ValueError("must hold only finite numbers and plain text") from None
        return settings


class HistoryEvent(StrictModel):
    """One change to a pack, or to one of its entries.

    Attributes:
        at: when.
        who: by whom.
        action: what was done; `audioprompt.prompts.history` says which actions there are.
        change: number of the change this event is part of: a bulk action is one change of many events.
        template: text of the entry concerned, None where it is the pack.
        from_status, from_by, from_at, from_reason: the earlier decision, so that it can be restored.
        to_status: the new status.
        reason: why, or what was done in particular.
        measured: what a held-out test gave.
    """

    at: Moment
    who: Line
    action: Line
    change: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    template: Note | None = None
    from_status: Status | None = None
    from_by: Line | None = None
    from_at: Moment | None = None
    from_reason: Note | None = None
    to_status: Status | None = None
    reason: Note | None = None
    measured: Measurement | None = None

    @cached_property
    def line(self) -> str:
        """The event as JSON in one line; made once, for a pack with a long history is written often."""
        return json.dumps(self.model_dump(mode="json", exclude_none=True), sort_keys=True, ensure_ascii=False)


class PromptPack(StrictModel):
    """Templates for one kind of task.

    Attributes:
        format_version: version of the file format.
        id: the pack's name in files and commands, small letters, digits and hyphens.
        title: the pack's name for people.
        description: what it is for.
        category: the TSPE task category, None for a general pack.
        licence: SPDX name of the licence of the templates.
        provenance: who wrote them.
        entries: the templates in their order, no text twice.
        label_presets: lists of labels the pack is meant for, by name.
        history: every change, oldest first; only ever appended to.
    """

    format_version: int = FORMAT_VERSION
    id: Slug
    title: Line
    description: Note | None = None
    category: Category | None = None
    licence: Line | None = None
    provenance: Provenance
    entries: Annotated[tuple[PackEntry, ...], FailFast(), Field(max_length=MAX_TEMPLATES)] = ()
    label_presets: dict[Line, Annotated[tuple[Line, ...], FailFast()]] = Field(default_factory=dict)
    history: Annotated[tuple[HistoryEvent, ...], FailFast()] = ()

    @field_validator("format_version")
    @classmethod
    def _known_format(cls, version: int) -> int:
        if version != FORMAT_VERSION:
            raise ValueError(f"is {version}, but this audioprompt reads {FORMAT_VERSION}: update audioprompt")
        return version

    @field_validator("entries")
    @classmethod
    def _distinct_entries(cls, entries: tuple[PackEntry, ...]) -> tuple[PackEntry, ...]:
        _refuse_repeats("template", [entry.template.text for entry in entries])
        kinds = {(m.model, m.revision, m.data, m.split, m.n) for entry in entries for m in entry.measured}
        if len(kinds) > MAX_KINDS:
            raise ValueError(f"must hold at most {MAX_KINDS} kinds of measurement, holds {len(kinds)}")
        return entries

    @field_validator("label_presets")
    @classmethod
    def _distinct_labels(cls, presets: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if len(presets) > MAX_PRESETS:
            raise ValueError(f"must hold at most {MAX_PRESETS} lists, holds {len(presets)}")
        for name, labels in presets.items():
            if not 1 <= len(labels) <= MAX_LABELS:
                raise ValueError(f"{name!r} must hold 1 to {MAX_LABELS} labels, holds {len(labels)}")
            _refuse_repeats("label", labels)
        return presets

    @property
    def approved(self) -> tuple[Template, ...]:
        """The approved templates, in the pack's order."""
        return tuple(entry.template for entry in self.entries if entry.status == "approved")

    def as_strings(self) -> list[str]:
        """Write the approved templates as ``"... {} ..."`` strings, as open_clip's zero-shot templates are written."""
        return [template.as_string() for template in self.approved]

    def to_json(self) -> str:
        """Write the pack as its file holds it, the same text every time.

        Keys are sorted, absent values left out; all is indented but the history, which has one line for each event.
        """
        content = self.model_dump(mode="json", exclude_none=True, exclude={"history"}) | {"history": []}
        text = json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        lines = ",\n    ".join(event.line for event in self.history)
        # Indented like this there is but one history, and no string holds a line end.
        return text.replace('\n  "history": []', f'\n  "history": [\n    {lines}\n  ]') if lines else text

    @classmethod
    def from_json(cls, text: str | bytes, name: str = "pack") -> "PromptPack":
        """Read a pack from the text of its file.

        Args:
            text: what the file holds; bytes are UTF-8.
            name: the file's name, for messages.

        Raises:
            PackError: the text is too long, not JSON, or not a valid pack; the message names the line or the field.
        """
        if len(text) > MAX_BYTES:
            raise PackError(f"{name}: too long for a pack, keep it under {MAX_BYTES // 1_000_000} MB.")
        try:
            decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
            if decoded.count("{") + decoded.count("[") > MAX_BRACKETS:
                raise PackError(f"{name}: too many lists and fields for a pack.")
            return cls.model_validate_json(decoded, strict=True)
        except UnicodeError:
            raise PackError(f"{name}: not UTF-8 text, so not a prompt pack.") from None
        except ValidationError as error:
            raise PackError(f"{name}: {explain(error)}") from error


def pack_from_templates(
    templates: Iterable[str], pack_id: str = "custom", title: str = "Custom templates"
) -> PromptPack:
    """Make a pack of approved templates from plain texts, slot ``{label}`` or ``{}``: what a person typed in.

    Raises:
        PackError: a text is not a template, comes twice, or there are none.
    """
    try:
        entries = tuple(PackEntry(template=template, status="approved") for template in as_templates(templates))
        if not entries:
            raise PackError("There are no templates: give at least one, like 'the sound of {}'.")
        return PromptPack(id=pack_id, title=title, provenance=Provenance(generator="hand-written"), entries=entries)
    except TemplateError as error:
        raise PackError(str(error)) from error
    except ValidationError as error:
        raise PackError(f"{title}: {explain(error)}") from error


def _refuse_repeats(kind: str, texts: Sequence[str]) -> None:
    seen: set[str] = set()
    for text in texts:
        if text in seen:
            raise ValueError(f"must not hold the {kind} {text!r} twice")
        seen.add(text)
