"""``audioprompt classify``: what is heard in recordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.audio.recording import AudioError
from audioprompt.cli.options import DEFAULT_PACK, AsJson, ModelOptions, TemplateTexts, choose_labels, choose_prompts
from audioprompt.cli.output import BLUE, ORANGE, Json, bar, clock, percent, print_, print_json, progress_bar, say, table
from audioprompt.cli.recordings import find_recordings, require_recordings
from audioprompt.core.timeline import find_stretches
from audioprompt.prompts.template import Template
from audioprompt.services import classify as service
from audioprompt.services.classify import Classification, ranked, read_prompts, winner
from audioprompt.services.views import as_dict
from audioprompt.services.words import read_labels
from audioprompt.util.text import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from audioprompt.models.base import AudioTextModel

SILENCE = "silence"  # in the place of a label
MAX_SHOWN = 5  # labels in the table of one recording


def classify(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Recordings of any length, or folders of recordings (shown as a table)."),
    ],
    labels: Annotated[str | None, typer.Option(help="Labels to choose between, such as 'dog bark, rain'.")] = None,
    preset: Annotated[str | None, typer.Option(help="Use the pack's label list of this name.")] = None,
    pack: Annotated[str | None, typer.Option(help=f"Prompt pack to use ({DEFAULT_PACK} by default).")] = None,
    template: TemplateTexts = None,
    *,
    model: ModelOptions,
    as_json: AsJson = False,
) -> None:
    """Classify recordings with one plain prompt (vanilla) and with an ensemble of prompts."""
    packs, templates = choose_prompts([pack] if pack else [], template)
    names = choose_labels(labels, preset, packs)
    files = require_recordings(files)
    as_table = any(file.is_dir() for file in files)
    files = find_recordings(files)
    encoder = model.load()
    heard, errors = _hear(encoder, files, names, templates)
    if as_json:
        used = {"model": encoder.name, "revision": encoder.revision, "templates": [one.text for one in templates]}
        failed = [{"file": str(file), "error": str(error)} for file, error in errors.items()]
        found = [_heard_json(file, one) for file, one in heard.items()]
        print_json({**used, "labels": names, "files": found, "errors": failed})
    elif as_table:
        print_(_overview(files, heard, errors))
    else:
        for file, one in heard.items():
            print_(*_heard_tables(file, one))
    if as_json or not as_table:
        for error in errors.values():
            say(error)
    if errors:
        raise typer.Exit(1)


# --- what is heard in a recording -------------------------------------------------------------------------------------


def _hear(
    model: AudioTextModel, files: Sequence[Path], labels: Sequence[str], templates: Sequence[Template]
) -> tuple[dict[Path, Classification], dict[Path, AudioError]]:
    """Classify each recording; those that cannot be used come second."""
    heard, errors = {}, {}
    with progress_bar("prompts") as progress:
        read_prompts(model, templates, read_labels(model, labels).spoken, progress)
    with progress_bar("recordings") as progress:
        for done, file in enumerate(files, 1):
            try:
                heard[file] = service.classify(model, file, labels, templates, str(file))
            except AudioError as error:
                errors[file] = error
            progress(done, len(files))
    return heard, errors


def _heard_json(file: Path, heard: Classification) -> Json:
    methods = {"vanilla": heard.vanilla, "ensemble": heard.ensemble}
    said = {
        method: {"label": winner(prediction), "probabilities": dict(ranked(prediction))}
        for method, prediction in methods.items()
    }
    return {
        "file": str(file),
        "seconds": heard.seconds,
        "warnings": heard.notices,
        "agree": heard.agree,
        **said,
        "votes": [as_dict(vote) for vote in heard.votes],
        "timeline": [as_dict(stretch) for stretch in find_stretches(heard.timeline)],
    }


def _overview(
    files: Sequence[Path], heard: Mapping[Path, Classification], errors: Mapping[Path, AudioError]
) -> RenderableType:
    """Give each recording a line: what the ensemble and vanilla hear, or why nothing is heard."""

    def row(file: Path) -> list[RenderableType]:
        if file in errors:
            return [str(file), "", str(errors[file]).removeprefix(f"{file} "), "", ""]
        one = heard[file]
        (label, fraction), plain = ranked(one.ensemble)[0], ranked(one.vanilla)[0][0]
        return [str(file), f"{one.seconds:.1f}", label, percent(fraction), plain]

    return table(["file", ">seconds", "ensemble", ">", "vanilla"], [row(file) for file in files])


def _heard_tables(file: Path, heard: Classification) -> Iterator[RenderableType]:
    vanilla = dict(ranked(heard.vanilla))
    yield f"\n{one_line(str(file))}, {heard.seconds:.1f} s"
    rows = [
        [label, *bar(vanilla[label], BLUE), *bar(probability, ORANGE)]
        for label, probability in ranked(heard.ensemble)[:MAX_SHOWN]
    ]
    yield table(["", "vanilla", ">", f"ensemble of {len(heard.votes)}", ">"], rows)
    yield heard.words
    yield from heard.notices
    if stretches := find_stretches(heard.timeline):
        parts = [
            [
                f"{clock(part.start)} - {clock(part.end)}",
                *([SILENCE, "", ""] if part.label is None else [part.label, *bar(part.probability, ORANGE)]),
            ]
            for part in stretches
        ]
        yield table(["over time", "ensemble", "", ">"], parts)
