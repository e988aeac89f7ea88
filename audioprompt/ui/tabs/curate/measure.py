"""Measuring a pack in the Curate tab: on which clips, how far it is, and the view that comes of it."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from audioprompt.data import DEMONSTRATION, DataError
from audioprompt.server import access, sessions
from audioprompt.server.context import Context
from audioprompt.server.questions import Questions
from audioprompt.services import curate as service
from audioprompt.services.curate import MeasuredPack, Setup
from audioprompt.services.curate.setup import (
    Remembered,
    fields_of,
    has_new_clips,
    parse_changed_split,
    recall_setup,
)
from audioprompt.ui import markup
from audioprompt.ui.components import curate as html
from audioprompt.ui.components.curate import CurateView, select_rows
from audioprompt.ui.components.curate.answers import CLOSED
from audioprompt.ui.events import View
from audioprompt.ui.tabs.curate.decide import refresh
from audioprompt.ui.tabs.curate.render import CLIPS, EMPTY, choose_pack, render_view, take_snapshot
from audioprompt.util.jobs import MEASURING, Job, follow

LOOK_SECONDS = 0.15  # between two looks at how far the encoding is
SHOWN = Questions()  # what a page wants to see: of several packs in a row the last, however long each takes


@dataclass(frozen=True)
class Form:
    """What is asked for above the table.

    Attributes:
        pack_id: the pack.
        data: where the clips are, as it was typed.
        folds: as they were typed.
        percent: of the clips, where no folds are given.
        seed: of the random division.
        remembered: the clips of each pack, as the browser keeps them.
        model: name of the model.
        skip_bad: whether to leave out recordings that cannot be used.
    """

    pack_id: str
    data: str
    folds: str
    percent: float
    seed: float
    remembered: Remembered
    model: str
    skip_bad: bool = False

    def parse(self) -> Setup:
        """Read what to measure.

        Raises:
            DataError: the folds are not whole numbers.
        """
        data = self.data.strip() or DEMONSTRATION
        split = parse_changed_split(data, self.folds, self.percent, self.seed, self.remembered)
        return Setup(self.pack_id, data, split, self.model, self.skip_bad)


def come_back(
    context: Context, view: CurateView | None, pack_id: str, remembered: Remembered, model: str
) -> Iterator[View]:
    """Show the pack in hand as `enter` does; where it is shown, what is under way goes on."""
    if not _is_shown(view, pack_id, remembered, model):
        yield from enter(context, view, pack_id, remembered, model)
    elif view and SHOWN.being_answered(context.page) is None:
        yield {**refresh(context, view, view.version), "pack": choose_pack(context, pack_id)}


def enter(
    context: Context, view: CurateView | None, pack_id: str, remembered: Remembered, model: str
) -> Iterator[View]:
    """Show a pack: as it is, if it is measured; else measure it, or say what to do first."""
    asked = (pack_id, remembered, model)
    yield from SHOWN.latest(context, asked, _enter(context, view, *asked))


def _is_shown(view: CurateView | None, pack_id: str, remembered: Remembered, model: str) -> bool:
    """Tell whether a page shows a pack as it would be measured."""
    shown = view is not None and (view.pack_id, view.model) == (pack_id, model)
    return shown and not has_new_clips(pack_id, remembered)


def _enter(
    context: Context, view: CurateView | None, pack_id: str, remembered: Remembered, model: str
) -> Generator[View]:
    if view and _is_shown(view, pack_id, remembered, model):
        remarks = markup.remarks(view.measured.validation.remarks)  # in place of how far another one was
        yield {**refresh(context, view, view.version), "message": remarks, "pack": choose_pack(context, pack_id)}
        return
    if pack_id not in context.store.ids():
        yield {**EMPTY, "message": html.START, "pack": choose_pack(context, "")}
    if not pack_id:
        return
    pack = context.store.get(pack_id)
    if setup := recall_setup(pack, remembered, model):
        yield from _show(context, view, setup, remembered)
        return
    yield {
        **EMPTY,  # what was shown is of another pack
        "message": html.ask_for_clips(pack),
        "pack": choose_pack(context, pack_id),
        "pack_in_hand": pack_id,
        "clips": gr.Accordion(label=CLIPS, open=True),
    }


def show_measured(context: Context, view: CurateView | None, form: Form) -> Iterator[View]:
    """Measure a pack on the clips that were named."""
    yield from _measure(context, view, form)


def show_measured_again(context: Context, view: CurateView | None, form: Form) -> Iterator[View]:
    """Measure again with another model, if anything is measured."""
    if view:
        yield from _measure(context, view, form)


def show_measured_on_demonstration(context: Context, view: CurateView | None, form: Form) -> Iterator[View]:
    """Measure a pack on the demonstration's clips."""
    yield from _measure(context, view, replace(form, data=DEMONSTRATION))


def show_measured_on_upload(context: Context, path: str, view: CurateView | None, form: Form) -> Iterator[View]:
    """Keep an uploaded archive and measure a pack on its clips."""
    yield from _measure(context, view, replace(form, data=keep_upload(context, path)))


def show_demonstration(context: Context, view: CurateView | None, remembered: Remembered, model: str) -> Iterator[View]:
    """Measure the demonstration's candidates on its clips."""
    yield from enter(context, view, service.demonstration_pack(context.store), remembered, model)


def stop_measuring(event: gr.EventData) -> View:
    """End the work under way."""
    MEASURING.stop(str(event.job))
    return {}


def _measure(context: Context, view: CurateView | None, form: Form) -> Iterator[View]:
    yield from SHOWN.latest(context, form, _read_and_show(context, view, form))


def _read_and_show(context: Context, view: CurateView | None, form: Form) -> Generator[View]:
    yield {"data": form.data}
    if form.pack_id:
        yield from _show(context, view, form.parse(), form.remembered)
    else:
        yield {"message": html.START}


def _show(context: Context, view: CurateView | None, setup: Setup, remembered: Remembered) -> Iterator[View]:
    """Measure, telling how far it is, and show the pack."""
    yield {"data": setup.data}
    job = start_measuring(context, setup)
    yield from follow_job(job)
    yield _open(context, view, job.result(), setup, remembered)


def start_measuring(context: Context, setup: Setup) -> Job[MeasuredPack]:
    """Measure in the background; at home all tabs wait for the same, elsewhere people would stop each other's."""
    store, folder = context.store, sessions.uploads(context.request)

    def work(job: Job[MeasuredPack]) -> MeasuredPack:
        clips = context.clips(setup.data, folder, progress=partial(job.progress, "files"), skip_bad=setup.skip_bad)
        return service.measure_setup(setup, context.model(setup.model), store.get(setup.pack_id), clips, job.progress)

    whose = context.page if access.public() else context.session
    return MEASURING.start(work, key=(setup, store.stamp(setup.pack_id), whose), **context.terms)


def follow_job(job: Job[Any]) -> Iterator[View]:
    """Tell how far a job is until it is done; a visitor's ends as well where nobody looks any more."""
    for now in follow(job, LOOK_SECONDS):
        yield {"message": html.progress(now.what, now.done, now.total, now.id)}


def _open(
    context: Context, old: CurateView | None, measured: MeasuredPack, setup: Setup, remembered: Remembered
) -> View:
    """Show what was measured, filtered and sorted as before."""
    labels = measured.validation.spoken_classes
    view = CurateView(measured, setup.model, setup.pack_id, label=labels[0])
    if old:
        label = old.label if old.label in labels else labels[0]
        view = replace(view, only=old.only, search=old.search, sort=old.sort, label=label)
    return {
        **render_view(context, select_rows(view, take_snapshot(context, view))),
        **fields_of(setup.data, measured.split),
        "answers": CLOSED,
        "message": markup.remarks(measured.validation.remarks),
        "label": gr.Dropdown(choices=list(labels), value=view.label),
        "clips": gr.Accordion(label=_summary(measured), open=False),
        "remembered": setup.remember(measured.split, remembered),
        "pack_in_hand": setup.pack_id,
        "pack": choose_pack(context, setup.pack_id),
    }


def _summary(measured: MeasuredPack) -> str:
    """Return the clips in one line."""
    clips = measured.validation
    total = len(clips) + len(measured.test)
    return f"{CLIPS}: {clips.name}, {measured.split.name(clips)} · {len(clips)} of {total}"


def keep_upload(context: Context, path: str) -> str:
    """Keep an uploaded archive, so that it can be opened again another day; a visitor's goes with their session.

    Returns:
        The path it has then.

    Raises:
        NotAllowed: there is no session to keep it for, or it is over a visitor's quota.
        DataError: it cannot be written.
    """
    folder = sessions.room_in_uploads(context.request, [path])
    try:
        return str(shutil.copy(path, folder))
    except OSError as error:
        raise DataError(f"{Path(path).name} cannot be kept, {error.strerror}: make room in {folder}.") from error
