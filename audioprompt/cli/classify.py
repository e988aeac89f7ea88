"""``audioprompt classify``: what is heard in recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from audioprompt.audio.files import parts_of
from audioprompt.audio.recording import AudioError
from audioprompt.cli.events import EventOutput
from audioprompt.cli.folder import classify_to_table
from audioprompt.cli.group import UsageError
from audioprompt.cli.options import DEFAULT_PACK, AsJson, ModelOptions, TemplateTexts, choose_labels, choose_prompts
from audioprompt.cli.output import BLUE, ORANGE, Json, bar, clock, percent, print_, print_json, progress_bar, say, table
from audioprompt.cli.recordings import require_recordings
from audioprompt.data.recordings import UNLABELLED, find_recordings
from audioprompt.prompts.template import Template
from audioprompt.services import classify as service
from audioprompt.services.classify import Classification, ranked, read_prompts, say_words, winner
from audioprompt.services.folders.classify import Question
from audioprompt.services.learn import keep_together
from audioprompt.services.together import JointPrediction, classify_together
from audioprompt.services.views import as_dict, known_as_dict
from audioprompt.services.words import read_labels
from audioprompt.util.places import is_folder
from audioprompt.util.text import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from audioprompt.models.base import AudioTextModel

MAX_SHOWN = 5  # labels in the table of one recording


@dataclass(frozen=True)
class LabelOptions:
    """Which labels to choose between."""

    labels: Annotated[str | None, typer.Option(help="Labels to choose between, such as 'dog bark, rain'.")] = None
    preset: Annotated[str | None, typer.Option(help="Use the pack's label list of this name.")] = None


@dataclass(frozen=True)
class Listening:
    """What recordings may hold, whether they are heard one by one, and what is kept of that."""

    several: Annotated[
        bool, typer.Option("--several", help="Tell for each label whether it is heard: more than one may be.")
    ] = False
    together: Annotated[
        bool, typer.Option("--together", help="Listen to all recordings before naming any: they help each other.")
    ] = False
    save: Annotated[
        Path | None, typer.Option(help="With --together, keep what was learned as a head in this folder.")
    ] = None

    def check(self) -> None:
        """Refuse what does not go together."""
        if self.save and not self.together:
            raise UsageError("Only what all recordings tell each other can be saved: give --together as well.")


@dataclass(frozen=True)
class Output(EventOutput):
    """Where the answers go."""

    out: Annotated[
        Path | None,
        typer.Option(
            help="Write a table, one recording a row, to this .csv, .json, .jsonl or .parquet file. Folders may be of"
            " any size. Run the same again after an interruption, and only the rest is done."
        ),
    ] = None
    restart: Annotated[bool, typer.Option("--restart", help="With --out: forget what was done before.")] = False
    as_json: AsJson = False

    def check(self, together: bool) -> None:
        """Refuse what does not go together."""
        if not self.out:
            if self.restart:
                raise UsageError("--restart forgets what was done for --out: give --out as well.")
            return
        if together:
            raise UsageError("--together listens to all recordings at once: leave it or --out away.")
        if self.as_json:
            raise UsageError("Give --json or --out, not both; --out results.json writes JSON.")
        if self.events or self.form:
            raise UsageError("--out has one row for each recording, not its events: leave --events or --out away.")


def classify(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="Recordings of any length, or folders or zip files of them (shown as a table)."
        ),
    ],
    choice: LabelOptions,
    pack: Annotated[str | None, typer.Option(help=f"Prompt pack to use ({DEFAULT_PACK} by default).")] = None,
    template: TemplateTexts = None,
    *,
    listening: Listening,
    model: ModelOptions,
    output: Output,
) -> None:
    """Classify recordings with one plain prompt (vanilla) and with an ensemble of prompts."""
    listening.check()
    output.check(listening.together)
    packs, templates = choose_prompts([pack] if pack else [], template)
    names = choose_labels(choice.labels, choice.preset, packs)
    files = require_recordings(files)
    if output.out:
        classify_to_table(
            files, output.out, output.restart, partial(Question, labels=names, templates=templates), model
        )
        return
    as_json = output.as_json
    as_table = any(is_folder(file) or file.suffix.lower() == ".zip" for file in files)
    write_events = output.prepare(as_table or len(files) > 1)
    files = find_recordings(files)
    encoder = model.load()
    heard, errors = _hear(encoder, files, names, templates)
    joint = _hear_together(encoder, heard, names, templates, listening) if listening.together and heard else None
    write_events(heard, listening.several)
    if as_json:
        used = {"model": encoder.name, "revision": encoder.revision, "templates": [one.text for one in templates]}
        failed = [{"file": str(file), "error": str(error)} for file, error in errors.items()]
        found = [_heard_json(file, one, listening.several) for file, one in heard.items()]
        helped = _joint_json(found, joint) if joint else {}
        print_json({**used, "labels": names, "files": found, **helped, "errors": failed})
    elif as_table:
        print_(_overview(files, heard, errors, joint, listening.several))
        _say_what_labels_mean(heard)
    else:
        for number, (file, one) in enumerate(heard.items()):
            print_(*_heard_tables(file, one, listening.several))
            if joint:
                print_(f"With the other recordings' help: {winner(joint.prediction, number)}.")
    if joint and not as_json:
        print_(joint.answer.words)
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

        def tell(done: int, part_of: Callable[[float], float], seconds: float) -> None:
            progress(done + part_of(seconds), len(files))

        for done, file in enumerate(files):
            try:
                heard[file] = service.classify(
                    model, file, labels, templates, str(file), tick=partial(tell, done, parts_of(file))
                )
            except AudioError as error:
                errors[file] = error
            progress(done + 1, len(files))
    return heard, errors


def _hear_together(
    model: AudioTextModel,
    heard: Mapping[Path, Classification],
    labels: Sequence[str],
    templates: Sequence[Template],
    listening: Listening,
) -> JointPrediction:
    """Name recordings with each other's help, and keep that as a head where it is wanted."""
    audio = np.stack([one.embedding for one in heard.values()])
    if listening.save:
        keep_together(model, labels, templates, audio, UNLABELLED).save_pretrained(listening.save)
        say(f"The head is in {listening.save}: audioprompt palm predict {listening.save} FILE uses it.")
    return classify_together(model, audio, labels, templates)


def _heard_json(file: Path, heard: Classification, several: bool) -> Json:
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
        **known_as_dict(heard.verdict),
        **said,
        **({"heard": [as_dict(one) for one in heard.presences]} if several else {}),
        "votes": [as_dict(vote) for vote in heard.votes],
        "events": [as_dict(event) for event in heard.events(several)],
    }


def _joint_json(found: Sequence[Json], joint: JointPrediction) -> Json:
    """Note in what was found of each recording what it is with the others' help; what that came to."""
    for number, one in enumerate(found):
        answers = ranked(joint.prediction, number)
        one["together"] = {"label": answers[0][0], "probabilities": dict(answers)}
    return {"together": as_dict(joint)}


def _overview(
    files: Sequence[Path],
    heard: Mapping[Path, Classification],
    errors: Mapping[Path, AudioError],
    joint: JointPrediction | None,
    several: bool,
) -> RenderableType:
    """Give each recording a line: what the ensemble and vanilla hear, or why nothing is heard."""

    def row(file: Path) -> list[RenderableType]:
        if file in errors:
            return [str(file), "", str(errors[file]).removeprefix(f"{file} "), "", "", *("" for _ in further)]
        one = heard[file]
        fraction, plain = ranked(one.ensemble)[0][1], ranked(one.vanilla)[0][0]
        helped = [winner(joint.prediction, place[file])] if joint else []
        present = [", ".join(label.label for label in one.presences if label.heard)] if several else []
        return [str(file), f"{one.seconds:.1f}", one.headline, percent(fraction), plain, *helped, *present]

    place = {file: number for number, file in enumerate(heard)}
    further = [*(["together"] if joint else []), *(["heard"] if several else [])]
    titles = ["file", ">seconds", "ensemble", ">of the labels", "vanilla", *further]
    return table(titles, [row(file) for file in files])


def _say_what_labels_mean(heard: Mapping[Path, Classification]) -> None:
    """Tell once what is to be known of the labels, which are the same for all recordings."""
    one = next(iter(heard.values()), None)
    for remark in say_words(one.read, one.alike) if one and one.read else ():
        say(remark)


def _heard_tables(file: Path, heard: Classification, several: bool) -> Iterator[RenderableType]:
    vanilla = dict(ranked(heard.vanilla))
    yield f"\n{one_line(str(file))}, {heard.seconds:.1f} s"
    rows = [
        [label, *bar(vanilla[label], BLUE), *bar(probability, ORANGE)]
        for label, probability in ranked(heard.ensemble)[:MAX_SHOWN]
    ]
    yield table(["of the labels given", "vanilla", ">", f"ensemble of {len(heard.votes)}", ">"], rows)
    if heard.verdict and not heard.known:
        yield heard.verdict.sentence(heard.answer)
    yield heard.words
    yield from heard.notices
    if several:
        marks = [[one.label, "yes" if one.heard else "no", f"{one.score:+.1f}"] for one in heard.presences]
        yield table(["more than one may be heard", "", ">score"], marks)
    if heard.is_long and (events := heard.events(several)):
        parts = [
            [f"{clock(event.start)} - {clock(event.end)}", event.label, *bar(event.probability, ORANGE)]
            for event in events
        ]
        yield table(["over time", "heard", "", ">"], parts)
