"""The tabs of the page, in their order. A tab is a file or a folder here that offers ``build``, and its line below.

What a tab shares with others is in the `Page` that its ``build`` is given; it is laid out in the context of its tab.
"""

import gradio as gr

from audioprompt.ui.page import Page, Tab
from audioprompt.ui.tabs import classify, curate, generate, learn, publish


def _build_curate(page: Page, tab: gr.Tab) -> None:
    assert page.outbox
    curate.build(page.blocks, tab, page.model, page.switched, page.pack, page.clips, page.outbox)


def _build_outbox(page: Page) -> None:
    page.outbox = curate.build_outbox()


TABS = (
    Tab("classify", "Classify", classify.build),
    Tab("generate", "Generate", generate.build),
    Tab("curate", "Curate", _build_curate, before=_build_outbox),
    Tab("learn", "Learn (PALM)", learn.build),
    Tab("publish", "Publish", publish.build),
)
TITLES = {tab.id: tab.title for tab in TABS}
