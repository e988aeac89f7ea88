"""What counts as none of a head's classes: a person says it of ten clips around the threshold, which moves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from audioprompt.few_shot.settings import FewShotError
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.collection import Collection
from audioprompt.services.rejection import Review
from audioprompt.ui import markup
from audioprompt.ui.components import label_next as view
from audioprompt.ui.events import Parts, View
from audioprompt.ui.render import script
from audioprompt.ui.tabs.learn.label_next import hear

if TYPE_CHECKING:
    from audioprompt.services.learn import Experiment

PARTS = ("review", "reviewing")
NO_RECORDINGS = (
    "A review plays recordings without labels: give some under Without labels, sounds of these classes and others."
)
START = markup.empty(
    "The head refuses what is unlike its classes. Ten recordings without labels, those it is least sure of, are played "
    "to you: say which are none of these, and it refuses as you do."
)


@dataclass(eq=False)
class Reviewing:
    """What a page is reviewing.

    Attributes:
        review: what was said so far.
        recordings: all that there are.
    """

    review: Review
    recordings: Sequence[Path]


def lay_out() -> Parts:
    """Lay out what plays clips and takes answers."""
    begin = gr.Button("Review ten clips", size="md", elem_id="review-begin")
    review = gr.HTML(
        START,
        elem_id="review",
        js_on_load=script("components/label_next/keys.js"),
        apply_default_css=False,
    )
    return Parts(review_begin=begin, review=review, reviewing=gr.State(None))


def begin_review(
    collection: Collection,
    tried: "Experiment | None",
    method: str | None,
    context: Context = IN_PROCESS,
) -> Iterator[View]:
    """Listen to the recordings without labels, and play the first that tells most.

    Raises:
        AudiopromptError: there is nothing to review; the message says what to change.
    """
    outcome = tried.results.of(method) if tried and method else None
    if tried is None or outcome is None or outcome.head is None:
        raise FewShotError("There is no head to review: learn one first.")
    if not (recordings := collection.now.unlabelled):
        raise FewShotError(NO_RECORDINGS)
    model = context.model(tried.model)
    clips, audio = yield from hear(model, recordings, "review", context)
    yield show(Reviewing(Review.begin(model, outcome.head, audio), clips.paths))


def show(reviewing: Reviewing) -> View:
    """Show the recording that is asked about, or what came of the review."""
    return {"reviewing": reviewing, "review": view.review(reviewing.review, reviewing.recordings)}


def forget() -> View:
    """Show no review: it was of another head."""
    return {"reviewing": None, "review": START}


def act(reviewing: Reviewing | None, event: gr.EventData) -> View:
    """Take an answer; what was pressed for an earlier recording is none."""
    if reviewing is None or event.recording != reviewing.review.next or str(event.key) not in (view.YES[0], view.NO[0]):
        return {}
    reviewing.review.say(event.recording, str(event.key) == view.YES[0])
    return show(reviewing)
