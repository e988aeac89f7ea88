"""The tabs of the page, in their order. A tab is a file or a folder here that offers ``build``, and its line below.

What a tab shares with others is in the `Page` that its ``build`` is given; it is laid out in the context of its tab.
"""

from audioprompt.ui.page import Tab
from audioprompt.ui.tabs import classify, curate, explore, generate, learn, publish

TABS = (
    Tab("classify", "Classify", classify.build),
    Tab("explore", "Explore", explore.build),
    Tab("generate", "Generate", generate.build),
    Tab("curate", "Curate", curate.build, before=curate.lay_out_outbox),
    Tab("learn", "Learn (PALM)", learn.build),
    Tab("publish", "Publish", publish.build),
)
TITLES = {tab.id: tab.title for tab in TABS}
