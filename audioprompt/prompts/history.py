"""What people do to a pack: add templates, decide on them, undo and redo, note what was measured.

Pure functions: each takes a pack and returns the changed one, with what was done appended to its history. Undo and redo
need nothing but that history, so they work after a reload, in another tab and by another person.

    >>> from audioprompt.prompts.pack import pack_from_templates
    >>> pack = pack_from_templates(["the sound of {}", "{} noise"])
    >>> pack = decide(pack, ["{label} noise"], "rejected", who="ada", reason="too short")
    >>> pack.as_strings()
    ['the sound of {}']
    >>> step(pack, "undo", who="ada").as_strings()
    ['the sound of {}', '{} noise']
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import groupby
from typing import Any, Final, Literal

from pydantic import ValidationError

from audioprompt.prompts.pack import (
    HistoryEvent,
    Measurement,
    PackEntry,
    PackError,
    PromptPack,
    Status,
    explain,
)
from audioprompt.prompts.template import Template
from audioprompt.util.text import one_line

Direction = Literal["undo", "redo"]
UNDO: Final = "undo"
REDO: Final = "redo"
ADD, DECIDE, MEASURE, TEST = "add", "decide", "measure", "test"
RENAME, COPY = "rename", "copy"

AUTO = "auto-curate"  # who decides where a selection was proposed and nobody looked at it
PROPOSED = "proposed by auto-curation"  # the reason of a decision that a person took over from a proposal
PROGRAMS = frozenset({AUTO, "audioprompt", "audioprompt curate"})  # names of programs in ``decided_by``

Change = tuple[HistoryEvent, ...]  # the events of one change: one, or as many as a bulk action had templates


def decide(
    pack: PromptPack,
    texts: Sequence[str],
    status: Status,
    who: str,
    at: datetime | None = None,
    reason: str | None = None,
) -> PromptPack:
    """Give templates a status, all in one change.

    Templates that have it already, for this reason or with none given now, are left alone; but a person who gives the
    status that was proposed makes the decision their own.

    Args:
        pack: the pack they are in.
        texts: their texts, as the entries have them.
        status: the status to give.
        who: by whom.
        at: when, now if None.
        reason: why.

    Raises:
        PackError: a template is not in the pack, or one of the other arguments does not fit a pack.
    """
    reason = one_line(reason or "") or None
    turned = [
        entry
        for entry in _find_entries(pack, texts)
        if entry.status != status
        or reason not in (None, entry.reason)
        or (reason is None and who not in PROGRAMS and _is_proposal(entry))
    ]
    facts = [
        {
            "template": entry.template.text,
            "from_status": entry.status,
            "from_by": entry.decided_by,
            "from_at": entry.decided_at,
            "from_reason": entry.reason,
            "to_status": status,
            "reason": reason,
        }
        for entry in turned
    ]
    events = _make_events(pack, DECIDE, who, at, facts)
    return _change(pack, [_apply_decision(entry, event) for entry, event in _match_entries(pack, events)], events)


def by_person(entry: PackEntry) -> bool:
    """Whether a person decided on an entry, so that no program may decide otherwise.

    Approved entries of nobody, as in a list that was imported, are open; a rejection is always somebody's.
    """
    if entry.status == "candidate" or _is_proposal(entry) or entry.decided_by in PROGRAMS:
        return False
    return entry.status == "rejected" or entry.decided_by is not None


def _is_proposal(entry: PackEntry) -> bool:
    return entry.status != "candidate" and (entry.decided_by == AUTO or entry.reason == PROPOSED)


def step(pack: PromptPack, direction: Direction, who: str, at: datetime | None = None) -> PromptPack:
    """Undo the last decision that is in force, or redo the one that was last undone.

    A bulk decision is one step. A decision made since leaves nothing to redo.

    Args:
        pack: the pack.
        direction: ``undo`` or ``redo``.
        who: by whom.
        at: when, now if None.

    Raises:
        PackError: there is nothing to undo or redo.
    """
    change = next_step(pack, direction)
    if not change:
        raise PackError(f"There is nothing to {direction} in {pack.id}.")
    apply, before, after = (
        (_take_back, "to_status", "from_status") if direction == UNDO else (_apply_decision, "from_status", "to_status")
    )
    facts = [
        {"template": old.template, "from_status": getattr(old, before), "to_status": getattr(old, after)}
        for old in change
    ]
    entries = [apply(entry, old) for entry, old in _match_entries(pack, change)]
    return _change(pack, entries, _make_events(pack, direction, who, at, facts))


def next_step(pack: PromptPack, direction: Direction) -> Change:
    """Find the events of the decision that ``step`` would undo or redo, none if there is none."""
    done, undone = _replay(pack.history)
    changes = done if direction == UNDO else undone
    return changes[-1] if changes else ()


def add(
    pack: PromptPack, entries: Iterable[PackEntry], who: str, at: datetime | None = None, reason: str | None = None
) -> PromptPack:
    """Append entries to a pack, but those whose text it has. This is not undone: reject what you do not want.

    Args:
        pack: the pack.
        entries: to append.
        who: by whom.
        at: when, now if None.
        reason: where they come from.

    Raises:
        PackError: the pack would grow too long, or ``who`` or ``at`` does not fit a pack.
    """
    known = {entry.template.text for entry in pack.entries}
    new = {entry.template.text: entry for entry in entries if entry.template.text not in known}
    facts = [{"template": text, "to_status": entry.status, "reason": reason} for text, entry in new.items()]
    return _change(pack, new.values(), _make_events(pack, ADD, who, at, facts))


def write_prompt(
    pack: PromptPack,
    text: str,
    who: str,
    at: datetime | None = None,
    edited_from: str | None = None,
    copied_from: str | None = None,
) -> PromptPack:
    """Add a prompt that a person wrote, as a candidate.

    An edited prompt is a new one, for what was measured and decided was measured and decided on the old one. That stays
    in the pack, rejected as replaced, which can be undone.

    Args:
        pack: the pack.
        text: of the prompt, with ``{label}`` or ``{}`` for the label.
        who: by whom.
        at: when, now if None.
        edited_from: text of the prompt that it replaces.
        copied_from: text of the prompt that it was made from and that stays as it is.

    Raises:
        TemplateError: the text is not a template.
        PackError: the pack has a prompt of this text, or none of the text it was made from.
    """
    template = Template.parse(text)
    if template.text in {entry.template.text for entry in pack.entries}:
        raise PackError(f"{pack.id} has the prompt {template.as_string()!r} already: change its wording.")
    (origin,) = _find_entries(pack, [made_from]) if (made_from := edited_from or copied_from) else (None,)
    verb = "edited" if edited_from else "copied"
    reason = f"{verb} from “{origin.template.as_string()}”" if origin else "written by hand"
    written = add(pack, [PackEntry(template=template)], who, at, reason)
    if edited_from and origin and origin.status != "rejected":
        return decide(written, [edited_from], "rejected", who, at, f"replaced by “{template.as_string()}”")
    return written


def rename(pack: PromptPack, title: str, who: str, at: datetime | None = None) -> PromptPack:
    """Give a pack another title; its id stays.

    Raises:
        PackError: the title or another argument does not fit a pack.
    """
    title = one_line(title)
    if title == pack.title:
        return pack
    events = _make_events(pack, RENAME, who, at, [{"reason": f"from “{pack.title}” to “{title}”"}])
    return _change(pack, [], events, title=title)


def copy(pack: PromptPack, pack_id: str, title: str, who: str, at: datetime | None = None) -> PromptPack:
    """Copy a pack to another id and title, with its decisions and its history, which says where it comes from.

    Raises:
        PackError: the id, the title or another argument does not fit a pack.
    """
    events = _make_events(pack, COPY, who, at, [{"reason": f"from {pack.id}"}])
    return _change(pack, [], events, id=pack_id, title=one_line(title))


def record(
    pack: PromptPack, measurements: Mapping[str, Measurement], who: str, at: datetime | None = None
) -> PromptPack:
    """Note how well templates did, by their texts. A newer figure takes the place of an older one of the same kind,
    which is one of the same model and revision on the same split of the same data.

    Raises:
        PackError: a template is not in the pack, or ``who`` or ``at`` does not fit a pack.
    """
    new = []
    for entry in _find_entries(pack, measurements):
        figure = measurements[entry.template.text]
        if figure not in entry.measured:
            others = tuple(old for old in entry.measured if _kind_of(old) != _kind_of(figure))
            new.append(entry.model_copy(update={"measured": (*others, figure)}))
    on = dict.fromkeys(f"{m.data}, {m.split}, with {m.model}" for m in (entry.measured[-1] for entry in new))
    return _change(
        pack, new, _make_events(pack, MEASURE, who, at, [{"reason": f"accuracies on {where}"} for where in on])
    )


def record_test(pack: PromptPack, measurement: Measurement, who: str, at: datetime | None = None) -> PromptPack:
    """Note that the approved templates were scored on clips held out from curation, and what came of it.

    Raises:
        PackError: ``who`` or ``at`` does not fit a pack.
    """
    return _change(pack, [], _make_events(pack, TEST, who, at, [{"measured": measurement}]))


def times_tested(pack: PromptPack) -> int:
    """How often the pack was scored on held-out clips: the more often, the less its last score says."""
    return sum(event.action == TEST for event in pack.history)


# --- the parts these are made of --------------------------------------------------------------------------------------


def _replay(history: Sequence[HistoryEvent]) -> tuple[list[Change], list[Change]]:
    """Find the decisions in force, oldest first, and those that were undone and can be made again, the latest last."""
    done: list[Change] = []
    undone: list[Change] = []
    for _, numbered in groupby(enumerate(history), key=lambda item: item[1].change or -item[0]):
        change = tuple(event for _, event in numbered)
        action = change[0].action
        if action == DECIDE:
            done.append(change)
            undone.clear()
        elif action == UNDO and done:
            undone.append(done.pop())
        elif action == REDO and undone:
            done.append(undone.pop())
    return done, undone


def _find_entries(pack: PromptPack, texts: Iterable[str]) -> list[PackEntry]:
    """Find the entries with these texts, in the pack's order."""
    wanted = set(texts)
    chosen = [entry for entry in pack.entries if entry.template.text in wanted]
    if unknown := wanted.difference(entry.template.text for entry in chosen):
        raise PackError(f"{pack.id} has no template {min(unknown)!r}: reload the pack, someone may have changed it.")
    return chosen


def _match_entries(pack: PromptPack, change: Iterable[HistoryEvent]) -> Iterator[tuple[PackEntry, HistoryEvent]]:
    """Each event of a change with its entry; where someone has since removed that from the file, there is none."""
    entries = {entry.template.text: entry for entry in pack.entries}
    return ((entries[event.template], event) for event in change if event.template in entries)


def _apply_decision(entry: PackEntry, event: HistoryEvent) -> PackEntry:
    """Return the entry as a decision made it."""
    made = {"decided_by": event.who, "decided_at": event.at, "reason": event.reason}
    return entry.model_copy(update={"status": event.to_status or entry.status, **made})


def _take_back(entry: PackEntry, event: HistoryEvent) -> PackEntry:
    """Return the entry as it was before a decision."""
    before = {"decided_by": event.from_by, "decided_at": event.from_at, "reason": event.from_reason}
    return entry.model_copy(update={"status": event.from_status or entry.status, **before})


def _kind_of(figure: Measurement) -> tuple[str, ...]:
    return figure.model, figure.revision, figure.data, figure.split


def _make_events(
    pack: PromptPack, action: str, who: str, at: datetime | None, happened: Iterable[Mapping[str, Any]]
) -> list[HistoryEvent]:
    """Make the events of the pack's next change, one for each of the mappings, which say what else an event holds."""
    at = at or datetime.now(timezone.utc).replace(microsecond=0)
    number = next((event.change for event in reversed(pack.history) if event.change), 0) + 1
    try:
        return [HistoryEvent(at=at, who=who, action=action, change=number, **fields) for fields in happened]
    except ValidationError as error:
        raise PackError(f"{pack.id}: {explain(error)}") from error


def _change(
    pack: PromptPack, entries: Iterable[PackEntry], events: Sequence[HistoryEvent], **fields: str
) -> PromptPack:
    """Put entries in the place of those of the same text, or else append them, and append to the history.

    Other fields are set as they are named.

    The same pack if nothing happened.
    """
    if not events:
        return pack
    changed = {entry.template.text: entry for entry in pack.entries} | {entry.template.text: entry for entry in entries}
    made = dict(pack) | fields | {"entries": tuple(changed.values()), "history": (*pack.history, *events)}
    try:
        return PromptPack.model_validate(made)
    except ValidationError as error:
        raise PackError(f"{pack.id}: {explain(error)}") from error
