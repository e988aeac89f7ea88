"""What can be done with a collection that was listened to: search, play, select, label, save."""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from audioprompt.core.labels import LabelError, clean_label
from audioprompt.data import DataError
from audioprompt.server import sessions
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.collection import Collection, why_unfit
from audioprompt.services.folders.explore import Explored
from audioprompt.services.folders.search import search_like, search_words
from audioprompt.services.folders.tables import write_table
from audioprompt.services.words import read_labels
from audioprompt.ui import markup
from audioprompt.ui.components import explore as view
from audioprompt.ui.events import View
from audioprompt.ui.tabs.explore.listen import of_what_is_shown
from audioprompt.util.text import counted, one_line

FOUND = 50  # recordings that a search shows
PAIRS = 500  # that are shown of those that sound nearly the same
NOTHING = "Upload recordings first."


def _uploaded(explored: Explored | None) -> Explored:
    if explored is None:
        raise DataError(NOTHING)
    return explored


@of_what_is_shown
def search_collection(
    explored: Explored | None, words: str | None, model_name: str, context: Context = IN_PROCESS
) -> View:
    """Show the recordings in which something is heard most.

    Raises:
        AudiopromptError: nothing is searched for, or there is nothing to search.
    """
    explored = _uploaded(explored)
    if not words or not words.strip():
        return {"rows": view.table(explored), "note": ""}
    model = context.model(model_name)
    found = search_words(explored.folder, model, words, FOUND)
    said = f"The nearest to “{words.strip()}”, by {explored.folder.method}. {view.OF_WORDS}"
    return {"rows": view.table(explored, found, said), "note": markup.remarks(read_labels(model, [words]).notices)}


@of_what_is_shown
def search_by_sound(
    explored: Explored | None, sound: str | None, model_name: str, context: Context = IN_PROCESS
) -> View:
    """Show the recordings that sound like one that was uploaded.

    Raises:
        AudiopromptError: it cannot be used, or there is nothing to search.
    """
    explored = _uploaded(explored)
    if not sound:
        return {}
    found = search_like(explored.folder, context.model(model_name), Path(sound), FOUND)
    return {"rows": view.table(explored, found, _like(explored, Path(sound).name)), "note": ""}


def _like(explored: Explored, name: str) -> str:
    return f"What sounds like {one_line(name)}, by {explored.folder.method}. {view.OF_SOUNDS}"


def find_pairs(explored: Explored | None) -> View:
    """Show which recordings are nearly the same sound.

    Raises:
        DataError: there are none to look at.
    """
    explored = _uploaded(explored)
    return {"rows": view.pairs(explored, *explored.folder.near_pairs(PAIRS)), "note": ""}


def act_on_collection(explored: Explored | None, event: gr.EventData) -> View:
    """Do what was clicked on the table or drawn on the map."""
    if explored is None:
        return {}
    numbers = [number for number in map(int, event.numbers) if 0 <= number < len(explored.names)]
    if event.act == "all":
        return {"rows": view.table(explored)}
    if event.act == "like" and numbers:
        found = explored.folder.like(numbers[0], FOUND)
        return {"rows": view.table(explored, found, _like(explored, explored.names[numbers[0]]))}
    if event.act == "play" and numbers:
        return {"player": view.player(explored, numbers[0])}
    if event.act == "select":
        return {"selected": tuple(numbers), "selection": view.selection(explored, numbers)}
    return {}


def label_selected(
    explored: Explored | None,
    selected: Sequence[int],
    name: str | None,
    collection: Collection,
    context: Context = IN_PROCESS,
) -> View:
    """Put the recordings that are selected into a class of Learn.

    Raises:
        AudiopromptError: nothing is selected, or the name cannot be that of a class.
    """
    if explored is None or not selected:
        raise DataError("Select recordings on the map first: draw around some dots.")
    if not name or not name.strip():
        raise DataError("Type a label for what is selected.")
    name = clean_label(name)
    if unfit := why_unfit(name):  # what is selected stays so, and is not to wait for a name in Learn as well
        raise LabelError(unfit)
    files = [explored.path(number) for number in selected]
    sessions.refuse_too_many(context.request, collection.folder, files)
    kept, problems = collection.keep(files)
    said = list(map(str, problems))
    if kept:
        collection.put(name, kept)
        are = "is" if len(kept) == 1 else "are"
        said.insert(0, f"{counted(len(kept), 'recording')} of {name} {are} in Learn.")
    return {"collection": collection, "note": markup.remarks(said), "label": ""}


def save_table(explored: Explored | None, collection: Collection) -> View:
    """Offer all rows as a table, in the page's folder.

    Raises:
        DataError: there are none.
    """
    explored = _uploaded(explored)
    table = collection.folder / "table" / "recordings.csv"
    write_table(table, explored.rows)
    return {"save": gr.DownloadButton(value=str(table))}
