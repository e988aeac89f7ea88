"""What the page does in the browser around its tabs: the address, leaving, and what Gradio leaves undone there.

The script has to run before Gradio's own does, so it is put first into the page that Gradio serves.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import routes
from jinja2 import ChoiceLoader, DictLoader
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from audioprompt.server import access
from audioprompt.ui.render import script

TABS = {
    "classify": "Classify",
    "generate": "Generate",
    "curate": "Curate",
    "learn": "Learn (PALM)",
    "publish": "Publish",
}  # the name of each tab in the address, and in the page
INSTANT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
TEMPLATES = "frontend/index.html", "frontend/share.html"  # Gradio's own, of which the second makes public links


def install() -> None:
    """Put the script first into every page that Gradio serves, from now on."""
    loader = routes.templates.env.loader
    if loader is None or isinstance(loader, ChoiceLoader):  # nothing to put it into, or there already
        return
    settings = {
        "tabs": TABS,
        "sign_out": access.SIGN_OUT,
        "cookie": access.COOKIE,
        "signed_in_seconds": access.SIGNED_IN_SECONDS,
    }
    head = f"<head><script>{{% raw %}}{script('static/page.js', settings=settings)}{{% endraw %}}</script>"
    pages = {name: loader.get_source(routes.templates.env, name)[0] for name in TEMPLATES}
    with_script = {name: source.replace("<head>", head, 1) for name, source in pages.items()}
    routes.templates.env.loader = ChoiceLoader([DictLoader(with_script), loader])


# Tabs in a tab of Gradio 6.17 write the names of those not yet opened again and again, a thousand times a second, since
# each write counts as a change that is to be followed by a write. Written only where they differ, they come to rest.
ENDLESS = "&&!ae.has(s)&&J(l,e(l)[s]=t[s])"
ENDING = "&&!ae.has(s)&&JSON.stringify(e(l)[s])!==JSON.stringify(t[s])&&J(l,e(l)[s]=t[s])"
# A listener that was busy when its event came is to be called once more when it has answered. Gradio sends the whole
# event again instead, to all its listeners, of which some are busy then: two of them wake each other for ever.
ALL_AGAIN = "this.queue.has(t.id)&&(this.queue.delete(t.id),this.dispatch(e))"
IT_AGAIN = (
    "this.queue.has(t.id)&&(this.queue.delete(t.id),"
    'this.dispatch({type:"fn",fn_index:t.id,event_data:e.event_data,target_id:e.target_id}))'
)
MENDS = {"Walkthrough*.js": (ENDLESS, ENDING), "Blocks*.js": (ALL_AGAIN, IT_AGAIN)}  # by the names of scripts


def mended_assets(folder: Path) -> dict[str, str]:
    """Gradio's scripts that need a mend, by their names, mended; none where a newer Gradio has no such fault."""
    return {
        path.name: script.replace(fault, mend)
        for name, (fault, mend) in MENDS.items()
        for path in folder.glob(name)
        if fault in (script := path.read_text("utf-8"))
    }


class Mended:
    """Serves the mended scripts in place of Gradio's own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._scripts = mended_assets(Path(routes.STATIC_TEMPLATE_LIB) / "frontend" / "assets")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        folder, _, name = scope.get("path", "").rpartition("/")
        if scope["type"] == "http" and folder.endswith("/assets") and name in self._scripts:
            answer = Response(self._scripts[name], media_type="text/javascript", headers={"Cache-Control": "no-cache"})
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def asked(request: gr.Request) -> Any:
    """The tab that the address names, opened."""
    name = tab_asked(request)
    return gr.Tabs(selected=name) if name in TABS else gr.skip()


def tab_asked(request: gr.Request) -> str | None:
    """What the address calls the tab."""
    name: str | None = request.query_params.get("tab")
    return name


def labels_asked(request: gr.Request) -> str:
    """The labels in the address, as they were written; empty where it tells none."""
    return request.query_params.get("labels", "").strip()


def tab(name: str, shown: Collection[str] = ()) -> gr.Tab:
    """One of the page's tabs, which is in the address while it is open; not seen where others alone are shown."""
    opened = gr.Tab(TABS[name], id=name, visible=not shown or name in shown)
    opened.select(None, js=f"() => audioprompt.arrive('{name}')", **INSTANT)
    return opened
