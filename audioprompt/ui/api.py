"""The API: every capability under a name that stays, for programs and, as MCP tools, for assistants.

Each function of ``CAPABILITIES`` is an endpoint of its own name, and a script can call it as well. What Gradio shows of
it are the docstring's first lines, its ``Returns:`` and, of ``Args:``, one line for each parameter.
"""

import tempfile
import typing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import gradio as gr
import numpy as np
from gradio import processing_utils, utils
from gradio_client.utils import is_file_obj_with_meta  # type: ignore[import-untyped]
from pydantic import BeforeValidator, Field

from audioprompt import workbench
from audioprompt.audio.decode import read
from audioprompt.candidates import better_category, proposed_title, task_of
from audioprompt.classify import VANILLA, ranked, winner
from audioprompt.classify import classify as hear
from audioprompt.core.curation import Standing, board, standing
from audioprompt.core.labels import parse_labels
from audioprompt.core.metrics import Score
from audioprompt.data import DEMONSTRATION, DataError, LabelledClips, refuse_one_class
from audioprompt.models import registry
from audioprompt.prompts import history
from audioprompt.prompts.checks import check
from audioprompt.prompts.formats import EXPORTS
from audioprompt.prompts.generators import COUNT, GenerationError, Ideas, as_pack
from audioprompt.prompts.pack import (
    Category,
    PackError,
    PromptPack,
    Status,
    pack_from_templates,
)
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from audioprompt.server import access, sessions
from audioprompt.ui.classify import LONGEST_SECONDS, pack_for
from audioprompt.ui.curate import who
from audioprompt.ui.generate import LEXICON, MOST, SERVICE, TEMPERATURE, generator_of
from audioprompt.ui.header import shared_model

Answer = dict[str, Any]


# --- what callers give ------------------------------------------------------------------------------------------------


def _uploaded(value: Any) -> Path:
    """The path of a file that Gradio has put into its folder, for whoever calls from outside; a script gives a path."""
    if isinstance(value, Path):
        return value
    if is_file_obj_with_meta(value) and utils.is_in_or_equal(value["path"], utils.get_upload_folder()):
        return Path(value["path"])
    raise ValueError("must be a file: upload one, or give its address")


File = Annotated[Path, BeforeValidator(_uploaded)]
Text = Annotated[str, Field(max_length=50_000)]
Name = Annotated[str, Field(max_length=300)]
Names = Annotated[list[Name], Field(max_length=500)]
Folds = Annotated[list[int], Field(max_length=100)]


# --- sounds -----------------------------------------------------------------------------------------------------------


def classify(
    sound: File, labels: Text, pack: Name = "", model: Name = "embedded", request: gr.Request | None = None
) -> Answer:
    """Name what is heard in a recording, without training: which of your labels fits it best.

    One plain prompt ("vanilla") and an ensemble of prompts answer side by side. A recording that is silent or too short is refused.

    Args:
        sound: The recording: WAV, FLAC, Ogg, MP3, M4A or WebM, up to ten minutes.
        labels: 2 to 200 labels to choose between, separated by commas, semicolons or line breaks, like "rain, sea waves, dog bark"; put those that hold a comma in quotes, or give a JSON list.
        pack: The prompt pack whose approved templates form the ensemble, an id that `packs` lists; the general one if left out.
        model: The model that hears, a name that `models` lists.

    Returns:
        label, the ensemble's answer; words, how far both agree; probabilities of each label by vanilla and by ensemble; votes, what each prompt says alone; windows, what the ensemble hears in each part of the recording, null where it is silent; warnings, what is wrong with the recording or the labels.
    """  # noqa: E501, Gradio reads one line of each
    chosen, templates, encoder = parse_labels(labels).labels, _approved(pack, request), shared_model(model, request)
    heard = hear(encoder, read(sound, encoder.sample_rate, max_seconds=LONGEST_SECONDS), chosen, templates)
    timeline = heard.timeline
    return {
        "label": winner(heard.ensemble),
        "words": heard.words,
        "seconds": heard.seconds,
        "vanilla": dict(ranked(heard.vanilla)),
        "ensemble": dict(ranked(heard.ensemble)),
        "votes": [{"prompt": one.prompt, "label": one.label, "probability": one.probability} for one in heard.votes],
        "windows": [
            {"start": float(start), "end": float(end), "label": label, "probability": probability}
            for number, (start, end, silent) in enumerate(
                zip(timeline.starts, timeline.ends, timeline.silent, strict=True)
            )
            for label, probability in ([(None, None)] if silent else ranked(timeline.prediction, number)[:1])
        ],
        "warnings": heard.notices,
    }


def predict(sound: File, head: Name = "", head_file: File | None = None, request: gr.Request | None = None) -> Answer:
    """Name what is heard in a recording by a head that was fitted on labelled clips, as `learn` does.

    Args:
        sound: The recording: WAV, FLAC, Ogg, MP3, M4A or WebM, up to ten minutes.
        head: The id of a head, as `learn` gives it; heads are kept for a while.
        head_file: In place of an id the head's file, head.safetensors.

    Returns:
        label; probabilities of each of the head's classes; the head's method and its model; warnings, what is wrong with the recording.
    """  # noqa: E501
    from audioprompt.encoding.encoder import embed_to_name
    from audioprompt.few_shot import FewShotError, load_head
    from audioprompt.few_shot.sharing import read_record
    from audioprompt.learning import HEADS

    if head_file is not None:
        encoder = shared_model(read_record(head_file).model, request)
        fitted = load_head(head_file, encoder).head
    elif kept := HEADS.get(head):
        encoder, fitted = shared_model(kept.record.model, request), kept.head
    else:
        raise FewShotError("there is no head of this id, or no longer: learn one, or give the file of one")
    recording = read(sound, encoder.sample_rate, max_seconds=LONGEST_SECONDS)
    found = fitted.prediction(embed_to_name(encoder, recording).pooled[None])
    return {
        "label": winner(found),
        "probabilities": dict(ranked(found)),
        "method": fitted.method,
        "model": encoder.name,
        "warnings": recording.notices,
    }


def models() -> list[Answer]:
    """List the audio-language models that can hear and read.

    Returns:
        Of each its name, description, size and licence.
    """
    return [
        {"name": one.name, "description": one.description, "size": one.size, "licence": one.licence}
        for one in registry.entries()
    ]


# --- packs ------------------------------------------------------------------------------------------------------------


def packs(request: gr.Request | None = None) -> list[Answer]:
    """List the prompt packs: collections of templates for one kind of sound each.

    Returns:
        Of each its id, title, category, number of approved templates and of all, and ready-made lists of labels.
    """
    return [
        {
            "id": one.id,
            "title": one.title,
            "category": one.category,
            "approved": len(one.approved),
            "templates": len(one.entries),
            "labels": one.label_presets,
        }
        for one in _store(request).packs()
    ]


def pack(pack: Name, request: gr.Request | None = None) -> Answer:
    """Show a prompt pack: its approved templates as strings that CLIP and open_clip code takes, and all with status.

    Args:
        pack: An id that `packs` lists.

    Returns:
        title, description, category and licence; templates, the approved ones with {} for the label; all, every template with its status, the reason and what it was measured to be worth.
    """  # noqa: E501
    found = _store(request).get(pack)
    return {
        "id": found.id,
        "title": found.title,
        "description": found.description,
        "category": found.category,
        "licence": found.licence,
        "templates": found.as_strings(),
        "labels": found.label_presets,
        "all": [
            {
                "template": entry.template.as_string(),
                "status": entry.status,
                "reason": entry.reason,
                "measured": [one.model_dump() for one in entry.measured],
            }
            for entry in found.entries
        ],
    }


def export(
    pack: Name,
    form: Literal["json", "list", "text", "csv", "report"] = "json",
    request: gr.Request | None = None,
) -> Path:
    """Write a prompt pack to a file that other tools take.

    Args:
        pack: An id that `packs` lists.
        form: The pack's own json; its approved templates as a list or text; all as csv; a report in Markdown.

    Returns:
        The file.
    """
    written = EXPORTS[form]
    found = _store(request).get(pack)
    return _file(written.write(found).encode(), f"{found.id}{written.suffix}")


def decide(
    pack: Name, templates: Names, status: Status, reason: Name = "", request: gr.Request | None = None
) -> Answer:
    """Approve or reject templates of a prompt pack. Approved ones form its ensemble; every decision can be undone.

    On a public page visitors decide on a copy of their own session.

    Args:
        pack: An id that `packs` lists.
        templates: Which of its templates, with {} or {label} for the label.
        status: approved, rejected, or candidate for undecided again.
        reason: Why, for whoever reads the pack's history. With the reason that `propose` gives, decisions of people stay.

    Returns:
        approved, the templates that are approved now; counts of each status; kept, the templates that were left as people decided on them.
    """  # noqa: E501
    texts = [Template.parse(text).text for text in templates]
    kept: list[str] = []

    def change(now: PromptPack) -> PromptPack:
        of_people = reason == history.PROPOSED and {
            one.template.text for one in now.entries if history.by_person(one) and one.status != status
        }
        kept[:] = [text for text in texts if of_people and text in of_people]
        free = [text for text in texts if text not in kept]
        return history.decide(now, free, status, who(request), reason=reason or None)

    changed = _store(request).update(pack, change)
    statuses = [entry.status for entry in changed.entries]
    return {
        "pack": changed.id,
        "approved": changed.as_strings(),
        "counts": {one: statuses.count(one) for one in typing.get_args(Status)},
        "kept": [Template(text).as_string() for text in kept],
    }


# --- prompts ----------------------------------------------------------------------------------------------------------


def generate(
    category: Category | None = None,
    labels: Text = "",
    count: Annotated[int, Field(ge=1, le=MOST)] = COUNT,
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0,
    attributes: Names | None = None,
    sources: Names | None = None,
    keep_as: Name = "",
    service_model: Name = "",
    service_url: Name = "",
    service_key: Name = "",  # last: of a call with too few arguments Gradio logs all those it has
    request: gr.Request | None = None,
    progress: workbench.Progress | None = None,
) -> Answer:
    """Write candidate prompts for a task, from the bundled lexicon (offline, same seed, same prompts) or by a service.

    Args:
        category: The kind of sounds; none fits where it is left out.
        labels: The sounds to be told apart, separated by commas, semicolons or line breaks; there need be none.
        count: How many prompts, 1 to 200.
        seed: Another seed gives other prompts.
        attributes: Words for the kind of sound to write with, like "faint"; proposed where none are given.
        sources: Places to write with, like "theatre"; proposed where none are given.
        keep_as: The id of a new pack to keep the prompts in, like "my-sounds"; kept nowhere if left out.
        service_model: The model of a service with OpenAI's chat API that is to write; the lexicon if left out.
        service_url: The service's address, OpenAI's if left out.
        service_key: Your own key for the service. It goes there and is kept nowhere.

    Returns:
        templates, each with {} for the label and what looks wrong with it; the attributes and sources used; notice; the pack they are kept in.
    """  # noqa: E501
    task, left_out = task_of(category, labels)
    generator = generator_of(
        SERVICE if service_model else LEXICON, seed, service_model, service_url, TEMPERATURE, service_key, request
    )
    better = better_category(task)
    title = proposed_title(task, datetime.now(timezone.utc).date())
    if keep_as:  # what cannot be kept is said before a service is paid
        as_pack(task, [], generator, keep_as, title)
        if keep_as in _store(request).ids():
            raise PackError(f"a prompt pack is called {keep_as!r} already: choose another id")
    given = Ideas(tuple(attributes or ()), tuple(sources or ()))
    ideas = given if attributes or sources else generator.ideas(task)
    templates: list[Template] = []
    problem = None
    try:
        for template in generator.candidates(task, ideas, count):
            templates.append(template)
            _told(progress, "prompts", len(templates), count)
    except GenerationError as error:
        if not templates:
            raise
        problem = str(error)  # what came before it is good
    if keep_as:
        _store(request).create(as_pack(task, templates, generator, keep_as, title))
    return {
        "templates": [
            {"template": template.as_string(), "flags": [flag.reason for flag in flags]}
            for template, flags in zip(templates, check(templates, task.labels), strict=True)
        ],
        "attributes": ideas.attributes,
        "sources": ideas.sources,
        "notice": " ".join(filter(None, (left_out, better and better[1], generator.notice, problem))) or None,
        "pack": keep_as or None,
    }


def measure(
    pack: Name = "",
    templates: Names | None = None,
    data: Name = DEMONSTRATION,
    clips: File | None = None,
    folds: Folds | None = None,
    model: Name = "embedded",
    skip_bad: bool = False,
    request: gr.Request | None = None,
    progress: workbench.Progress | None = None,
) -> Answer:
    """Measure prompts on labelled clips: the accuracy of each alone and of the ensemble, with 95 % intervals.

    Args:
        pack: An id that `packs` lists: all its templates are measured, those approved are the ensemble.
        templates: In place of a pack the templates to measure, with {} or {label} for the label.
        data: The clips: "instruments" (bundled), "hf:owner/name" of the hub, or at home the path of your own.
        clips: In place of these a zip file of your own: a folder of recordings for each class, or a manifest.csv.
        folds: Only the clips of these folds, where the data has such.
        model: The model that hears, a name that `models` lists.
        skip_bad: Whether to go on without recordings and lines of a table that cannot be used; left_out tells which.

    Returns:
        n clips, classes; accuracy and interval of vanilla (the one plain prompt), of the ensemble, and of each template with the gain it brings to the ensemble; against_vanilla, the ensemble held against vanilla clip by clip; recall of each class.
    """  # noqa: E501
    chosen, encoder = _pack(pack, templates, request), shared_model(model, request)
    if not chosen.entries:
        raise PackError(f"{pack} has no prompts: generate some first")
    with _labelled(data, clips, request, progress, skip_bad) as labelled:
        refuse_one_class(labelled)
        some = labelled.in_folds(folds) if folds else labelled
        some, audio = workbench.heard(encoder, some, progress, skip_bad)
        prompts = workbench.read(encoder, [VANILLA, *(entry.template for entry in chosen.entries)], some, progress)
    found = board(audio, prompts[0], prompts[1:], some.truth, some.classes)
    stands = standing(found, np.array([entry.status == "approved" for entry in chosen.entries]))
    return {
        "pack": pack or None,
        "model": encoder.name,
        "data": some.name,
        **_left_out(some),
        "n": found.n,
        "classes": found.classes,
        **_stands(stands),
        "recall": {name: one and _score(one) for name, one in zip(found.classes, stands.recalls, strict=True)},
        "templates": [
            {"template": entry.template.as_string(), "status": entry.status, **_score(one), "gain": float(gain)}
            for entry, one, gain in zip(chosen.entries, found.scores, stands.gains, strict=True)
        ],
    }


def propose(
    pack: Name = "",
    templates: Names | None = None,
    data: Name = DEMONSTRATION,
    clips: File | None = None,
    folds: Folds | None = None,
    held_out: bool = False,
    model: Name = "embedded",
    skip_bad: bool = False,
    request: gr.Request | None = None,
    progress: workbench.Progress | None = None,
) -> Answer:
    """Propose which prompts to approve and which to reject, by measuring them on a part of labelled clips.

    Nothing is changed: `decide` does that. What people have decided on a pack's templates is part of the proposal.

    Args:
        pack: An id that `packs` lists.
        templates: In place of a pack the templates to choose from, with {} or {label} for the label.
        data: The clips: "instruments" (bundled), "hf:owner/name" of the hub, or at home the path of your own.
        clips: In place of these a zip file of your own: a folder of recordings for each class, or a manifest.csv.
        folds: The folds to choose on, the others are held out; half of the folds or recordings if left out.
        held_out: Whether to score the proposal on the clips held out as well; a pack notes each such look.
        model: The model that hears, a name that `models` lists.
        skip_bad: Whether to go on without recordings and lines of a table that cannot be used; left_out tells which.

    Returns:
        approve and reject, templates with {} for the label; kept, those among them that people decided on, with their status; reason, for `decide`; accuracy and interval of vanilla, of the best single template, of all and of the ensemble proposed, on the clips it was chosen on and, if asked for, held_out.
    """  # noqa: E501
    chosen, encoder = _pack(pack, templates, request), shared_model(model, request)
    with _labelled(data, clips, request, progress, skip_bad) as labelled:
        split = workbench.Split(tuple(folds)) if folds else workbench.Split.suggested(labelled)
        bench = workbench.measure(encoder, chosen, labelled, split, progress, skip_bad)
        proposal = workbench.proposed(bench, chosen)
        unseen = workbench.score_held_out(bench, proposal.selection, progress) if held_out else None
    if unseen and pack:
        workbench.note_held_out(_store(request), bench, pack, unseen, workbench.AUTO)
    wanted = {entry.template.as_string(): proposal.wanted[entry.template.text] for entry in chosen.entries}
    return {
        "pack": pack or None,
        "model": encoder.name,
        "data": bench.seen.name,
        **_left_out(bench.seen),
        "split": split.name(bench.seen),
        "n": bench.board.n,
        "approve": [text for text, status in wanted.items() if status == "approved"],
        "reject": [text for text, status in wanted.items() if status == "rejected"],
        "kept": {
            entry.template.as_string(): entry.status for entry in chosen.entries if entry.template.text in proposal.kept
        },
        "reason": history.PROPOSED,
        **_stands(proposal.standing),
        "held_out": unseen
        and {"split": split.name(bench.unseen, held_out=True), "n": unseen.ensemble.n, **_stands(unseen)},
    }


# --- learning ---------------------------------------------------------------------------------------------------------


def learn(
    data: Name = DEMONSTRATION,
    clips: File | None = None,
    methods: Names | None = None,
    shots: Annotated[int, Field(ge=1, le=64)] = 16,
    seeds: Annotated[int, Field(ge=1, le=5)] = 1,
    epochs: Annotated[int, Field(ge=1, le=200)] = 50,
    learn_folds: Folds | None = None,
    pack: Name = "",
    model: Name = "embedded",
    dropout: Annotated[float, Field(ge=0, le=0.95)] = 0.0,
    skip_bad: bool = False,
    request: gr.Request | None = None,
    progress: workbench.Progress | None = None,
) -> Answer:
    """Learn to tell sounds apart from a few labelled clips of each, by several methods, and measure these.

    A part of the clips is held back for the measurement where there are three recordings of every class; the best head is then fitted again on all of them.

    Args:
        data: The clips: "instruments" (bundled), "hf:owner/name" of the hub, or at home the path of your own.
        clips: In place of these a zip file of your own: a folder of recordings for each class, or a manifest.csv.
        methods: Of zero-shot, tspe, palm, palm-dagger, coop, cocoop, linear-probe, tip-adapter; palm and zero-shot if left out.
        shots: Clips of each class to learn from at most, 1 to 64.
        seeds: How often to fit, with other clips each time, 1 to 5.
        epochs: How often every clip is seen, 1 to 200.
        learn_folds: The folds to learn from, where the data has such; the others give the score.
        pack: The prompt pack that the method tspe uses; the general one if left out.
        model: The model that hears, a name that `models` lists.
        dropout: The share of what is heard that each step of a fit leaves out; 0.5 often helps where clips are few.
        skip_bad: Whether to go on without recordings and lines of a table that cannot be used; left_out tells which.

    Returns:
        methods, each with accuracy, interval, seconds and advice; best, the most accurate one; fitted_on, how many clips its head learned from after that; head, its id for `predict`; file, its head.safetensors to keep.
    """  # noqa: E501
    from audioprompt.few_shot import METHODS, FewShotError, FitSettings
    from audioprompt.few_shot.sharing import FILE
    from audioprompt.learning import HEADS, Trial, fit_again, shared, try_out

    names = tuple(dict.fromkeys(methods or ("palm", "zero-shot")))
    if unknown := [name for name in names if name not in METHODS]:
        raise FewShotError(f"no method is called {unknown[0]!r}; there are: {', '.join(METHODS)}")
    sessions.refuse_large_trials(request, names, shots, epochs, seeds)
    prompts = _approved(pack, request) if "tspe" in names else ()
    trial = Trial(names, shots, tuple(range(seeds)), FitSettings(epochs=epochs), prompts, dropout=dropout)
    encoder = shared_model(model, request)
    with _labelled(data, clips, request, progress, skip_bad) as labelled:
        tried = try_out(
            encoder, labelled, trial, learn_folds, None, partial(_told, progress, "clips"),
            lambda step: _told(progress, "epochs", *step.epochs_done), skip_bad=skip_bad,
        )  # fmt: skip
        results = tried.results
        best = results.best or next((one for one in results.outcomes if one.head), None)
        if best is None or best.head is None:
            raise FewShotError(results.outcomes[0].problem or "nothing was learned: give more epochs")
        results = fit_again(
            encoder, tried, best.method, lambda step: _told(progress, "epochs on all clips", *step.epochs_done)
        ).results
    with tempfile.TemporaryDirectory(dir=sessions.temporary()) as folder:
        fitted = shared(results, best.method, encoder, labelled.name)
        fitted.save_pretrained(folder)
        file = _file((Path(folder) / FILE).read_bytes(), FILE)
    return {
        "model": encoder.name,
        "data": labelled.name,
        **_left_out(tried.clips.clips),
        "classes": results.classes,
        "learned_from": results.learned_from,
        "tested_on": results.tested_on,
        "fitted_on": fitted.record.fitted_on,
        "notice": results.notice,
        "methods": [
            {
                "method": one.method,
                "accuracy": one.accuracy,
                "interval": one.interval,
                "seconds": one.seconds if one.fits else None,
                "advice": one.advice,
            }
            for one in results.outcomes
        ],
        "best": best.method,
        "head": HEADS.keep(fitted, owner=access.share(request)),
        "file": file,
    }


# --- the parts these are made of --------------------------------------------------------------------------------------


def _store(request: gr.Request | None) -> PromptStore:
    """The packs of whoever asks. MCP's clients are all of one session, so that visitors among them keep none."""
    if request is None or access.is_curator(request) or request.headers.get("x-gradio-user") != "mcp":
        return sessions.store(request)
    return sessions.store(gr.Request(request.request))


def _pack(pack_id: str, templates: Sequence[str] | None, request: gr.Request | None) -> PromptPack:
    if bool(pack_id) == bool(templates):
        raise PackError("Give a pack or templates, one of the two.")
    return pack_from_templates(templates) if templates else _store(request).get(pack_id)


def _approved(pack_id: str, request: gr.Request | None) -> tuple[Template, ...]:
    found = _store(request).get(pack_id or pack_for(None))
    if not found.approved:
        raise PackError(f"the pack {found.id} has no approved prompt: approve some first")
    return tuple(found.approved)


@contextmanager
def _labelled(
    data: str, clips: Path | None, request: gr.Request | None, progress: workbench.Progress | None, skip_bad: bool
) -> Iterator[LabelledClips]:
    """Clips by the name of their data set or out of an upload, which is unpacked for as long as they are needed."""
    if clips and clips.suffix.lower() != ".zip":
        raise DataError(f"{clips.name} is no zip file: pack a folder of recordings for each class into one")
    passing = clips or not access.is_curator(request)
    with tempfile.TemporaryDirectory(prefix="clips-", dir=sessions.temporary()) as folder:
        yield sessions.clips_named(
            str(clips or data), request, clips.parent if clips else None, Path(folder) if passing else None,
            partial(_told, progress, "files"), skip_bad,
        )  # fmt: skip


def _told(progress: workbench.Progress | None, what: str, done: int, total: int) -> None:
    if progress:
        progress(what, done, total)


def _file(content: bytes, name: str) -> Path:
    """A file in Gradio's folder, where it can be downloaded for a while."""
    return Path(processing_utils.save_bytes_to_cache(content, name, utils.get_upload_folder()))


def _left_out(clips: LabelledClips) -> Answer:
    """What the data set had besides these clips, and what people should know of it."""
    left_out = [{"name": one.name, "label": one.label, "reason": one.reason} for one in clips.left_out]
    return {"left_out": left_out, "notices": clips.remarks}


def _score(one: Score) -> Answer:
    return {"accuracy": one.accuracy, "interval": one.interval}


def _stands(found: Standing | workbench.HeldOut) -> Answer:
    return {
        "vanilla": {"template": VANILLA.as_string(), **_score(found.vanilla)},
        "best_single": _score(found.best),
        "all": _score(found.uncurated),
        "ensemble": _score(found.ensemble),
        "against_vanilla": {
            "better": found.against_vanilla.better,
            "worse": found.against_vanilla.worse,
            "p": found.against_vanilla.p,
            "words": str(found.against_vanilla),
        },
    }


CAPABILITIES: tuple[Callable[..., Any], ...] = (
    classify, models, packs, pack, generate, measure, propose, decide, export, learn, predict,
)  # fmt: skip
