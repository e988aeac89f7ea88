"""Measure prompts on labelled clips, and propose which to keep."""

from collections.abc import Sequence

import numpy as np

from audioprompt.api.inputs import Answer, File, Folds, Name, Names, chosen_pack, fill_in, labelled_clips
from audioprompt.core.curation import SelectionReport, report_selection, score_templates
from audioprompt.core.ensembles import DEFAULT, ENSEMBLES
from audioprompt.data import DEMONSTRATION, refuse_one_class
from audioprompt.data.sources import list_examples
from audioprompt.prompts import history
from audioprompt.prompts.pack import (
    PackError,
)
from audioprompt.prompts.template import VANILLA
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services import curate as curation
from audioprompt.services.evaluate import EmbeddedTask, compare_ensembles, find_ensembles, measure_together
from audioprompt.services.views import as_dict
from audioprompt.services.words import warn_of_words


@fill_in(sources=[list_examples()], ensembles=ENSEMBLES.names)
def measure(
    pack: Name = "",
    templates: Names | None = None,
    data: Name = DEMONSTRATION,
    clips: File | None = None,
    folds: Folds | None = None,
    model: Name = "embedded",
    skip_bad: bool = False,
    ensemble: Name = DEFAULT,
    together: bool = False,
    context: Context = IN_PROCESS,
    progress: curation.Progress | None = None,
) -> Answer:
    """Measure prompts on labelled clips: the accuracy of each alone and of the ensemble, with 95 % intervals.

    Args:
        pack: An id that `packs` lists: all its templates are measured, those approved are the ensemble.
        templates: In place of a pack the templates to measure, with {} or {label} for the label.
        data: The clips: {sources}; files and folders only at home.
        clips: In place of these a zip file of your own: a folder of recordings for each class, or a manifest.csv.
        folds: Only the clips of these folds, where the data has such.
        model: The model that hears, a name that `models` lists.
        skip_bad: Whether to go on without recordings and lines of a table that cannot be used; left_out tells which.
        ensemble: How the approved prompts answer together in `ensembles`: {ensembles}; or all, to compare these.
        together: Whether to measure listening to all clips before naming any as well, with the approved prompts.

    Returns:
        n clips, classes; accuracy and interval of vanilla (the one plain prompt), of the ensemble (the mean of embeddings), and of each template with the gain it brings to the ensemble; against_vanilla, the ensemble held against vanilla clip by clip; recall of each class; warnings, which classes have names that the model does not know; ensembles, the accuracy of each way to combine the approved prompts that was asked for, against vanilla and the mean of embeddings; together, where asked for: accuracy and interval with the clips' help and alone, moved, how many answers changed, and stepped_back, why the clips were not followed.
    """  # noqa: E501
    ensembles = find_ensembles(ensemble)
    chosen, encoder = chosen_pack(pack, templates, context), context.model(model)
    if not chosen.entries:
        raise PackError(f"{pack} has no prompts: generate some first")
    with labelled_clips(data, clips, context, progress, skip_bad) as labelled:
        refuse_one_class(labelled)
        some = labelled.in_folds(folds) if folds else labelled
        some, audio = curation.embed_clips(encoder, some, progress, skip_bad)
        every = [VANILLA, *(entry.template for entry in chosen.entries)]
        prompts = curation.embed_prompts(encoder, every, some, progress)
    found = score_templates(audio, prompts[0], prompts[1:], some.targets, some.classes)
    approved = np.array([entry.status == "approved" for entry in chosen.entries])
    report = report_selection(found, approved)
    task = EmbeddedTask(audio, prompts[0], prompts[1:][approved], some.targets, some.groups, encoder.logit_scale)
    return {
        "pack": pack or None,
        "model": encoder.name,
        "data": some.name,
        **as_dict(some),
        "warnings": warn_of_words(encoder, some.spoken_classes),
        "n": found.n,
        "classes": found.classes,
        **_report(report),
        "recall": {name: one and as_dict(one) for name, one in zip(found.classes, report.recalls, strict=True)},
        "ensembles": [as_dict(one) for one in compare_ensembles(ensembles, task)] if approved.any() else [],
        **_together(task, found.classes, together and bool(approved.any())),
        "templates": [
            {"template": entry.template.as_string(), "status": entry.status, **as_dict(one), "gain": float(gain)}
            for entry, one, gain in zip(chosen.entries, found.scores, report.gains, strict=True)
        ],
    }


@fill_in(sources=[list_examples()])
def propose(
    pack: Name = "",
    templates: Names | None = None,
    data: Name = DEMONSTRATION,
    clips: File | None = None,
    folds: Folds | None = None,
    held_out: bool = False,
    model: Name = "embedded",
    skip_bad: bool = False,
    context: Context = IN_PROCESS,
    progress: curation.Progress | None = None,
) -> Answer:
    """Propose which prompts to approve and which to reject, by measuring them on a part of labelled clips.

    Nothing is changed: `decide` does that. What people have decided on a pack's templates is part of the proposal.

    Args:
        pack: An id that `packs` lists.
        templates: In place of a pack the templates to choose from, with {} or {label} for the label.
        data: The clips: {sources}; files and folders only at home.
        clips: In place of these a zip file of your own: a folder of recordings for each class, or a manifest.csv.
        folds: The folds to choose on, the others are held out; half of the folds or recordings if left out.
        held_out: Whether to score the proposal on the clips held out as well; a pack notes each such look.
        model: The model that hears, a name that `models` lists.
        skip_bad: Whether to go on without recordings and lines of a table that cannot be used; left_out tells which.

    Returns:
        approve and reject, templates with {} for the label; kept, those among them that people decided on, with their status; reason, for `decide`; accuracy and interval of vanilla, of the best single template, of all and of the ensemble proposed, on the clips it was chosen on and, if asked for, held_out.
    """  # noqa: E501
    chosen, encoder = chosen_pack(pack, templates, context), context.model(model)
    with labelled_clips(data, clips, context, progress, skip_bad) as labelled:
        split = curation.Split(tuple(folds)) if folds else curation.Split.suggested(labelled)
        measured = curation.measure(encoder, chosen, labelled, split, progress, skip_bad)
        proposal = curation.propose_selection(measured, chosen, progress)
        unseen = curation.score_held_out(measured, proposal.selection, progress) if held_out else None
    if unseen and pack:
        curation.note_held_out(context.store, measured, pack, unseen, curation.AUTO)
    wanted = {entry.template.as_string(): proposal.wanted[entry.template.text] for entry in chosen.entries}
    return {
        "pack": pack or None,
        "model": encoder.name,
        "data": measured.validation.name,
        **as_dict(measured.validation),
        "split": split.name(measured.validation),
        "n": measured.table.n,
        "approve": [text for text, status in wanted.items() if status == "approved"],
        "reject": [text for text, status in wanted.items() if status == "rejected"],
        "kept": {
            entry.template.as_string(): entry.status for entry in chosen.entries if entry.template.text in proposal.kept
        },
        "reason": history.PROPOSED,
        **_report(proposal.report),
        "held_out": unseen
        and {"split": split.name(measured.test, held_out=True), "n": unseen.ensemble.n, **_report(unseen)},
    }


def _together(task: EmbeddedTask, classes: Sequence[str], wanted: bool) -> Answer:
    return {"together": as_dict(measure_together(task, classes))} if wanted else {}


def _report(report: SelectionReport | curation.HeldOut) -> Answer:
    answer = as_dict(report)
    return {**answer, "vanilla": {"template": VANILLA.as_string(), **answer["vanilla"]}}
