"""The live microphone: each chunk is heard in its turn."""

from typing import Any
from weakref import ref

from numpy.typing import NDArray

from audioprompt.audio.decode import read
from audioprompt.audio.recording import NoSound
from audioprompt.core.labels import parse_labels
from audioprompt.few_shot.settings import FewShotError
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.server.turns import Turns
from audioprompt.services.heads import fitting_head
from audioprompt.services.live import Hearing
from audioprompt.ui import live
from audioprompt.ui.events import View

LONGEST_CHUNK = 30.0  # seconds of a microphone's stream at once: it sends half a second
LISTENERS = 8  # microphones heard at once
LINE = 24  # microphones that may be on at once, those that wait for their turn included
TURN_SECONDS = 60.0  # that a visitor is heard while others wait

TURNS = Turns(LISTENERS, TURN_SECONDS)


def show_live(
    hearing: Hearing,
    chunk: str | tuple[int, NDArray[Any]] | None,
    labels: str,
    pack_id: str,
    model_name: str,
    head_id: str = "",
    context: Context = IN_PROCESS,
) -> View:
    """Hear one more chunk of a microphone's stream, and show what is heard now, as HTML.

    Args:
        hearing: What was heard before, which Gradio keeps for each session.
        chunk: A file, or sample rate and samples; chunks of half a second are about right.
        labels: 2 to 200 labels to choose between, separated by commas, semicolons or line breaks.
        pack_id: The prompt pack whose approved templates form the ensemble, an id that /packs lists.
        model_name: The model that hears, a name that /models lists.
        head_id: Of a fitted head that answers as well.
        context: Of whoever speaks.

    Raises:
        AudiopromptError: the chunk or the labels cannot be used.
    """
    if chunk is None:
        return {}
    if place := _place(context):
        return {"live": live.in_line(place, LISTENERS, TURN_SECONDS)}
    if (source := _recording(context)) != hearing.source:  # Record was pressed again
        hearing = Hearing(source=source)
    try:
        new = read(chunk, name="The microphone", max_seconds=LONGEST_CHUNK)
    except NoSound:
        return {"hearing": hearing}
    model, chosen = context.model(model_name), parse_labels(labels).labels
    head, unfit = None, None
    try:
        head = fitting_head(head_id, model, chosen)
    except FewShotError as error:
        unfit = str(error)
    pack, samples = context.store.get(pack_id), (new.sample_rate, new.samples)
    try:
        heard, view = live.listen(model, hearing, samples, live.Asked(chosen, pack, head, unfit))
    except NoSound:
        return {"hearing": hearing}
    return {"hearing": heard} if view is None else {"hearing": heard, "live": view}


def _place(context: Context) -> int:
    """Return a visitor's place in the line of microphones; 0 once it is their turn, and for curators."""
    if context.request is None or context.is_curator:
        return 0
    return TURNS.place(context.page or context.caller, context.caller)


def _recording(context: Context) -> object:
    """Return what is the same for all chunks of one recording: Gradio keeps the request with which its stream began."""
    return ref(context.request.request) if context.request and context.request.request else None
