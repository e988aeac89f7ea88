"""What the page does in the browser around its tabs: the address, leaving, and what Gradio leaves undone there.

The script has to run before Gradio's own does, so it is put first into the page that Gradio serves.
"""

from collections.abc import Mapping

import gradio as gr

from audioprompt.server import access
from audioprompt.server.gradio_patches import pages
from audioprompt.ui.render import script


def install(titles: Mapping[str, str]) -> None:
    """Put the page's script first into every page that Gradio serves, from now on.

    Args:
        titles: of the tabs, by the name of each in the address.
    """
    settings = {
        "tabs": titles,
        "sign_out": access.SIGN_OUT,
        "cookie": access.COOKIE,
        "signed_in_seconds": access.SIGNED_IN_SECONDS,
    }
    pages.put_first(script("static/page.js", settings=settings))


def tab_asked(request: gr.Request) -> str | None:
    """Return what the address calls the tab."""
    name: str | None = request.query_params.get("tab")
    return name


def labels_asked(request: gr.Request) -> str:
    """Return the labels in the address, as they were written; empty where it tells none."""
    return request.query_params.get("labels", "").strip()
