"""What was learned is used in Classify, and saved."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from audioprompt.few_shot.settings import FewShotError
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.collection import Collection
from audioprompt.services.heads import HEADS
from audioprompt.ui.events import View
from audioprompt.util.text import one_line

if TYPE_CHECKING:
    from audioprompt.few_shot.heads import SharedHead
    from audioprompt.services.learn import Experiment

FORGOTTEN = "What was learned is no longer there: learn it again."


def use(tried: "Experiment | None", method: str, licence: str, context: Context = IN_PROCESS) -> View:
    """Keep a head for the Classify tab, and go there.

    Raises:
        FewShotError: there is no such head, or no longer, where the server was started anew.
    """
    if tried is None:
        raise FewShotError(FORGOTTEN)
    head_id = HEADS.keep(_head_of(tried, method, licence, context), owner=context.owner)
    return {"head_in_hand": head_id, "tabs": gr.Tabs(selected="classify")}


def save(
    collection: Collection,
    tried: "Experiment | None",
    method: str | None,
    licence: str,
    context: Context = IN_PROCESS,
) -> View:
    """Pack a head, with its card, into a zip file to download.

    Raises:
        FewShotError: there is no such head.
    """
    if tried is None or method is None:
        return {"saved": None}
    place = Path(tempfile.mkdtemp(dir=collection.folder))
    _head_of(tried, method, licence, context).save_pretrained(place / "head")
    return {"saved": shutil.make_archive(str(place / f"{method}-head"), "zip", place / "head")}


def _head_of(tried: "Experiment", method: str, licence: str, context: Context) -> "SharedHead":
    """Return what a trial learned with one method, and what is known of it: its model, whichever is chosen by now."""
    from audioprompt.services.learn import shared  # with torch and scipy, which a page need not wait for

    return shared(tried.results, method, context.model(tried.model), tried.train.clips.name, one_line(licence))
