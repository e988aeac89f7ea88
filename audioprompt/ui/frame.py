"""What the page does in the browser around its tabs: the address, leaving, and what Gradio leaves undone there.

The script has to run before Gradio's own does, so it is put first into the page that Gradio serves.
"""

from collections.abc import Collection
from typing import Any

import gradio as gr

from audioprompt.server import access
from audioprompt.server.gradio_patches import pages
from audioprompt.ui.render import script

TABS = {
    "classify": "Classify",
    "generate": "Generate",
    "curate": "Curate",
    "learn": "Learn (PALM)",
    "publish": "Publish",
}  # the name of each tab in the address, and in the page
INSTANT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def install() -> None:
    """Put the page's script first into every page that Gradio serves, from now on."""
    settings = {
        "tabs": TABS,
        "sign_out": access.SIGN_OUT,
        "cookie": access.COOKIE,
        "signed_in_seconds": access.SIGNED_IN_SECONDS,
    }
    pages.put_first(script("static/page.js", settings=settings))


def asked(request: gr.Request) -> Any:
    """Return the tab that the address names, opened."""
    name = tab_asked(request)
    return gr.Tabs(selected=name) if name in TABS else gr.skip()


def tab_asked(request: gr.Request) -> str | None:
    """Return what the address calls the tab."""
    name: str | None = request.query_params.get("tab")
    return name


def labels_asked(request: gr.Request) -> str:
    """Return the labels in the address, as they were written; empty where it tells none."""
    return request.query_params.get("labels", "").strip()


def tab(name: str, shown: Collection[str] = ()) -> gr.Tab:
    """One of the page's tabs, which is in the address while it is open; not seen where others alone are shown."""
    opened = gr.Tab(TABS[name], id=name, visible=not shown or name in shown)
    opened.select(None, js=f"() => audioprompt.arrive('{name}')", **INSTANT)
    return opened
