"""The app: header, tabs, and the start of the server."""

import logging
import signal
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from audioprompt import hosting
from audioprompt.api import endpoints
from audioprompt.server import access, guard, limits, logs, models, sessions, temporary
from audioprompt.server.gradio_patches import pages, queue
from audioprompt.settings import asset_folder
from audioprompt.ui import entrances, frame, header, live, theme
from audioprompt.ui.render import script, style
from audioprompt.ui.tabs import classify, curate, generate, learn, publish
from audioprompt.util import memory
from audioprompt.util.jobs import CHECKING, FITTING, MEASURING
from audioprompt.util.text import print_any_letter

NAME = "audioprompt"

logger = logging.getLogger(__name__)
CACHE_SECONDS = 3600  # how long uploads and microphone chunks stay on disk
CACHE_SECONDS_IN_PUBLIC = 900
PLACES_SECONDS = 2.0  # between two looks at how many are before those who wait
THREADS = 80  # that answer; each microphone that is on takes one
SESSIONS_KEPT = 1000  # of pages and programs, in memory


@pages.laid_out()
def build(
    model: str = "embedded",
    labels: Sequence[str] = (),
    heads: "Future[list[tuple[str, str]]] | None" = None,
    title: str = NAME,
    tabs: Sequence[str] = (),
) -> gr.Blocks:
    """Return the page, with everything wired, not yet launched.

    Args:
        model: which model answers at first.
        labels: stand in Classify at first.
        heads: fitted heads that Classify offers, as `classify.take_in` gives them.
        title: the page's name.
        tabs: those that there are, by id, none for all. Signed-in curators of a public page see all of them.
    """
    kept = CACHE_SECONDS_IN_PUBLIC if access.public() else CACHE_SECONDS
    with gr.Blocks(title=title, analytics_enabled=False, delete_cache=(kept, kept)) as page:
        endpoints.build(page)  # first, so that no handler of the page takes one of its names
        picker, switched = header.build(page, model, title)
        head_in_hand = gr.State("")
        pack_in_hand = gr.BrowserState("", storage_key="audioprompt-pack", secret="audioprompt")
        task_in_hand = gr.BrowserState({}, storage_key="audioprompt-task", secret="audioprompt")
        clips_in_hand = gr.BrowserState({}, storage_key="audioprompt-clips", secret="audioprompt")
        space_in_hand = gr.BrowserState({}, storage_key="audioprompt-space", secret="audioprompt")
        outbox = curate.build_outbox()
        with gr.Tabs(elem_id="tabs") as all_tabs:
            with frame.tab("classify") as classify_tab:
                heard = classify.build(page, classify_tab, picker, switched, head_in_hand, labels, heads)
            with frame.tab("generate", tabs) as generate_tab:
                generate.build(page, all_tabs, picker, pack_in_hand, task_in_hand, clips_in_hand)
            with frame.tab("curate", tabs) as curate_tab:
                curate.build(page, curate_tab, picker, switched, pack_in_hand, clips_in_hand, outbox)
            with frame.tab("learn", tabs) as learn_tab:
                gathered = learn.build(page, all_tabs, picker, head_in_hand)
            with frame.tab("publish", tabs) as publish_tab:
                publish.build(publish_tab, pack_in_hand, head_in_hand, space_in_hand, gathered, *heard)
        hidden = [tab for tab in (generate_tab, curate_tab, learn_tab, publish_tab) if not tab.visible]
        if hidden and access.public():
            page.load(_shown_to_curators(len(hidden)), None, hidden, **frame.INSTANT)
        page.load(_opened(tabs), None, all_tabs, **frame.INSTANT)
        page.load(None, js=script("static/entrances.js", places=entrances.SHOWN), **frame.INSTANT)
        page.unload(closed)
    queue.install()
    # a call that joins no queue would pass by its limits; each change of place told to all who wait would slow them all
    page.queue(status_update_rate=PLACES_SECONDS, api_open=not access.public())
    return page


def closed(request: gr.Request) -> None:
    """End a visit: what was under way stops, and the visitor's copies go unless they soon come back."""
    for jobs in (MEASURING, FITTING, CHECKING):
        jobs.stop_of(sessions.session(request))
    sessions.close(request)


def _sees_all(tabs: Sequence[str], request: gr.Request) -> bool:
    return not tabs or (access.public() and access.is_curator(request))


def _shown_to_curators(hidden: int) -> Callable[[gr.Request], Any]:
    """Return what shows so many tabs, which visitors do not see, to those who are signed in."""

    def show_tabs(request: gr.Request) -> Any:  # Gradio passes no request to a partial
        update = gr.Tab(visible=True) if access.is_curator(request) else gr.skip()
        return [update] * hidden if hidden > 1 else update

    return show_tabs


def _opened(tabs: Sequence[str]) -> Callable[[gr.Request], Any]:
    """Return what opens the tab that the address names, if whoever comes sees it."""

    def open_tab(request: gr.Request) -> Any:
        seen = _sees_all(tabs, request) or frame.tab_asked(request) in tabs
        return frame.asked(request) if seen else gr.skip()

    return open_tab


def launch(
    host: str = "127.0.0.1",
    port: int | None = None,
    model: str = "embedded",
    open_browser: bool = True,
    share: bool = False,
    labels: Sequence[str] = (),
    heads: Sequence[Path] = (),
    title: str = NAME,
    open_models: Sequence[str] = (),
    tabs: Sequence[str] = (),
) -> None:
    """Serve the page until interrupted.

    Args:
        host: the address to listen on; "0.0.0.0" for all.
        port: None for the first free one from 7860 on.
        model: which model answers; it loads while the page is being opened.
        open_browser: whether to open the page in the browser.
        share: whether to make a public link through Gradio's own service.
        labels: stand in Classify at first, in place of the first example's.
        heads: folders of fitted heads, as `SharedHead.save_pretrained` makes them, that Classify offers.
        title: the page's name.
        open_models: which models visitors of a public page may use besides ``model``; they load when first used.
        tabs: those that there are, as for `build`; on a public page, none for those that visitors can use.
    """
    print_any_letter()
    memory.keep_in_few_places()
    access.serve(host, share)
    tabs = tabs or (hosting.TABS if access.public() else ())
    logs.begin(access.public())
    models.open_models([model, *open_models])
    between = [Middleware(guard.Guarded), Middleware(limits.Bounded, public=access.public()), Middleware(pages.Mended)]
    temporary.install()
    temporary.sweep_for_ever()
    frame.install()
    page = build(model, labels, models.in_background(classify.take_in, heads, model) if heads else None, title, tabs)
    warnings.filterwarnings("ignore", message=".*HTTP_422_UNPROCESSABLE")  # Gradio's own
    app, address, public_address = page.launch(
        server_name=host,
        server_port=port,
        inbrowser=open_browser,
        share=share,
        theme=theme.THEME,
        css=style(),
        footer_links=["api"],
        mcp_server=True,
        max_file_size=limits.MAX_FILE_BYTES,
        enable_monitoring=False,
        show_error=not access.public(),
        quiet=True,
        prevent_thread_lock=True,
        allowed_paths=[str(asset_folder("examples"))],  # else served only where the page is started beside them
        state_session_capacity=SESSIONS_KEPT,
        max_threads=THREADS,
        app_kwargs={"middleware": between},
    )
    app.add_api_route(live.LATE_CHUNKS, live.pass_over, methods=["POST"], include_in_schema=False)
    models.load_in_background(model)  # once the page is served: its import would slow down the start
    memory.keep_for_good()
    logger.info("The page is served %s, with %s", "in public" if access.public() else "at home", model)
    print(f"{title} is at {public_address or address} (stop with Ctrl+C)", flush=True)
    if access.public():
        print(access.how_to_sign_in(), flush=True)
    with suppress(ValueError):  # where this is not the main thread
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped as a service, it tidies up all the same
    page.block_thread()
