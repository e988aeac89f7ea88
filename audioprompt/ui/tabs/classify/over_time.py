"""What is heard when in a longer clip: seen, heard, corrected, and taken along."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from audioprompt.audio.spectrogram import Picture
from audioprompt.core.timeline import Event, Timeline
from audioprompt.data.events import EVENT_FORMATS
from audioprompt.server import sessions
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services import own_set
from audioprompt.services.collection import Collection
from audioprompt.services.corrections import add_clips, cut, list_rows, read_rows, write_clips
from audioprompt.services.curate.setup import Remembered, remember_clips
from audioprompt.ui import charts, markup
from audioprompt.ui.events import HIDDEN, INSTANT, LAST, Parts, View
from audioprompt.ui.page import Page
from audioprompt.ui.render import script
from audioprompt.util.text import counted

HELP = (
    "Change a start, an end or a label, or drag an event's edge in the picture.",
    "Drag over the picture to zoom, and double-click to see all of it.",
)
PARTS = ("course", "time_fold", "timeline", "events", "event_note", "event_player")
AS_CORRECTED = {"js": "(...given) => [...given.slice(0, -1), audioprompt.events()]"}  # the rows as the table says now
Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True, eq=False)
class Course:
    """A recording over time, as long as the page shows it.

    Attributes:
        sound: its path.
        picture: of all of it.
        timeline: what the model made of it.
    """

    sound: str
    picture: Picture
    timeline: Timeline

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.timeline.edges[-1])


def lay_out() -> Parts:
    """Lay out the picture, the table and what can be done with the events."""
    with gr.Accordion("Over time", open=True, visible=False, elem_id="over-time") as fold:
        plot = gr.Plot(show_label=False, container=False, visible=False, elem_id="timeline")
        note = gr.HTML(js_on_load=script("components/classify/drag.js"), elem_id="event-note", apply_default_css=False)
        player = gr.Audio(show_label=False, visible=HIDDEN, autoplay=True, interactive=False, elem_id="event-player")
        events = gr.HTML(js_on_load=script("components/classify/events.js"), elem_id="events", apply_default_css=False)
        gr.HTML(markup.remarks(HELP), elem_id="event-help", apply_default_css=False)
        with gr.Row(elem_classes="exports"):
            small: dict[str, Any] = {"size": "sm", "min_width": 90}
            to_learn = gr.Button("Add to Learn", elem_id="events-learn", **small)
            to_curate = gr.Button("Add to Curate", elem_id="events-curate", **small)
            saves = {f"save_{form.name}": gr.Button(form.title, **small) for form in EVENT_FORMATS}
    return Parts(
        time_fold=fold,
        timeline=plot,
        event_note=note,
        event_player=player,
        events=events,
        event_learn=to_learn,
        event_curate=to_curate,
        **saves,
        course=gr.State(None),
        event_rows=gr.JSON(visible=HIDDEN),
        event_file=gr.JSON(visible=HIDDEN),
    )


def wire(page: Page, parts: Parts) -> None:
    """Wire what can be done with events."""
    course, rows, table = parts["course"], parts["event_rows"], parts["events"]

    def changed(names: Sequence[str], handler: Callable[..., View], *given: Any) -> dict[str, Any]:
        held = Parts(collection=page.collection, data=page.data, remembered=page.clips)
        shown = (parts | held).only(*names, "event_note")
        told = shown.told_by(handler, [*given, course, rows], problem="event_note")
        return told | INSTANT | AS_CORRECTED

    table.edit(**changed(["timeline"], draw_corrected), **LAST)
    table.play(**changed(["event_player"], play), **LAST)
    parts["event_note"].click(**changed(["timeline", "events"], move), **LAST)
    parts["event_learn"].click(**changed(["collection"], learn, page.collection))
    parts["event_curate"].click(**changed(["data", "remembered"], curate, page.pack, page.clips))
    for form in EVENT_FORMATS:
        saved = parts[f"save_{form.name}"].click(**changed(["event_file"], partial(export_events, kind=form.name)))
        saved.then(None, parts["event_file"], js="audioprompt.save", **INSTANT)


# --- handlers ---------------------------------------------------------------------------------------------------------


def show(sound: str, picture: Picture, timeline: Timeline, events: Sequence[Event]) -> View:
    """Show what is heard when in a recording that is long enough to have a course."""
    course = Course(sound, picture, timeline)
    return {
        "course": course,
        "time_fold": gr.update(label=f"Over time ({course.seconds:.0f} s)", visible=True),
        "timeline": _plot(course, events),
        "events": markup.events(list_rows(events)),
        "event_note": "" if events else markup.remarks(["None of the labels is heard clearly at any time."]),
        "event_player": gr.update(value=None, visible=HIDDEN),
    }


def hide() -> View:
    """Show nothing over time."""
    return {
        "course": None,
        "time_fold": gr.update(visible=False),
        "timeline": charts.plot(None, hidden=False),
        "events": "",
        "event_note": "",
        "event_player": gr.update(value=None, visible=HIDDEN),
    }


def draw_corrected(course: Course | None, rows: Rows) -> View:
    """Draw the events as a person has corrected them."""
    if course is None:
        return {}
    return {"timeline": _plot(course, read_rows(rows, course.seconds)), "event_note": ""}


def move(course: Course | None, rows: Rows, event: gr.EventData) -> View:
    """Take over the edges of an event that was dragged in the picture, and snap it back to its lane."""
    if course is None:
        return {}
    events = read_rows(rows, course.seconds)
    shown = [at for at, one in enumerate(events) if one.label in charts.lanes(course.timeline, events)]
    if event.index not in range(len(shown)):
        return {}
    at = shown[event.index]
    start, end = sorted((float(event.start), float(event.end)))
    row = [round(max(start, 0.0), 2), round(end, 2), events[at].label, events[at].probability]
    changed = read_rows([*list_rows(events[:at]), row, *list_rows(events[at + 1 :])], course.seconds)
    return {"timeline": _plot(course, changed), "events": markup.events(list_rows(changed)), "event_note": ""}


def play(course: Course | None, rows: Rows, event: gr.EventData) -> View:
    """Play the event of a row."""
    if course is None or event.index not in range(len(rows)):
        return {}
    if not (found := read_rows([rows[event.index]], course.seconds)):
        return {}
    part = cut(course.sound, found[0])
    return {"event_player": gr.update(value=(part.sample_rate, part.samples), visible=True), "event_note": ""}


def export_events(course: Course | None, rows: Rows, kind: str) -> View:
    """Hand the events to the browser as a file in one of the forms."""
    if course is None:
        return {"event_file": None}
    name, form = Path(course.sound), EVENT_FORMATS[kind]
    content = form.write(read_rows(rows, course.seconds), name.name)
    return {"event_file": {"name": f"{name.stem}{form.suffix}", "content": content}, "event_note": ""}


def learn(collection: Collection, course: Course | None, rows: Rows, context: Context = IN_PROCESS) -> View:
    """Add the events to the clips in Learn, each under its label."""
    if course is None:
        return {}
    events = read_rows(rows, course.seconds)
    with _as_clips(course, events) as files:
        sessions.refuse_too_many(context.request, collection.folder, files)
        add_clips(collection, files, events)
    said = f"{counted(len(events), 'clip')} added to Learn, each under its label."
    return {"collection": collection, "event_note": markup.remarks([said])}


def curate(
    pack_id: str, remembered: Remembered, course: Course | None, rows: Rows, context: Context = IN_PROCESS
) -> View:
    """Add the events to a data set of one's own, and have Curate measure on it next."""
    if course is None:
        return {}
    events = read_rows(rows, course.seconds)
    with _as_clips(course, events) as files:
        archive = sessions.room_in_uploads(context.request, files) / own_set.NAME
        labelled = own_set.extend(archive, Path(course.sound).name, files, events)
    classes = len({label for label, _ in labelled.values()})
    said = (
        f"{counted(len(events), 'clip')} added to clips of your own. Curate measures on them next:"
        f" {counted(len(labelled), 'clip')} of {counted(classes, 'class')}."
    )
    return {
        "data": str(archive),
        "remembered": remember_clips(pack_id, {"data": str(archive)}, remembered),
        "event_note": markup.remarks([said]),
    }


@contextmanager
def _as_clips(course: Course, events: Sequence[Event]) -> Iterator[list[Path]]:
    """Write the events as clips that are there for a moment."""
    with tempfile.TemporaryDirectory(prefix="events-", dir=sessions.temporary()) as folder:
        yield write_clips(course.sound, Path(course.sound).name, events, Path(folder))


def _plot(course: Course, events: Sequence[Event]) -> Any:
    return charts.plot(charts.over_time(course.picture, course.timeline, events), hidden=False)
