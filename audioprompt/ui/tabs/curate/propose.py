"""What is worked out about a measured pack on request: a selection, its score on held-out clips, comparisons."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import gradio as gr

from audioprompt.prompts.pack import PackError
from audioprompt.server.context import Context
from audioprompt.services import curate as service
from audioprompt.ui.components import curate as html
from audioprompt.ui.components.curate import CurateView
from audioprompt.ui.components.curate.answers import COMPARING, answers
from audioprompt.ui.events import View
from audioprompt.ui.tabs.curate import measure
from audioprompt.ui.tabs.curate.render import list_packs, newest, render_view, take_snapshot
from audioprompt.util.jobs import MEASURING, follow

P = ParamSpec("P")


def _on_what_is_shown(
    handler: Callable[Concatenate[Context, P], Generator[View]],
) -> Callable[Concatenate[Context, P], Iterator[View]]:
    """Return a handler whose answer is not shown where the page shows another pack by then."""

    @wraps(handler)
    def answer(context: Context, *given: P.args, **named: P.kwargs) -> Iterator[View]:
        yield from measure.SHOWN.beside(context, handler(context, *given, **named))

    return answer


@_on_what_is_shown
def show_proposal(context: Context, view: CurateView | None) -> Generator[View]:
    """Propose a whole selection, and mark what it would change."""
    if view is None:
        return
    now = take_snapshot(context, view)
    job = MEASURING.start(
        lambda job: service.propose_selection(now.measured, now.pack, job.progress),
        key=(context.page, id(now.measured), "proposal", now.pack.history[-1:]),
        **context.terms,
    )
    for _ in measure.follow_job(job):
        yield {"message": html.weighing(job.id)}
    if now.measured.for_pack(context.store.get(view.pack_id)) is not now.measured:
        raise PackError("prompts were added since, which this proposal would leave out: ask for it once more")
    yield {"message": "", **render_view(context, replace(newest(context, view), proposal=job.result()))}


@_on_what_is_shown
def show_held_out(context: Context, view: CurateView | None) -> Generator[View]:
    """Score the templates approved on the clips held out, and note in the pack that this was done."""
    if view is None:
        return
    measured = view.measured
    approved = measured.approved(context.store.get(view.pack_id))
    job = MEASURING.start(
        lambda job: service.score_held_out(measured, approved, job.progress),
        key=(context.page, id(measured), approved.tobytes()),
        **context.terms,
    )
    yield from measure.follow_job(job)
    found = job.result()
    if not found.is_of(context.store.get(view.pack_id)):
        raise PackError(
            "you have decided again since, so that this is the score of other prompts: ask for it once more"
        )
    service.note_held_out(context.store, measured, view.pack_id, found, context.name)
    yield {"message": "", **render_view(context, replace(newest(context, view), held_out=found))}


@_on_what_is_shown
def show_answers(context: Context, view: CurateView | None, event: gr.EventData) -> Generator[View]:
    """Hold the ways to answer against each other, and show more about the one that was chosen."""
    if view is not None:
        yield from follow_answers(context, view, str(event.way))


def follow_answers(context: Context, view: CurateView, chosen: str) -> Iterator[View]:
    """Compare the ways to answer, telling where that takes long."""
    now = take_snapshot(context, view)
    job = MEASURING.start(
        lambda _: service.compare_answers(now.measured, now.pack),
        key=(context.page, id(now.measured), "answers", now.measured.approved(now.pack).tobytes()),
        **context.terms,
    )
    for looked, _ in enumerate(follow(job, measure.LOOK_SECONDS)):
        if looked:
            yield {"answers": COMPARING}
    found = job.result()
    way = found.choose(chosen)
    yield {"answers": answers(found, way, service.measure_effects(now.measured, way.chosen), view.turn)}


def offer_packs(context: Context, view: CurateView | None) -> View:
    """List the packs that the one shown can be compared with."""
    compared = view.other[0].id if view and view.other else ""
    choices = [one for one in list_packs(context) if not view or one[1] != view.pack_id]
    return {"other": gr.Dropdown(choices=choices, value=compared)}


@_on_what_is_shown
def show_comparison(context: Context, view: CurateView | None, other_id: str | None) -> Generator[View]:
    """Compare the pack shown with another one, on the same clips; with none, end that."""
    if view is None:
        return
    other: Any = None
    if other_id:
        pack, measured = context.store.get(other_id), view.measured
        job = MEASURING.start(lambda job: service.choose_by(measured, pack, job.progress), **context.terms)
        yield from measure.follow_job(job)
        other = pack, job.result()
    yield {"message": "", **render_view(context, replace(newest(context, view), other=other))}
