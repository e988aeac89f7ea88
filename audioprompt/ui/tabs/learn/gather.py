"""Clips are gathered: recorded, uploaded or from a data set, class by class."""

from collections.abc import Callable, Sequence
from pathlib import Path

import gradio as gr

from audioprompt.audio.recording import AudioError
from audioprompt.core.labels import LabelError, clean_label
from audioprompt.data import DEMONSTRATION, VILLAGE, LabelledClips
from audioprompt.errors import AudiopromptError
from audioprompt.server import sessions
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.collection import Collection, play
from audioprompt.ui import markup
from audioprompt.ui.components import learn as view
from audioprompt.ui.events import View

PARTS = ("collection", "cards", "name", "folds", "note")


def show(collection: Collection, name: str = "", note: str = "") -> View:
    """Show the clips as cards.

    Args:
        collection: holds them.
        name: the class that is being added to.
        note: what else is to be said, as markup.
    """
    now = collection.now
    choices = [(str(fold), fold) for fold in now.folds]
    return {
        "collection": collection,
        "cards": view.cards(now.clips, name, len(now.unnamed), now.own),
        "name": name,
        "folds": gr.CheckboxGroup(choices, value=proposed_folds(collection), visible=len(choices) > 1 or "hidden"),
        "note": note,
    }


def proposed_folds(collection: Collection) -> list[int]:
    """Return the folds to learn from that the page proposes: all but the last."""
    return collection.now.folds[:-1]


# --- recordings -------------------------------------------------------------------------------------------------------


def add(collection: Collection, name: str, files: Sequence[str | Path], context: Context = IN_PROCESS) -> View:
    """Add recordings to a class, which is made where there is none of that name; no recordings make the class alone.

    Without a name they are kept until there is one.

    Raises:
        NotAllowed: they are more than a visitor may keep.
    """
    sessions.refuse_too_many(context.request, collection.folder, files)
    kept, problems = collection.keep(files)
    note = "".join(map(markup.problem, problems))
    nothing = problems and not (kept or collection.now.unnamed)
    shown = show(collection, name, note) if nothing else put(collection, name, kept, note)
    if shown["name"] == name:  # it stays as it is: the next one may have been typed since
        del shown["name"]
    return shown


def put(collection: Collection, name: str, kept: Sequence[Path] = (), note: str = "") -> View:
    """Put recordings into a class, with those that had no name before; or say why it cannot be called that."""
    try:
        collection.put(name, kept)
    except LabelError as error:
        note += markup.problem(error)
    return show(collection, clean_label(name), note)


def record(collection: Collection, name: str, recording: str | None, context: Context = IN_PROCESS) -> View:
    """Add a recording that has ended, and be ready for the next one."""
    return add(collection, name, [recording], context) | {"microphone": None} if recording else {}


def take_name(collection: Collection, name: str) -> View:
    """Take a name that was entered: for what had none, or for a sound that is recorded next."""
    return put(collection, name)


def leave_name(collection: Collection, name: str | None) -> View:
    """Take the name from a field that was left, Enter or not, for whatever waits for one."""
    return put(collection, name) if name and collection.now.unnamed else {}


def act(collection: Collection, event: gr.EventData, context: Context = IN_PROCESS) -> View:
    """Do what was clicked on the cards."""
    what, label = event.act, event.label
    if what == "play":
        return {"player": show_player(collection, label, event.turn)}
    if what == "choose":  # which names what had no name
        if collection.now.unnamed:
            return put(collection, label)
        return {name: value for name, value in show(collection, label).items() if name != "folds"}
    if what == "demonstrate":
        where = VILLAGE if label == VILLAGE else DEMONSTRATION
        return take_data(collection, where, context=context) | {"player": ""}
    if what == "drop":
        gone = label not in collection.now.clips.labels
        collection.drop(label)
        return show(collection, "" if gone else label) | {"player": ""}
    collection.clear()
    return show(collection) | {"player": ""}


def show_player(collection: Collection, name: str, turn: int) -> str:
    """Return a player for a class's clips, one after the other; without a name for those that have none."""
    try:
        played = play(collection.now, name, turn)
    except AudioError as error:
        return view.player_failed(error)
    return view.player(*played) if played else ""


# --- data sets --------------------------------------------------------------------------------------------------------


def take_data(
    collection: Collection, where: str, uploads: Path | None = None, read: str = "", context: Context = IN_PROCESS
) -> View:
    """Take a data set, or say why it cannot be used.

    Args:
        collection: takes it.
        where: it is.
        uploads: where visitors may name a file.
        read: what the field for a data set holds, if it was named there.
        context: of whoever names it.
    """
    try:
        collection.take(_opening(where, uploads, context), read)
    except AudiopromptError as error:
        return show(collection, note=markup.problem(error))
    return show(collection)


def _opening(where: str, uploads: Path | None, context: Context) -> Callable[[Path, bool], LabelledClips]:
    return lambda folder, skip_bad: context.clips(where.strip(), uploads, into=folder, skip_bad=skip_bad)


def enter_data(collection: Collection, where: str | None, context: Context = IN_PROCESS) -> View:
    """Take the data set that was entered in its field."""
    where = (where or "").strip()
    return take_data(collection, where, read=where, context=context)


def leave_data(collection: Collection, where: str | None, context: Context = IN_PROCESS) -> View:
    """Take what a field that was left names, Enter or not, unless that was done already."""
    return enter_data(collection, where, context) if collection.is_new(where) else {}


def upload_data(collection: Collection, path: str, context: Context = IN_PROCESS) -> View:
    """Take a data set that was uploaded."""
    return take_data(collection, path, Path(path).parent, context=context)


def demonstrate(collection: Collection, context: Context = IN_PROCESS) -> View:
    """Take the instruments that come with audioprompt."""
    return take_data(collection, DEMONSTRATION, context=context)


def skip_bad(collection: Collection, wanted: bool) -> View:
    """Leave out recordings that cannot be used, or not."""
    collection.skip_bad(wanted)
    return {}
