"""``audioprompt label``: label a folder of recordings, the most telling ones first."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from audioprompt.cli.data import embed_clips
from audioprompt.cli.group import UsageError
from audioprompt.cli.options import DEFAULT_PACK, ModelOptions, SkipBad, choose_prompts
from audioprompt.cli.output import say
from audioprompt.cli.recordings import require_recordings
from audioprompt.core.labels import LabelError, parse_labels
from audioprompt.data import LabelledClips
from audioprompt.data.recordings import find_recordings
from audioprompt.services.label_next import LabellingSession, Manifest
from audioprompt.util.text import one_line

MANIFEST = "labels.csv"
SKIP, UNDO, QUIT = "0", "u", "q"
MAX_KEYS = 9  # labels that a number stands for
PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"),
    ("mpv", "--no-video", "--really-quiet"),
    ("afplay",),
    ("play", "-q"),
)


def label(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with recordings.")],
    labels: Annotated[
        str | None, typer.Option(help="Labels to give, such as 'dog bark, rain'. Others can be typed.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help=f"Manifest to write and to go on with (DIR/{MANIFEST} by default).")
    ] = None,
    play: Annotated[bool, typer.Option("--play/--no-play", help="Play recordings, if there is a player.")] = True,
    skip_bad: SkipBad = False,
    *,
    model: ModelOptions,
) -> None:
    """Label a folder of recordings, the most telling ones first, and write a manifest to learn from."""
    manifest = out or folder / MANIFEST
    try:
        names = list(parse_labels(labels).labels) if labels else []
    except LabelError as error:
        raise UsageError(str(error)) from error
    found = tuple(find_recordings(require_recordings([folder])))
    table = Manifest(manifest)
    encoder = model.load()
    clips = LabelledClips(found, ("?",) * len(found), name=str(folder), root=folder)
    clips, audio = embed_clips(encoder, clips, skip_bad)
    for remark in clips.remarks:
        say(remark)
    session = LabellingSession(encoder, choose_prompts([DEFAULT_PACK], None)[1], audio, names)
    if table.take_up(session, clips.paths):
        say(f"Going on with {manifest}. {session.progress}")
    player = find_player() if play else None
    try:
        while (recording := session.next()) is not None:
            if not _ask(session, recording, clips.paths[recording], player):
                break
            table.write(session)
        else:
            say("Every recording has a label or was skipped.")
    except (EOFError, KeyboardInterrupt, typer.Abort):
        say("")
    if session.given:
        say(f"{session.progress} Written to {manifest}: audioprompt palm fit {manifest} learns from it.")


def _ask(session: LabellingSession, recording: int, path: Path, player: list[str] | None) -> bool:
    """Ask for one recording's label until it is given or skipped, or the person ends."""
    playing = subprocess.Popen([*player, str(path)], stdin=subprocess.DEVNULL) if player else None
    try:
        while True:
            keys = "  ".join(f"{number} {name}" for number, name in enumerate(session.classes[:MAX_KEYS], 1))
            say(f"{path}   {keys}   {SKIP} skip  {UNDO} undo  {QUIT} quit, or type a label")
            answer = one_line(typer.prompt("label", prompt_suffix=": ", err=True, default="", show_default=False))
            if answer in ("", QUIT):
                return answer != QUIT
            if answer == UNDO:
                session.undo()
                return True
            if answer == SKIP:
                session.skip(recording)
                return True
            try:
                session.label(recording, _name_of(session, answer))
            except LabelError as error:
                say(error)
                continue
            say(session.progress)
            return True
    finally:
        if playing:
            playing.terminate()


def _name_of(session: LabellingSession, answer: str) -> str:
    """Return the label that a key stands for, or what was typed."""
    if not answer.isdecimal():
        return answer
    if not 1 <= int(answer) <= min(len(session.classes), MAX_KEYS):
        raise LabelError(f"No label has the number {answer}.")
    return session.classes[int(answer) - 1]


def find_player() -> list[str] | None:
    """Return the command of a player that this machine has; None where it has none."""
    return next((list(player) for player in PLAYERS if shutil.which(player[0])), None)
