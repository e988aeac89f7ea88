"""The app: header, tabs, and the start of the server."""

import logging
import signal
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import sleep

import gradio as gr
from fastapi import FastAPI
from starlette.middleware import Middleware

from audioprompt import hosting
from audioprompt.api import endpoints
from audioprompt.server import access, cores, guard, limits, logs, models, sessions, temporary
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.server.gradio_patches import assets, calls, pages, queue
from audioprompt.services.heads import load_heads
from audioprompt.settings import asset_folder
from audioprompt.ui import entrances, frame, header, live, theme
from audioprompt.ui.events import INSTANT, Parts, View
from audioprompt.ui.page import EMPTY, Opening, Page
from audioprompt.ui.render import script, style
from audioprompt.ui.tabs import TABS, TITLES
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
STOPS = signal.SIGINT, signal.SIGTERM  # Ctrl+C, and what stops a service


@pages.laid_out()
def build(model: str = "embedded", opening: Opening = EMPTY, title: str = NAME, tabs: Sequence[str] = ()) -> gr.Blocks:
    """Return the page, with everything wired, not yet launched.

    Args:
        model: which model answers at first.
        opening: what stands in Classify at first.
        title: the page's name.
        tabs: those that there are, by id, none for all. Signed-in curators of a public page see all of them.
    """
    kept = CACHE_SECONDS_IN_PUBLIC if access.public() else CACHE_SECONDS
    with gr.Blocks(title=title, analytics_enabled=False, delete_cache=(kept, kept)) as blocks:
        endpoints.build(blocks)  # first, so that no handler of the page takes one of its names
        picker, switched = header.build(blocks, model, title)
        page = Page(blocks, gr.Tabs(elem_id="tabs", render=False), picker, switched, opening)
        hidden = _lay_out(page, tabs)
        if hidden and access.public():
            shown = partial(_show_to_curators, list(hidden.components))
            blocks.load(**hidden.told_by(shown), **INSTANT)
        blocks.load(**Parts(tabs=page.tabs).told_by(partial(_open_tab, tabs)), **INSTANT)
        given = {"places": entrances.SHOWN, "most": entrances.MOST, "between": entrances.BETWEEN}
        blocks.load(None, js=script("static/entrances.js", **given), **INSTANT)
        blocks.unload(closed)
    queue.install()
    calls.draw_without_matplotlib()
    calls.say_what_cannot_be_read()
    calls.take_what_is_gone()
    # a call that joins no queue would pass by its limits; each change of place told to all who wait would slow them all
    blocks.queue(status_update_rate=PLACES_SECONDS, api_open=not access.public())
    return blocks


def _lay_out(page: Page, shown: Sequence[str]) -> Parts:
    """Lay out the tabs, and return those that are not shown."""
    for one in TABS:
        if one.before:
            one.before(page)
    hidden = {}
    page.tabs.render()
    with page.tabs:
        for one in TABS:
            with gr.Tab(one.title, id=one.id, visible=not shown or one.id in shown) as tab:
                tab.select(None, js=f"() => audioprompt.arrive('{one.id}')", **INSTANT)
                one.build(page, tab)
            if not tab.visible:
                hidden[one.id] = tab
                if lead := page.leads.get(one.id):
                    lead.visible = False
    return Parts(**hidden)


def closed(request: gr.Request) -> None:
    """End a visit: what was under way stops, and the visitor's copies go unless they soon come back."""
    for jobs in (MEASURING, FITTING, CHECKING):
        jobs.stop_of(sessions.session(request))
    sessions.close(request)


def _show_to_curators(hidden: Sequence[str], context: Context = IN_PROCESS) -> View:
    """Show tabs that visitors do not see to those who are signed in."""
    return {tab: gr.Tab(visible=True) for tab in hidden} if context.is_curator else {}


def _open_tab(shown: Sequence[str], context: Context = IN_PROCESS) -> View:
    """Open the tab that the address names, if whoever comes sees it."""
    name = frame.tab_asked(context.request) if context.request else None
    sees_all = not shown or (access.public() and context.is_curator)
    return {"tabs": gr.Tabs(selected=name)} if name in TITLES and (sees_all or name in shown) else {}


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
        model: which model answers; it loads once a page is open, or soon after the start.
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
    cores.one_for_matrices()
    access.serve(host, share)
    tabs = tabs or (hosting.TABS if access.public() else ())
    logs.begin(access.public())
    models.open_models([model, *open_models])
    temporary.install()
    temporary.sweep_for_ever()
    frame.install(TITLES)
    taken = models.in_background(lambda: load_heads(heads, models.shared_model(model))) if heads else None
    with memory.kept_for_good():
        page = build(model, Opening(labels, taken), title, tabs)
        app, address = _serve(page, host, port, open_browser, share)
    app.add_api_route(live.LATE_CHUNKS, live.pass_over, methods=["POST"], include_in_schema=False)
    models.load_in_background(model)
    logger.info("The page is served %s, with %s", "in public" if access.public() else "at home", model)
    print(f"{title} is at {address} (stop with Ctrl+C)", flush=True)
    if access.public():
        print(access.how_to_sign_in(), flush=True)
    before = {}
    with suppress(ValueError):  # where this is not the main thread
        before = {sign: signal.signal(sign, _stop) for sign in STOPS}
    with suppress(KeyboardInterrupt):  # Gradio's own waiting ends with five seconds of waiting for open pages
        while page.is_running:
            sleep(1)
    page.close(verbose=False)
    for sign, heeded in before.items():
        signal.signal(sign, heeded)


def _stop(*_: object) -> None:
    """End the waiting; whoever asks again, while it tidies up, has been heard."""
    for sign in STOPS:
        signal.signal(sign, signal.SIG_IGN)
    raise KeyboardInterrupt


def _serve(page: gr.Blocks, host: str, port: int | None, open_browser: bool, share: bool) -> tuple[FastAPI, str]:
    """Begin to serve a page: the app that does, and its address."""
    warnings.filterwarnings("ignore", message=".*HTTP_422_UNPROCESSABLE")  # Gradio's own
    between = [
        Middleware(guard.Guarded),
        Middleware(limits.Bounded, public=access.public()),
        Middleware(assets.Assets, far=access.public()),
    ]
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
        app_kwargs={"middleware": between, "exception_handlers": {TypeError: calls.refuse_names}},
    )
    return app, public_address or address
