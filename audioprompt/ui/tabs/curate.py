"""The Curate tab: what each candidate is worth on real clips, and the decision on it.

What a page shows is in its `Desk`; everything that lasts is in the store of packs. The table and all around it is HTML
made by `components/curate`; clicks and keys in it arrive here as the events that its script, `table.js`, triggers.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast, get_args

import gradio as gr

from audioprompt.audio.decode import read
from audioprompt.audio.recording import AudioError
from audioprompt.data import DEMONSTRATION, DataError
from audioprompt.data.sources import list_examples
from audioprompt.prompts.checks import check
from audioprompt.prompts.formats import PACK_FORMATS, read_pack
from audioprompt.prompts.history import (
    Change,
    decide,
    next_redo,
    next_undo,
    redo,
    rename,
    undo,
    write_prompt,
)
from audioprompt.prompts.pack import PackError, PromptPack, Status
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template, TemplateError
from audioprompt.server import access, sessions
from audioprompt.server.models import shared_model
from audioprompt.services.generate import copy_pack, next_free_id
from audioprompt.settings import cache_folder
from audioprompt.ui import markup, theme
from audioprompt.ui.components import curate as view
from audioprompt.ui.render import script
from audioprompt.util.text import one_line

if TYPE_CHECKING:
    from audioprompt.core.curation import Choices
    from audioprompt.services.curate import HeldOut, MeasuredPack, Proposal, Split
    from audioprompt.util.jobs import Job

T = TypeVar("T")
Kept = dict[str, dict[str, Any]]  # what a browser remembers of each pack's clips, the pack measured last at the end

LOOK_SECONDS = 0.15  # between two looks at how far the encoding is
PACKS_KEPT = 50  # whose clips a browser remembers
PLAYED_AT = 44_100  # Hz
LONGEST_PLAYED = 60.0  # seconds


@dataclass(frozen=True)
class Desk:
    """What one open page shows.

    Attributes:
        bench: the templates, measured.
        model: name of the model as it was picked.
        pack_id: the pack.
        stamp: of the pack's file as it was last shown.
        rows: texts of the templates shown, in their order; it changes only when someone asks for it.
        only: the filter, a key of ``view.FILTERS``.
        search: words that the templates shown have.
        sort: a key of ``view.SORTS``, and whether it runs backwards.
        label: the class that prompts are filled with.
        selected: text of the template selected.
        proposal: of a selection, while a person ponders it.
        held_out: what the clips held out said of the templates approved now.
        other: the pack that this one is compared with, and the class that its approved prompts choose for each clip.
        turn: how often it was drawn.
    """

    bench: MeasuredPack
    model: str
    pack_id: str
    stamp: str = ""
    rows: tuple[str, ...] = ()
    only: str = "all"
    search: str = ""
    sort: tuple[str, bool] = ("order", False)
    label: str = ""
    selected: str = ""
    proposal: Proposal | None = None
    held_out: HeldOut | None = None
    other: tuple[PromptPack, Choices] | None = None
    turn: int = 0


class Drawn(NamedTuple):
    """A desk and each part of the page that shows it."""

    desk: Any
    strip: Any
    filters: Any
    table: Any
    actions: Any
    side: Any
    foot: Any
    versus: Any
    outbox: Any = gr.skip()


AS_IT_IS = Drawn(*[gr.skip()] * len(Drawn._fields))
NOTHING = Drawn(None, *[""] * (len(Drawn._fields) - 2))


# --- drawing ----------------------------------------------------------------------------------------------------------


def arranged(desk: Desk, pack: PromptPack) -> Desk:
    """Return the desk with its rows filtered, searched and sorted anew."""
    rows = view.rows_of(desk.bench, pack, desk.bench.report(pack))
    shown = view.chosen(rows, desk.only, desk.search, *desk.sort)
    return replace(desk, rows=tuple(row.text for row in shown))


def drawn(desk: Desk, request: gr.Request | None, note: str = "", go: str | None = None) -> Drawn:
    """Show a desk with its pack as it stands in the store now.

    Args:
        desk: what to show.
        request: of whoever looks.
        note: a sentence for the person.
        go: text of the template to select, None to leave that to the page.

    Raises:
        PackError: the pack is gone, or its file is broken.
    """
    from audioprompt.services import curate as workbench

    store = sessions.store(request)
    stamp, pack = store.stamp(desk.pack_id), store.get(desk.pack_id)
    bench = desk.bench.for_pack(pack)
    if bench is not desk.bench:  # someone added templates
        desk = arranged(replace(desk, bench=bench, proposal=None, held_out=None), pack)
    stands = bench.report(pack)
    rows = {row.text: row for row in view.rows_of(bench, pack, stands)}
    shown = [rows[text] for text in desk.rows if text in rows]
    selected = go or desk.selected
    if selected not in rows:
        selected = next(iter(desk.rows), "")
    proposal = desk.proposal and workbench.revised(desk.proposal, bench, pack)
    desk = replace(desk, stamp=stamp, selected=selected, proposal=proposal, turn=desk.turn + 1)
    changes = desk.proposal.changes(pack) if desk.proposal else {}
    return Drawn(
        desk,
        view.strip(bench, pack, stands),
        view.filters(list(rows.values()), desk.only),
        view.table(
            shown,
            len(rows),
            stands,
            desk.label,
            desk.sort,
            changes,
            desk.turn,
            go,
            desk.pack_id,
            access.role(request).value,
        ),
        view.actions(pack, desk.proposal, stands, note),
        view.side(bench, pack, stands, rows.get(selected), desk.label),
        view.foot(bench, pack, stands, desk.held_out),
        view.comparison(pack, desk.other[0], workbench.compare_packs(bench, pack, *desk.other)) if desk.other else "",
    )


# --- what clicks and keys do: functions that a script can call as well ------------------------------------------------


def acted(
    desk: Desk | None, acts: Sequence[Mapping[str, Any]], selected: str, request: gr.Request | None = None
) -> Drawn:
    """Do what was asked for, one after the other, and show where that leads.

    A decision that comes with the name of its pack needs no desk: one that a browser kept while the server was away is
    taken by whichever server is there then.
    """
    note, go = "", None
    saved: list[str] = []
    refused: list[dict[str, Any]] = []
    if desk and selected:
        desk = replace(desk, selected=selected)
    for one in acts:
        try:
            if "pack" in one and not (desk and desk.pack_id == one["pack"]):
                _store_decision(one, request)
            elif desk:
                _refuse_other_role(one, request)
                desk, go = _done(desk, one, sessions.store(request), who(request))
            saved += [str(one["id"])] if "id" in one else []
        except (PackError, access.NotAllowed) as error:
            note = _sentence(error)
            later = isinstance(error, access.NotAllowed)
            refused.append({"id": str(one.get("id")), "reason": note, "later": later})
    receipt = view.receipt(saved, refused) if any("id" in one for one in acts) else gr.skip()
    try:
        shown = drawn(desk, request, note, go) if desk else AS_IT_IS
    except PackError as error:
        shown = AS_IT_IS._replace(actions=markup.problem(_sentence(error)))
    return shown._replace(outbox=receipt)


def _store_decision(act: Mapping[str, Any], request: gr.Request | None) -> None:
    """Take a decision on a pack that is not on the desk.

    Raises:
        PackError: the pack or a template is gone, or the store cannot be written to.
        NotAllowed: it was made in another role.
    """
    _refuse_other_role(act, request)
    texts, status = _texts_of(act), str(act.get("do"))
    if status not in get_args(Status):
        raise PackError(f"{status!r} is not a decision")
    change = partial(decide, texts=texts, status=cast(Status, status), who=who(request))
    sessions.store(request).update(str(act["pack"]), change)


def _refuse_other_role(act: Mapping[str, Any], request: gr.Request | None) -> None:
    """Keep what was decided as a curator out of a visitor's copy, which is soon gone, and the other way round."""
    if act.get("role", access.role(request).value) == access.role(request).value:
        return
    if access.is_curator(request):
        raise access.NotAllowed("It was decided on a visitor's copy: discard it, or sign out and try again.")
    raise access.NotAllowed("You were signed in when you decided: sign in and try again.")


def _texts_of(act: Mapping[str, Any]) -> list[str]:
    """Return the templates that a decision is on."""
    on = act.get("on")
    return [str(text) for text in on] if isinstance(on, list) else [str(on)]


def _done(desk: Desk, act: Mapping[str, Any], store: PromptStore, who: str) -> tuple[Desk, str | None]:
    """One act: the desk after it, and the template to select if it asks for that."""
    from audioprompt.services import curate as workbench

    what = act.get("do")
    if what in ("approved", "rejected", "candidate"):
        workbench.decided(store, desk.bench, desk.pack_id, dict.fromkeys(_texts_of(act), what), who)
        return replace(desk, held_out=None), None
    if what in ("undo", "redo"):
        change, take = (next_undo, undo) if what == "undo" else (next_redo, redo)
        concerned: Change = change(store.get(desk.pack_id))
        store.update(desk.pack_id, partial(take, who=who))
        return replace(desk, held_out=None), concerned[0].template if len(concerned) == 1 else None
    if what == "apply" and desk.proposal:
        workbench.apply_proposal(store, desk.bench, desk.pack_id, desk.proposal, who)
        return replace(desk, proposal=None, held_out=None), None
    if what == "dismiss":
        return replace(desk, proposal=None), None
    if what == "filter" and act.get("key") in view.FILTERS:
        return arranged(replace(desk, only=act["key"]), store.get(desk.pack_id)), None
    if what == "sort" and act.get("key") in view.SORTS:
        key, reverse = act["key"], desk.sort == (act["key"], False) and act["key"] != "order"
        return arranged(replace(desk, sort=(key, reverse)), store.get(desk.pack_id)), None
    return desk, None


def searched(desk: Desk | None, search: str, request: gr.Request | None = None) -> Drawn:
    """Show only the templates that have some words."""
    if desk is None:
        return AS_IT_IS
    return drawn(arranged(replace(desk, search=search), sessions.store(request).get(desk.pack_id)), request)


def filled_with(desk: Desk | None, label: str, request: gr.Request | None = None) -> Drawn:
    """Fill the prompts with another class."""
    return AS_IT_IS if desk is None else drawn(replace(desk, label=label), request)


def looked(desk: Desk | None, selected: str, request: gr.Request | None = None) -> tuple[Any, Any]:
    """Show all about a template: the desk, and the panel beside the table."""
    if desk is None or selected not in desk.bench.row:
        return gr.skip(), gr.skip()
    pack = sessions.store(request).get(desk.pack_id)
    bench = desk.bench.for_pack(pack)
    stands = bench.report(pack)
    row = next((row for row in view.rows_of(bench, pack, stands) if row.text == selected), None)
    return replace(desk, selected=selected), view.side(bench, pack, stands, row, desk.label)


def refreshed(desk: Desk | None, request: gr.Request | None = None) -> Drawn:
    """Show what others have decided, if they have."""
    try:
        if desk is None or sessions.store(request).stamp(desk.pack_id) == desk.stamp:
            return AS_IT_IS
        return drawn(replace(desk, held_out=None), request)
    except PackError as error:
        return AS_IT_IS._replace(actions=markup.problem(_sentence(error)))


def played(desk: Desk | None, clip: int) -> Any:
    """Return a clip for the player."""
    if desk is None or not 0 <= clip < len(desk.bench.seen):
        return gr.skip()
    path, name = desk.bench.seen.paths[clip], desk.bench.seen.labels[clip]
    try:
        heard = read(path, PLAYED_AT, first_seconds=LONGEST_PLAYED).samples
    except AudioError as error:
        raise gr.Error(str(error), print_exception=False) from error
    samples = (heard.clip(-1, 1) * 32767).astype("int16")
    return gr.Audio((PLAYED_AT, samples), label=one_line(f"{name}: {path.name}"), visible=True)


def exported(pack_id: str | None, kind: str, request: gr.Request | None = None) -> dict[str, str] | None:
    """Return a pack as a file: its name and what it holds."""
    if not pack_id:
        return None
    return {
        "name": pack_id + PACK_FORMATS[kind].suffix,
        "content": PACK_FORMATS[kind].write(sessions.store(request).get(pack_id)),
    }


def imported(path: str, request: gr.Request | None = None) -> str:
    """Take a pack, list or table into the store: the id it has there.

    Raises:
        PackError: it is none of these, or cannot be saved.
    """
    file, store = Path(path), sessions.store(request)
    pack = read_pack(file.read_bytes(), file.name)
    pack = pack.model_copy(update={"id": next_free_id(pack.id, store.ids())})
    store.create(pack)
    return pack.id


def put_by(path: str, request: gr.Request | None = None) -> str:
    """Keep an uploaded archive, so that it can be opened again another day: the path it has then.

    A visitor's goes with their session.
    """
    if (folder := uploads(request)) is None:
        raise access.NotAllowed("Without a session nothing is kept: sign in, or name a session.")
    sessions.refuse_too_many(request, folder, [path])
    if not access.is_curator(request):
        sessions.claim_folder(request)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return str(shutil.copy(path, folder))
    except OSError as error:
        reason = f"{Path(path).name} cannot be kept, {error.strerror}: make room in {folder}."
        raise gr.Error(reason, print_exception=False) from error


def uploads(request: gr.Request | None) -> Path | None:
    """Where somebody's uploaded archives are kept, if they can keep any."""
    folder = cache_folder() if access.is_curator(request) else sessions.own_folder(request)
    return folder and folder / "uploads"


def pack_choices(request: gr.Request | None = None) -> list[tuple[str, str]]:
    """Return the packs to choose from: what is shown, and the id."""
    return [
        ("Choose a pack …", ""),
        *((f"{pack.title} ({len(pack.entries)})", pack.id) for pack in sessions.store(request).packs()),
    ]


def pack_choice(pack_id: str, request: gr.Request | None) -> Any:
    """Return the list of packs as it is now, with one chosen."""
    return gr.Dropdown(choices=pack_choices(request), value=pack_id)


def session_note(request: gr.Request) -> str:
    """Return what visitors are to know of what they decide."""
    return "" if access.is_curator(request) else view.SESSION


def who(request: gr.Request | None) -> str:
    """Who decides: the person signed in, where people sign in."""
    return access.user(request) or view.CURATOR


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:] + "." * (not text.endswith("."))


# --- what takes a while -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setup:
    """What to measure.

    Attributes:
        pack_id: the pack.
        data: where the clips are, as `open_clips` takes it.
        split: how to divide them; None for what suits them.
        model: name of the model.
        skip_bad: whether to leave out recordings that cannot be used.
    """

    pack_id: str
    data: str
    split: Split | None
    model: str
    skip_bad: bool = False


def split_of(folds: str, share: float, seed: float) -> Split:
    """How to divide clips, from what was typed; no folds for a division at random.

    Raises:
        DataError: the folds are no whole numbers.
    """
    from audioprompt.services.curate import Split

    try:
        numbers = tuple(sorted({int(part) for part in folds.replace(",", " ").split()}))
    except ValueError:
        raise DataError(f"folds are whole numbers separated by commas, like 1, 2, not {folds!r}") from None
    return Split(numbers or None, share / 100, int(seed or 0))


def measuring(setup: Setup, request: gr.Request | None) -> Job[MeasuredPack]:
    """Measure in the background; at home all tabs wait for the same, elsewhere people would stop each other's."""
    from audioprompt.services.curate import Split, measure
    from audioprompt.util.jobs import MEASURING

    store, folder = sessions.store(request), uploads(request)

    def work(job: Job[MeasuredPack]) -> MeasuredPack:
        clips = sessions.clips_named(
            setup.data, request, folder, progress=partial(job.progress, "files"), skip_bad=setup.skip_bad
        )
        model, pack = shared_model(setup.model), store.get(setup.pack_id)
        bench = measure(model, pack, clips, setup.split or Split.suggested(clips), job.progress, setup.skip_bad)
        bench.table.random_curves  # noqa: B018, computed while someone waits anyway
        return bench

    whose = _page(request) if access.public() else sessions.session(request)
    return MEASURING.start(work, key=(setup, store.stamp(setup.pack_id), whose), **sessions.terms(request))


def followed(job: Job[T]) -> Iterator[str]:
    """How far a job is, again and again until it is done; a visitor's ends as well where nobody looks any more."""
    from audioprompt.util.jobs import follow

    for now in follow(job, LOOK_SECONDS):
        yield view.progress(now.what, now.done, now.total, now.id)


def outcome(get: Callable[[], T]) -> T | str:
    """Return what comes of some work, or why nothing does, to be shown in its place."""
    from audioprompt.models.base import ModelError
    from audioprompt.util.jobs import Stopped, TookTooLong

    try:
        return get()
    except TookTooLong as error:
        return markup.problem(f"{error} Give fewer or shorter clips, or {access.elsewhere()}.")
    except Stopped:
        return markup.empty("Stopped. What was encoded until now is kept: measure again to go on from there.")
    except (PackError, DataError, AudioError, ModelError, access.NotAllowed) as error:
        return markup.problem(_sentence(error))


ANSWER = ("message", *Drawn._fields, "label", "clips", "data", "folds", "share", "seed", "kept", "pack_in_hand", "pack")


def answer(shown: Drawn = AS_IT_IS, **others: Any) -> list[Any]:
    """Return a value or an update for each component that measuring concerns, named as in ``ANSWER``."""
    parts = shown._asdict() | others
    return [parts.get(name, gr.skip()) for name in ANSWER]


def show_measured(
    desk: Desk | None,
    pack_id: str,
    data: str,
    folds: str,
    share: float,
    seed: float,
    kept: Kept,
    model_name: str,
    skip_bad: bool = False,
    request: gr.Request | None = None,
) -> Iterator[list[Any]]:
    """Measure a pack on the clips that were named.

    Where others were named than last time and nothing was said of how to divide them, they are divided as suits them.
    """
    if not pack_id:
        yield answer(message=view.START)
        return
    last: dict[str, Any] = next(reversed(kept.values()), {})
    data = data.strip() or DEMONSTRATION
    unsaid = (data != last.get("data") or "folds" not in last) and folds.strip() == last.get("folds", "")
    split = outcome(lambda: None if unsaid else split_of(folds, share, seed))
    if isinstance(split, str):
        yield answer(message=split)
    else:
        yield from shown(desk, Setup(pack_id, data, split, model_name, skip_bad), kept, request)


def shown(desk: Desk | None, setup: Setup, kept: Kept, request: gr.Request | None) -> Iterator[list[Any]]:
    """Measure, telling how far it is, and show the desk or say why there is none."""
    job = outcome(lambda: measuring(setup, request))
    if isinstance(job, str):
        yield answer(message=job, data=setup.data)
        return
    for message in followed(job):
        yield answer(message=message)
    bench = outcome(job.result)
    if isinstance(bench, str):
        yield answer(message=bench, data=setup.data)
    else:
        yield opened(desk, bench, setup, kept, request)


def opened(desk: Desk | None, bench: MeasuredPack, setup: Setup, kept: Kept, request: gr.Request | None) -> list[Any]:
    """Return a new desk for a bench, with the view of the old one."""
    labels = bench.seen.spoken_classes
    fresh = Desk(bench, setup.model, setup.pack_id, label=labels[0])
    if desk:
        label = desk.label if desk.label in labels else labels[0]
        fresh = replace(fresh, only=desk.only, search=desk.search, sort=desk.sort, selected=desk.selected, label=label)
    numbers = ", ".join(map(str, bench.split.folds or ()))
    clips = {"data": setup.data, "folds": numbers, "share": round(100 * bench.split.fraction), "seed": bench.split.seed}
    remembered = clips | ({"skip_bad": True} if setup.skip_bad else {})
    others = [(pack_id, old) for pack_id, old in kept.items() if pack_id != setup.pack_id]
    return answer(
        drawn(arranged(fresh, sessions.store(request).get(setup.pack_id)), request),
        message=markup.remarks(bench.seen.remarks), label=gr.Dropdown(choices=list(labels), value=fresh.label),
        clips=gr.Accordion(label=summary(bench), open=False), **clips,
        kept=dict([*others[1 - PACKS_KEPT :], (setup.pack_id, remembered)]),
        pack_in_hand=setup.pack_id, pack=pack_choice(setup.pack_id, request),
    )  # fmt: skip


def summary(bench: MeasuredPack) -> str:
    """Return the clips in one line."""
    total = len(bench.seen) + len(bench.unseen)
    return f"Validation clips: {bench.seen.name}, {bench.split.name(bench.seen)} · {len(bench.seen)} of {total}"


def clips_for(pack: PromptPack, kept: Kept) -> tuple[str, Split | None] | None:
    """Return the clips to measure a pack on, and how to divide them: those it was measured on last; for instruments the
    demonstration; or those of the pack measured last, unless they are the demonstration."""
    if pack.id not in kept and pack.category == "instruments":
        return DEMONSTRATION, None
    others = [clips for clips in kept.values() if clips["data"] != DEMONSTRATION]
    last = kept.get(pack.id) or next(reversed(others), None)
    if last is None:
        return None
    return last["data"], split_of(last["folds"], last["share"], last["seed"]) if "folds" in last else None


def enter(
    desk: Desk | None, pack_id: str, kept: Kept, model_name: str, request: gr.Request | None = None
) -> Iterator[list[Any]]:
    """Show a pack: as it is, if it is measured; else measure it, or say what to do first."""
    if desk and (desk.pack_id, desk.model) == (pack_id, model_name):
        yield answer(refreshed(desk, request), pack=pack_choice(pack_id, request))
        return
    pack = outcome(lambda: sessions.store(request).get(pack_id)) if pack_id else view.START
    if isinstance(pack, str):
        yield answer(message=pack, pack=pack_choice("", request))
    elif clips := clips_for(pack, kept):
        skip_bad = bool(kept.get(pack_id, {}).get("skip_bad"))
        yield from shown(desk, Setup(pack_id, *clips, model_name, skip_bad), kept, request)
    else:
        yield answer(
            message=view.ask_for_clips(pack), pack=pack_choice(pack_id, request), pack_in_hand=pack_id,
            clips=gr.Accordion(open=True),
        )  # fmt: skip


def remeasured(
    desk: Desk | None,
    pack_id: str,
    data: str,
    folds: str,
    share: float,
    seed: float,
    kept: Kept,
    model_name: str,
    skip_bad: bool = False,
    request: gr.Request | None = None,
) -> Iterator[list[Any]]:
    """Measure again with another model, if anything is measured."""
    if desk is None:
        yield answer()
    else:
        yield from show_measured(desk, pack_id, data, folds, share, seed, kept, model_name, skip_bad, request)


def show_demonstration(
    desk: Desk | None, kept: Kept, model_name: str, request: gr.Request | None = None
) -> Iterator[list[Any]]:
    """Measure the demonstration's candidates on its clips."""
    from audioprompt.services.curate import demonstration_pack

    pack_id = outcome(lambda: demonstration_pack(sessions.store(request)))
    yield from _entered(pack_id, desk, kept, model_name, request)


def show_imported(
    desk: Desk | None, path: str, kept: Kept, model_name: str, request: gr.Request | None = None
) -> Iterator[list[Any]]:
    """Import a pack and go on with it."""
    yield from _entered(outcome(lambda: imported(path, request)), desk, kept, model_name, request)


def _entered(
    pack_id: str, desk: Desk | None, kept: Kept, model_name: str, request: gr.Request | None
) -> Iterator[list[Any]]:
    """Enter with a pack, or say in its place why there is none."""
    if pack_id in sessions.store(request).ids():
        yield from enter(desk, pack_id, kept, model_name, request)
    else:
        yield answer(message=pack_id)


def _page(request: gr.Request | None) -> str:
    """Return what keeps the work of one open page apart from that of all others: each has a Stop of its own."""
    return (request and request.session_hash) or ""


def show_proposal(desk: Desk | None, request: gr.Request | None = None) -> Iterator[list[Any]]:
    """Propose a whole selection, and mark what it would change."""
    from audioprompt.services.curate import proposed
    from audioprompt.util.jobs import MEASURING

    if desk is None:
        return
    bench = desk.bench
    pack = outcome(lambda: sessions.store(request).get(desk.pack_id))
    if isinstance(pack, str):
        yield [pack, *AS_IT_IS]
        return
    bench = bench.for_pack(pack)
    job = MEASURING.start(
        lambda _: proposed(bench, pack),
        key=(_page(request), id(bench), "proposal", pack.history[-1:]),
        **sessions.terms(request),
    )
    for _ in followed(job):
        yield [view.WEIGHING, *AS_IT_IS]
    yield ["", *drawn(replace(desk, proposal=job.result()), request)]


def show_held_out(desk: Desk | None, request: gr.Request | None = None) -> Iterator[list[Any]]:
    """Score the templates approved on the clips held out, and note in the pack that this was done."""
    from audioprompt.services.curate import note_held_out, score_held_out
    from audioprompt.util.jobs import MEASURING

    if desk is None:
        return
    store, bench = sessions.store(request), desk.bench
    approved = bench.approved(store.get(desk.pack_id))
    job = MEASURING.start(
        lambda job: score_held_out(bench, approved, job.progress),
        key=(_page(request), id(bench), approved.tobytes()),
        **sessions.terms(request),
    )
    for message in followed(job):
        yield [message, *AS_IT_IS]
    found = outcome(job.result)
    if isinstance(found, str):
        yield [found, *AS_IT_IS]
        return
    note_held_out(store, bench, desk.pack_id, found, who(request))
    yield ["", *drawn(replace(desk, held_out=found), request)]


# --- prompts written by hand ------------------------------------------------------------------------------------------

COMPOSING = {
    "write": "A new prompt, with {} where the sound's name goes",
    "edit": "Edit: your wording becomes a new prompt, and the old one is rejected as replaced",
    "duplicate": "Duplicate: change the wording; the old prompt stays as it is",
}
ORIGINS = {"edit": "edited_from", "duplicate": "copied_from"}  # as `write_prompt` takes the text that was there


def composed(desk: Desk | None, what: str, on: str) -> tuple[Any, Any, dict[str, str] | None]:
    """Begin to write a prompt: the field, the preview that opens the composer, and what the prompt is made from."""
    if desk is None or what not in COMPOSING:
        return gr.skip(), gr.skip(), None
    origin = {ORIGINS[what]: on} if what in ORIGINS and on in desk.bench.row else {}
    text = desk.bench.templates[desk.bench.row[on]].as_string() if origin else ""
    return gr.Textbox(text, label=COMPOSING[what]), view.composing(""), origin


def previewed(desk: Desk | None, origin: Mapping[str, str] | None, text: str) -> str:
    """Return what a prompt that is being written becomes, or why it is none; nothing where none is being written."""
    if desk is None or origin is None:
        return ""
    if not text.strip():
        return view.composing("")
    try:
        template = Template.parse(text)
    except TemplateError as error:
        return view.composing(markup.problem(_sentence(error)))
    flags = check([template], desk.bench.seen.spoken_classes)[0]
    return view.composing(view.written(template, desk.label, flags))


def show_written(
    desk: Desk | None, origin: Mapping[str, str] | None, text: str, request: gr.Request | None = None
) -> list[Any]:
    """Add a prompt to the pack, measure and select it, with all prompts shown.

    Returns:
        What is being written now, its preview, the list of packs, the words searched for, the parts of the desk.
    """
    if desk is None or origin is None:
        return [*[gr.skip()] * 4, *AS_IT_IS]
    made_from: dict[str, Any] = {name: origin[name] for name in ORIGINS.values() if name in origin}
    try:
        template = Template.parse(text)
        change = partial(write_prompt, text=text, who=who(request), **made_from)
        sessions.store(request).update(desk.pack_id, change)
        desk = replace(desk, only="all", search="", held_out=None)
        shown = drawn(desk, request, go=template.text)
    except (PackError, TemplateError) as error:
        return [gr.skip(), view.composing(markup.problem(_sentence(error))), gr.skip(), gr.skip(), *AS_IT_IS]
    return [None, "", pack_choice(desk.pack_id, request), "", *shown]


# --- packs as a whole -------------------------------------------------------------------------------------------------


def title_of(pack_id: str | None, request: gr.Request | None = None) -> str:
    """Return the title of a pack, empty for none."""
    found = outcome(lambda: sessions.store(request).get(pack_id).title) if pack_id else ""
    return found if pack_id in sessions.store(request).ids() else ""


def renamed(pack_id: str | None, title: str, request: gr.Request | None = None) -> tuple[Any, Any]:
    """Give a pack another title: why not, and the list of packs."""
    if not pack_id:
        return view.START, gr.skip()
    change = partial(rename, title=title, who=who(request))
    found = outcome(lambda: sessions.store(request).update(pack_id, change))
    return (found, gr.skip()) if isinstance(found, str) else ("", pack_choice(pack_id, request))


def show_copied(
    desk: Desk | None, pack_id: str | None, kept: Kept, model_name: str, request: gr.Request | None = None
) -> Iterator[list[Any]]:
    """Duplicate a pack and go on with the copy, on the same clips."""
    if not pack_id:
        yield answer(message=view.START)
        return
    copy = outcome(lambda: copy_pack(sessions.store(request), pack_id, who(request)))
    if isinstance(copy, str):
        yield answer(message=copy)
    else:
        same_clips = {copy.id: kept[pack_id]} if pack_id in kept else {}
        yield from enter(desk, copy.id, kept | same_clips, model_name, request)


def ask_to_delete(pack_id: str | None, request: gr.Request | None = None) -> str:
    """Whether a pack is really to be deleted."""
    return outcome(lambda: view.ask_to_delete(sessions.store(request).get(pack_id))) if pack_id else view.START


def show_deleted(pack_id: str, request: gr.Request | None = None) -> list[Any]:
    """Move a pack to the trash, and show nothing in its place but the way back."""
    store = sessions.store(request)

    def remove() -> PromptPack:
        pack = store.get(pack_id)
        store.delete(pack_id)
        return pack

    pack = outcome(remove)
    if isinstance(pack, str):
        return answer(message=pack)
    message = view.deleted(pack, pack_id in store.ids())
    return answer(NOTHING, message=message, pack_in_hand="", pack=pack_choice("", request))


def show_restored(pack_id: str, kept: Kept, model_name: str, request: gr.Request | None = None) -> Iterator[list[Any]]:
    """Bring a deleted pack back and go on with it."""
    pack = outcome(lambda: sessions.store(request).restore(pack_id))
    yield from [[*answer(message=pack)]] if isinstance(pack, str) else enter(None, pack.id, kept, model_name, request)


def others(desk: Desk | None, request: gr.Request | None = None) -> Any:
    """Return the packs that the one on the desk can be compared with."""
    choices = [("Choose a pack …", ""), *pack_choices(request)[1:]]
    compared = desk.other[0].id if desk and desk.other else ""
    return gr.Dropdown(choices=[one for one in choices if not desk or one[1] != desk.pack_id], value=compared)


def show_comparison(desk: Desk | None, other_id: str | None, request: gr.Request | None = None) -> Iterator[list[Any]]:
    """Compare the pack on the desk with another one, on the same clips; with none, end that."""
    from audioprompt.services.curate import choose_by
    from audioprompt.util.jobs import MEASURING

    if desk is None:
        return
    if not other_id:
        yield ["", *drawn(replace(desk, other=None), request)]
        return
    other = outcome(lambda: sessions.store(request).get(other_id))
    if isinstance(other, str):
        yield [other, *AS_IT_IS]
        return
    bench = desk.bench
    job = MEASURING.start(lambda job: choose_by(bench, other, job.progress), **sessions.terms(request))
    for message in followed(job):
        yield [message, *AS_IT_IS]
    theirs = outcome(job.result)
    if isinstance(theirs, str):
        yield [theirs, *AS_IT_IS]
    else:
        yield ["", *drawn(replace(desk, other=(other, theirs)), request)]


# --- the tab ----------------------------------------------------------------------------------------------------------


def build_outbox() -> gr.HTML:
    """Return the decisions that are not saved yet: outside of the tabs, for they are sent again whichever tab is
    open.
    """
    return gr.HTML(elem_id="curate-outbox", js_on_load=script("components/curate/outbox.js"), apply_default_css=False)


def build(
    page: gr.Blocks,
    tab: gr.Tab,
    model: gr.Dropdown,
    switched: list[Any],
    pack_in_hand: gr.BrowserState,
    kept: gr.BrowserState,
    outbox: gr.HTML,
) -> None:
    """Lay out the tab in the Blocks context it is called in, and wire it.

    Args:
        page: the page it is on.
        tab: the tab itself.
        model: holds the name of the model that measures.
        switched: events after which another model measures.
        pack_in_hand: holds the id of the pack that is shown.
        kept: holds the clips that packs were measured on, by pack.
        outbox: as `build_outbox` makes it.
    """
    with gr.Column(elem_id="curate"):
        with gr.Row(equal_height=False, elem_id="curate-setup"):
            pack = gr.Dropdown(
                pack_choices(), value="", label="Pack", show_label=False, container=False, min_width=240, scale=3,
                elem_id="curate-pack",
            )  # fmt: skip
            with gr.Column(scale=5, min_width=300), gr.Accordion("Validation clips", open=False) as clips_fold:
                data = gr.Textbox(
                    DEMONSTRATION, label="Where they are", placeholder=list_examples(), elem_id="curate-data"
                )
                with gr.Row():
                    folds = gr.Textbox(
                        "", label="Validation folds (empty = random split)", min_width=110, elem_id="curate-folds"
                    )
                    share = gr.Number(50, label="Share at random, %", minimum=1, maximum=99, min_width=90)
                    seed = gr.Number(0, label="Seed", precision=0, min_width=70)
                skip_bad = gr.Checkbox(label="Leave out recordings that cannot be read", elem_id="curate-skip-bad")
                with gr.Row():
                    go = gr.Button("Measure", variant="primary", min_width=110, elem_id="curate-measure")
                    archive = gr.UploadButton("Upload a zip", file_types=[".zip"], min_width=110)
                    demonstration = gr.Button("Demonstration set", min_width=110)
            with gr.Column(scale=3, min_width=220), gr.Accordion("Manage, import, export", open=False):
                with gr.Row(elem_classes="exports"):
                    exports = [(form.name, gr.Button(form.title, size="sm", min_width=80)) for form in PACK_FORMATS]
                with gr.Row(elem_classes="exports"):
                    title = gr.Textbox(
                        placeholder="Title", label="Title", show_label=False, container=False, scale=2, min_width=110,
                        max_lines=1,
                        elem_id="curate-title",
                    )  # fmt: skip
                    rename_it = gr.Button("Rename", size="sm", min_width=80)
                with gr.Row(elem_classes="exports"):
                    copy_it = gr.Button("Duplicate", size="sm", min_width=80)
                    delete_it = gr.Button("Delete", size="sm", min_width=80)
                file = gr.UploadButton("Import a pack, list or table", file_types=[".json", ".csv", ".txt"], size="sm")
        session = gr.HTML(elem_id="curate-session", apply_default_css=False)
        message = gr.HTML(
            elem_id="curate-message", js_on_load=script("components/curate/message.js"), apply_default_css=False
        )
        with gr.Column(elem_id="curate-desk"):
            strip = gr.HTML(elem_id="curate-strip", apply_default_css=False)
            with gr.Row(equal_height=False, elem_classes="work"):
                with gr.Column(scale=17, min_width=320):
                    with gr.Row(elem_id="curate-tools"):
                        filters = gr.HTML(elem_id="curate-filters", apply_default_css=False)
                        search = gr.Textbox(
                            placeholder="Search", label="Search", show_label=False, container=False, min_width=100,
                            elem_id="curate-search",
                        )  # fmt: skip
                        label = gr.Dropdown(
                            [], label="Fill prompts with", show_label=False, container=False, min_width=120,
                            elem_id="curate-label",
                        )  # fmt: skip
                    with gr.Column(elem_id="curate-composer"):  # seen while its preview says so, see CSS
                        wording = gr.Textbox(label=COMPOSING["write"], max_lines=4, elem_id="curate-wording")
                        preview = gr.HTML(elem_id="curate-preview", apply_default_css=False)
                        with gr.Row():
                            save_it = gr.Button("Save", variant="primary", size="sm", min_width=110, scale=0)
                            leave_it = gr.Button("Cancel", size="sm", min_width=110, scale=0)
                    table = gr.HTML(
                        elem_id="curate-table", js_on_load=script("components/curate/table.js"), apply_default_css=False
                    )
                with gr.Column(scale=8, min_width=300):
                    actions = gr.HTML(elem_id="curate-actions", apply_default_css=False)
                    side = gr.HTML(elem_id="curate-side", apply_default_css=False)
                    player = gr.Audio(
                        visible=False, interactive=False, autoplay=True, buttons=[], elem_id="curate-player",
                        waveform_options=gr.WaveformOptions(
                            waveform_color="#9f9fa9", waveform_progress_color=theme.ACCENT.c600
                        ),
                    )  # fmt: skip
            foot = gr.HTML(elem_id="curate-foot", apply_default_css=False)
            with gr.Accordion("Compare with another pack", open=False, elem_id="curate-compare") as comparing:
                other = gr.Dropdown(
                    [], label="The other pack", show_label=False, container=False, elem_id="curate-other"
                )
                versus = gr.HTML(elem_id="curate-versus", apply_default_css=False)
    origin = gr.State(None)
    desk = gr.State(None)
    parcel = gr.JSON(visible="hidden")

    parts = [desk, strip, filters, table, actions, side, foot, versus, outbox]
    instant: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    lasting: dict[str, Any] = {
        "show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None, "concurrency_id": "curate",
    }  # fmt: skip

    page.load(session_note, None, session, **instant)
    clips = [data, folds, share, seed, kept]
    answered: dict[str, Any] = {
        "outputs": [message, *parts, label, clips_fold, *clips, pack_in_hand, pack], **lasting,
    }  # fmt: skip
    measured: dict[str, Any] = {"fn": show_measured, "inputs": [desk, pack, *clips, model, skip_bad], **answered}
    tab.select(enter, [desk, pack_in_hand, kept, model], **answered)
    pack.input(enter, [desk, pack, kept, model], **answered)
    gr.on([go.click, data.submit, folds.submit], **measured)
    archive.upload(put_by, archive, data, **instant).then(**measured)
    demonstration.click(lambda: DEMONSTRATION, None, data, **instant).then(**measured)
    file.upload(show_imported, [desk, file, kept, model], **answered)
    for event in switched:
        event.then(remeasured, [desk, pack, *clips, model, skip_bad], **answered)
    message.demonstrate(show_demonstration, [desk, kept, model], **answered)
    message.stop(_stop, None, None, **instant)
    pack.change(title_of, pack, title, **instant)
    gr.on([rename_it.click, title.submit], renamed, [pack, title], [message, pack], **instant)
    copy_it.click(show_copied, [desk, pack, kept, model], **answered)
    delete_it.click(ask_to_delete, pack, message, **instant)
    message.keep(lambda: "", None, message, **instant)
    message.remove(_remove, None, **answered)
    message.restore(_restore, [kept, model], **answered)

    at_once: dict[str, Any] = {"outputs": parts, **instant}
    table.act(_act, desk, trigger_mode="multiple", **at_once)
    outbox.deliver(_act, desk, trigger_mode="multiple", **at_once)
    table.look(_look, desk, [desk, side], trigger_mode="always_last", **instant)
    table.tick(refreshed, desk, **at_once)
    search.change(searched, [desk, search], trigger_mode="always_last", **at_once)
    label.input(filled_with, [desk, label], **at_once)
    table.play(_play, desk, player, **instant)
    table.propose(show_proposal, desk, [message, *parts], **lasting)
    table.test(show_held_out, desk, [message, *parts], **lasting)
    table.compose(_compose, desk, [wording, preview, origin], **instant)
    wording.input(previewed, [desk, origin, wording], preview, trigger_mode="always_last", **instant)
    gr.on(
        [save_it.click, wording.submit], show_written, [desk, origin, wording],
        [origin, preview, pack, search, *parts],
        trigger_mode="always_last", **lasting,
    )  # fmt: skip
    leave_it.click(lambda: (None, ""), None, [origin, preview], **instant)
    comparing.expand(others, desk, other, **instant)
    other.input(show_comparison, [desk, other], [message, *parts], **lasting)
    for kind, button in exports:
        saved = button.click(_exporting(kind), pack, parcel, **instant)
        saved.then(None, parcel, js="audioprompt.save", **instant)


def _act(desk: Desk | None, event: gr.EventData, request: gr.Request) -> Drawn:
    return acted(desk, event.acts, str(event.selected), request)


def _look(desk: Desk | None, event: gr.EventData, request: gr.Request) -> tuple[Any, Any]:
    return looked(desk, str(event.selected), request)


def _exporting(kind: str) -> Callable[[str | None, gr.Request], dict[str, str] | None]:
    def export(pack_id: str | None, request: gr.Request) -> dict[str, str] | None:
        return exported(pack_id, kind, request)

    return export


def _play(desk: Desk | None, event: gr.EventData) -> Any:
    return played(desk, int(event.clip))


def _compose(desk: Desk | None, event: gr.EventData) -> tuple[Any, Any, dict[str, str] | None]:
    return composed(desk, str(event.what), str(event.on))


def _remove(event: gr.EventData, request: gr.Request) -> list[Any]:
    return show_deleted(str(event.pack), request)


def _restore(kept: Kept, model_name: str, event: gr.EventData, request: gr.Request) -> Iterator[list[Any]]:
    yield from show_restored(str(event.pack), kept, model_name, request)


def _stop(event: gr.EventData) -> None:
    from audioprompt.util.jobs import MEASURING

    MEASURING.stop(str(event.job))
