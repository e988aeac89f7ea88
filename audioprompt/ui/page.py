"""What the tabs of a page share, and what each tab is."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from audioprompt.data import DEMONSTRATION
from audioprompt.data.sources import list_examples
from audioprompt.server import sessions
from audioprompt.services.collection import Collection


@dataclass(frozen=True)
class Opening:
    """What a page opens with.

    Attributes:
        labels: stand in Classify at first; by default an example's.
        heads: ids of the fitted heads that Classify offers, once they are loaded; None for no such heads.
    """

    labels: Sequence[str] = ()
    heads: "Future[list[str]] | None" = None


EMPTY = Opening()


def remembered(value: Any, key: str) -> gr.BrowserState:
    """Return what this browser remembers from one visit to the next."""
    return gr.BrowserState(value, storage_key=f"audioprompt-{key}", secret="audioprompt")


@dataclass
class Page:
    """A page as its tabs see it: what one of them holds, and others read or change.

    Attributes:
        blocks: the page itself.
        tabs: all tabs, to go from one to another.
        model: holds the name of the model that answers.
        switched: events after which another model answers.
        opening: what it opens with.
        head: holds the id of the fitted head in use.
        collection: holds the clips that were gathered in Learn.
        pack: holds the id of the pack that is being curated.
        task: holds the task and the generator that this browser used last.
        clips: holds the data sets that packs were measured on, by pack.
        space: holds what this browser chose last for a Space.
        outbox: holds decisions that are not saved yet, whichever tab is open.
        sound: holds the clip in Classify, which lays it out.
        labels: holds the labels there.
        data: says where the clips are that Curate measures on; Curate lays it out.
        leads: buttons that lead to another tab, by its id.
    """

    blocks: gr.Blocks
    tabs: gr.Tabs
    model: gr.Dropdown
    switched: list[Any]
    opening: Opening = field(default_factory=Opening)
    head: gr.State = field(default_factory=lambda: gr.State(""))
    collection: gr.State = field(
        default_factory=lambda: gr.State(Collection(sessions.temporary), delete_callback=Collection.forget)
    )
    pack: gr.BrowserState = field(default_factory=lambda: remembered("", "pack"))
    task: gr.BrowserState = field(default_factory=lambda: remembered({}, "task"))
    clips: gr.BrowserState = field(default_factory=lambda: remembered({}, "clips"))
    space: gr.BrowserState = field(default_factory=lambda: remembered({}, "space"))
    outbox: gr.HTML | None = None
    sound: gr.Audio | None = None
    labels: gr.Textbox | None = None
    data: gr.Textbox = field(
        default_factory=lambda: gr.Textbox(
            DEMONSTRATION,
            label="Where they are",
            placeholder=list_examples(),
            elem_id="curate-data",
            render=False,
        )
    )
    leads: dict[str, gr.Button] = field(default_factory=dict)


@dataclass(frozen=True)
class Tab:
    """A tab of the page.

    Attributes:
        id: its name in the address.
        title: its name on the page.
        build: lays it out, in the context of its tab, and wires it.
        before: lays out what it needs outside of all tabs; None for nothing.
    """

    id: str
    title: str
    build: Callable[[Page, gr.Tab], None]
    before: Callable[[Page], None] | None = None
