"""``audioprompt curate``: what each candidate is worth on labelled clips, and which to keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.data import DataOptions
from audioprompt.cli.evaluate import score_row
from audioprompt.cli.group import UsageError
from audioprompt.cli.options import AsJson, ModelOptions, parse_numbers
from audioprompt.cli.output import Json, print_, print_json, progress_bar, say, table, write_file
from audioprompt.prompts.store import PromptStore
from audioprompt.services import curate as curation
from audioprompt.services.views import as_dict

if TYPE_CHECKING:
    from rich.console import RenderableType

    from audioprompt.core.curation import SelectionReport
    from audioprompt.core.metrics import Score
    from audioprompt.prompts.pack import PromptPack
    from audioprompt.services.curate import HeldOut, MeasuredPack, Progress, Proposal, Split


@dataclass(frozen=True)
class SplitOptions:
    """On which clips prompts are measured, and on which they are tested."""

    validate_folds: Annotated[str | None, typer.Option(help="Folds to validate on, such as 1,2.")] = None
    fraction: Annotated[
        float,
        typer.Option("--fraction", "--share", help="Fraction of the clips to validate on, if no folds are given."),
    ] = 0.5
    seed: Annotated[int, typer.Option(help="Random seed for drawing that fraction.")] = 0
    test_folds: Annotated[
        str | None, typer.Option(help="Also score on these held-out folds. The pack records every such test.")
    ] = None

    def parse(self) -> tuple[Split, tuple[int, ...] | None]:
        """Read the split, and the folds to test on."""
        seen = parse_numbers(self.validate_folds or None, "--validate-folds")
        unseen = parse_numbers(self.test_folds or None, "--test-folds")
        if unseen and not seen:
            raise UsageError("--test-folds needs --validate-folds as well.")
        if both := set(seen or ()) & set(unseen or ()):
            raise UsageError(f"Fold {min(both)} cannot be used for both validation and testing.")
        split = curation.Split(tuple(seen) if seen else None, self.fraction, self.seed)
        return split, tuple(unseen) if unseen else None


@dataclass(frozen=True)
class ProposalOptions:
    """Whether a selection is proposed, and taken."""

    auto: Annotated[
        bool,
        typer.Option("--auto", help="Propose which prompts to approve and reject. People's decisions are kept."),
    ] = False
    apply: Annotated[bool, typer.Option("--apply", help="Save the proposal to the pack. It can be undone.")] = False


def curate(
    pack_id: Annotated[str, typer.Argument(metavar="PACK", help="Pack whose prompts are measured.")],
    *,
    data: DataOptions,
    folds: SplitOptions,
    proposing: ProposalOptions,
    report: Annotated[
        Path | None,
        typer.Option(help="Write a report to this Markdown file: the pack, and what it does to each class and group."),
    ] = None,
    model: ModelOptions,
    as_json: AsJson = False,
) -> None:
    """Measure each prompt of a pack on labelled clips, alone and in the approved ensemble."""
    auto = proposing.auto
    if proposing.apply and not auto:
        raise UsageError("--apply needs --auto, whose proposal it writes.")
    split, unseen_folds = folds.parse()
    store = PromptStore()
    pack = store.get(pack_id)
    clips = curation.look_through(data.open(), data.skip_bad)
    split.divide(clips)  # a split that cannot be is said before a model is loaded
    encoder = model.load()
    with progress_bar("encoding") as progress:
        measured = curation.measure(encoder, pack, clips, split, _of_anything(progress), data.skip_bad)
    if unseen_folds:
        measured = replace(measured, test=clips.in_folds(unseen_folds))
    proposal = curation.propose_selection(measured, pack) if auto else None
    if proposal and proposing.apply:
        pack = _as_measured(pack, curation.apply_proposal(store, measured, pack_id, proposal, curation.AUTO))
    held_out = None
    if unseen_folds:
        selection = proposal.selection if proposal else measured.approved(pack)
        with progress_bar("encoding") as progress:
            held_out = curation.score_held_out(measured, selection, _of_anything(progress))
        curation.note_held_out(store, measured, pack_id, held_out, curation.AUTO if auto else "audioprompt curate")
    if report:
        write_file(report, curation.write_report(measured, pack).encode(), "--report")
    if as_json:
        print_json(_json(measured, pack, proposal, held_out))
    else:
        print_(*_tables(measured, pack, proposal, held_out))
    for remark in measured.validation.remarks:
        say(remark)


def _as_measured(pack: PromptPack, now: PromptPack) -> PromptPack:
    """Return a pack as it is now, with the prompts that were measured: others may have added or removed some since."""
    entries = {entry.template.text: entry for entry in now.entries}
    return now.model_copy(update={"entries": tuple(entries.get(one.template.text, one) for one in pack.entries)})


def _of_anything(progress: Callable[[int, int], None]) -> Progress:
    """One bar for whatever is encoded."""
    return lambda _what, done, total: progress(done, total)


# --- what is printed --------------------------------------------------------------------------------------------------


def _json(measured: MeasuredPack, pack: PromptPack, proposal: Proposal | None, held_out: HeldOut | None) -> Json:
    report = measured.report(pack)
    rows = zip(pack.entries, measured.table.scores, report.gains, measured.flags, strict=True)
    return {
        "pack": pack.id,
        "model": measured.model.name,
        "revision": measured.model.revision,
        "data": measured.validation.name,
        **as_dict(measured.validation),
        "split": measured.split.name(measured.validation),
        "n": measured.table.n,
        "templates": [
            {
                "template": entry.template.text,
                "status": entry.status,
                **as_dict(score),
                "gain": float(gain),
                "flags": [{"kind": flag.kind, "reason": flag.reason} for flag in flags],
            }
            for entry, score, gain, flags in rows
        ],
        **as_dict(report),
        "best_template": measured.templates[measured.table.best].text,
        "proposal": proposal
        and {
            "approve": [text for text, status in proposal.wanted.items() if status == "approved"],
            "reject": [text for text, status in proposal.wanted.items() if status == "rejected"],
            "kept_decisions": proposal.kept,
            **as_dict(proposal.report),
        },
        "held_out": held_out
        and {
            "split": measured.split.name(measured.test, held_out=True),
            "n": held_out.ensemble.n,
            **as_dict(held_out),
        },
    }


def _tables(
    measured: MeasuredPack, pack: PromptPack, proposal: Proposal | None, held_out: HeldOut | None
) -> Iterator[RenderableType]:
    """Each prompt; where the approved ones stand, and the proposal; then the same on clips held out."""
    report = measured.report(pack)
    clips, split = measured.validation, measured.split
    yield f"{pack.id} on {clips.name}, {split.name(clips)}, model {measured.model.name}"
    rows = zip(pack.entries, measured.table.scores, report.gains, measured.flags, strict=True)
    prompts = [
        [
            entry.status,
            *([_verb(proposal, entry.template.text)] if proposal else []),
            entry.template.as_string(),
            _accuracy(score),
            f"{100 * gain:+.1f}",
            ", ".join(flag.kind for flag in flags),
        ]
        for entry, score, gain, flags in rows
    ]
    proposed = ["auto"] if proposal else []
    yield table(["status", *proposed, "prompt", ">alone, %", ">in ensemble", "flags"], prompts)
    chosen = [(f"approved ({len(pack.approved)})", report)] if pack.approved else []
    if proposal:
        chosen.append((f"proposed ({proposal.selection.sum()})", proposal.report))
    if proposal and proposal.kept:
        yield f"The proposal keeps {proposal.kept_in_words}."
    yield from _ensembles(f"{measured.table.n} clips", len(pack.entries), report, chosen)
    if held_out:
        name = f"proposed ({proposal.selection.sum()})" if proposal else f"approved ({len(pack.approved)})"
        where = f"{held_out.ensemble.n} unseen clips"
        yield f"\n{measured.test.name}, {split.name(measured.test, held_out=True)}, held out"
        yield from _ensembles(where, len(pack.entries), held_out, [(name, held_out)])


def _ensembles(
    where: str, total: int, found: SelectionReport | HeldOut, chosen: Sequence[tuple[str, SelectionReport | HeldOut]]
) -> Iterator[RenderableType]:
    baselines = [("vanilla", found.vanilla), ("best single", found.best), (f"all {total}", found.uncurated)]
    yield table(
        ["", f">{where}", ">95 % interval"],
        [[name, *score_row(score)] for name, score in baselines],
        [[name, *score_row(one.ensemble)] for name, one in chosen],
    )
    for name, one in chosen:
        yield f"{name} over vanilla: {one.against_vanilla}"
        yield f"{name} over all {total}: {one.against_uncurated}"


def _accuracy(score: Score) -> str:
    """In per cent, with half the width of its 95 % interval."""
    low, high = score.interval
    return f"{100 * score.accuracy:.1f} ± {50 * (high - low):.1f}"


def _verb(proposal: Proposal, text: str) -> str:
    return "keep" if proposal.wanted[text] == "approved" else "drop"
