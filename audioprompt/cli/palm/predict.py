"""``audioprompt palm predict``: what a fitted head hears."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.audio.recording import AudioError
from audioprompt.cli.options import AsJson, Device, Half, Weights, load_model
from audioprompt.cli.output import GREEN, bar, print_, print_json, say, table
from audioprompt.cli.recordings import require_recordings
from audioprompt.encoding.encoder import embed_to_name
from audioprompt.few_shot.heads import find_head, load_head, read_record
from audioprompt.services.classify import ranked, winner
from audioprompt.services.rejection import Verdict, recognise_by_head
from audioprompt.services.views import known_as_dict

if TYPE_CHECKING:
    from audioprompt.core.zero_shot import Prediction
    from audioprompt.models.base import AudioTextModel

MAX_SHOWN = 3  # classes of one recording


@dataclass(frozen=True)
class HeadModelOptions:
    """Which model a head is used on, and how."""

    model: Annotated[
        str | None, typer.Option("--model", help="Model to use (the one that the head was fitted on by default).")
    ] = None
    weights: Weights = None
    device: Device = "auto"
    half: Half = False

    def load(self, fitted_on: str) -> AudioTextModel:
        """Load the model that was named, else the one that the head was fitted on."""
        return load_model(self.model or fitted_on, self.weights, self.device, self.half)


def predict(
    head: Annotated[str, typer.Argument(metavar="HEAD", help="Folder or file of a head, or owner/name on the Hub.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Recordings of any length.")],
    model: HeadModelOptions,
    as_json: AsJson = False,
) -> None:
    """Classify recordings with a trained head."""
    path = find_head(head)
    files = require_recordings(files)
    encoder = model.load(read_record(path).model)
    shared = load_head(path, encoder)
    heard: dict[Path, Prediction] = {}
    verdicts: dict[Path, Verdict | None] = {}
    notices: dict[Path, list[str]] = {}
    errors: dict[Path, Exception] = {}
    recogniser = recognise_by_head(encoder, shared.head)

    for file in files:
        try:
            notices[file] = []
            clip = embed_to_name(encoder, file, str(file), notices[file].append)
            heard[file] = shared.head.prediction(clip.pooled[None])
            verdicts[file] = recogniser.judge(clip.pooled) if recogniser else None
        except AudioError as error:
            errors[file] = error
    if as_json:
        found = [
            {
                "file": str(file),
                "label": ranked(one)[0][0],
                "probabilities": dict(ranked(one)),
                **known_as_dict(verdicts[file]),
                "warnings": notices[file],
            }
            for file, one in heard.items()
        ]
        failed = [{"file": str(file), "error": str(why)} for file, why in errors.items()]
        print_json({"method": shared.record.method, "model": encoder.name, "files": found, "errors": failed})
    else:
        for file, one in heard.items():
            rows = [[label, *bar(fraction, GREEN)] for label, fraction in ranked(one)[:MAX_SHOWN]]
            print_(table([str(file), shared.record.method, ">"], rows), *unknown(one, verdicts[file]), *notices[file])
    for why in errors.values():
        say(why)
    if errors:
        raise typer.Exit(1)


def unknown(found: Prediction, verdict: Verdict | None) -> list[str]:
    """Tell in a sentence that a recording is none of the classes; nothing where it is one, or none can tell."""
    return [verdict.sentence(winner(found))] if verdict and not verdict.known else []
