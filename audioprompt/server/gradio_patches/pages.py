"""The page that Gradio serves, with a script of ours before its own, and its own scripts mended."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradio import routes
from jinja2 import ChoiceLoader, DictLoader
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

TEMPLATES = "frontend/index.html", "frontend/share.html"  # Gradio's own, of which the second makes public links
SCRIPTS = Path(routes.STATIC_TEMPLATE_LIB) / "frontend" / "assets"  # Gradio's own


def put_first(script: str) -> None:
    """Put a script first into every page that Gradio serves, from now on."""
    loader = routes.templates.env.loader
    if loader is None or isinstance(loader, ChoiceLoader):  # nothing to put it into, or there already
        return
    head = f"<head><script>{{% raw %}}{script}{{% endraw %}}</script>"
    pages = {name: loader.get_source(routes.templates.env, name)[0] for name in TEMPLATES}
    with_script = {name: source.replace("<head>", head, 1) for name, source in pages.items()}
    routes.templates.env.loader = ChoiceLoader([DictLoader(with_script), loader])


@contextmanager
def laid_out() -> Iterator[None]:
    """Make no app while a page is laid out: Gradio makes three in vain then, before that with which it is launched."""
    create_app = routes.App.create_app
    routes.App.create_app = staticmethod(lambda *args, **kwargs: None)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        routes.App.create_app = create_app  # type: ignore[method-assign]


# Tabs in a tab of Gradio 6.17 write the names of those not yet opened again and again, a thousand times a second, since
# each write counts as a change that is to be followed by a write. Written only where they differ, they come to rest.
ENDLESS = "&&!ae.has(s)&&J(l,e(l)[s]=t[s])"
ENDING = "&&!ae.has(s)&&JSON.stringify(e(l)[s])!==JSON.stringify(t[s])&&J(l,e(l)[s]=t[s])"
# A listener that was busy when its event came is to be called once more when it has answered, with the last such event.
# Gradio remembers that there was one, but not which, and sends the one that was just answered again; and to all its
# listeners, of which some are busy then: two of them wake each other for ever.
FORGOTTEN = 'if(n==="defer"){this.queue.add(t.id);continue}'
REMEMBERED = 'if(n==="defer"){this.queue.add(t.id),(this.late??={})[t.id]=e;continue}'
ALL_AGAIN = "this.queue.has(t.id)&&(this.queue.delete(t.id),this.dispatch(e))"
IT_AGAIN = (
    'this.queue.has(t.id)&&(this.queue.delete(t.id),this.dispatch({...(this.late?.[t.id]??e),type:"fn",fn_index:t.id}))'
)
# The server ends the stream of answers when nothing is under way. What is asked before the page has heard of that finds
# the stream open still, and nobody would ever read its answer: then the page opens another. The end of an older stream
# is none of the newer one, which Gradio would break off, and with it, on the server, all that the page waits for: it
# breaks off the last stream of any kind, that of an upload's progress too.
UNHEARD = 'if(l.msg==="close_stream"){En(r,o.abort_controller);return}'
HEARD = 'if(l.msg==="close_stream"){r.stream===a&&(r.open=!1,t.size&&o.open_stream());return}'
# Nor does it open another where a stream breaks.
BROKEN = "a.onerror=async function(f){console.error(f),"
CLOSED = "r.stream=a,a.onerror=async function(f){r.stream===a&&(r.open=!1),console.error(f),"
# An answer can overtake the answer to its question. Gradio takes it for one still to come, for ever.
AWAITED = "P in He&&(He[P].forEach(Qt=>Pe(Qt)),delete He[P]),Jt[P]=Pe,os.add(P),Ge.open||await this.open_stream()"
ANSWERED = (
    'const Qs=P in He&&He[P].some(Qt=>Qt.msg==="process_completed");P in He&&(He[P].forEach(Qt=>Pe(Qt)),delete He[P]),'
    "Qs||(Jt[P]=Pe,os.add(P),Ge.open||await this.open_stream())"
)
# A microphone that streams records with a script that is fetched when it is shown. Record pressed before that is there
# fails, with the button at Stop; it waits for the script then, and records nothing if Stop was pressed meanwhile.
UNWAITED = "&&Xt().then("
KEPT = "&&(c=Xt()).then("
UNREGISTERED = "return e(await o()),Ze=J,Ze"
REGISTERED = "return await e(await o()),Ze=J,Ze"
TOO_EARLY = 'g=new c(m,{mimeType:"audio/wav"})'
WAITED = 'g=new(await c)(m,{mimeType:"audio/wav"})'
UNASKED = 'i()&&g.state!="recording"&&g.start('
ASKED = 'i()&&l()&&g.state!="recording"&&g.start('
NOT_THERE = "e.onstop_recording?.(),g.stop(),"
IF_THERE = "e.onstop_recording?.(),g?.stop(),"
MENDS = {  # by the names of scripts
    "Walkthrough*.js": {ENDLESS: ENDING},
    "Blocks*.js": {FORGOTTEN: REMEMBERED, ALL_AGAIN: IT_AGAIN},
    "index*.js": {
        UNHEARD: HEARD,
        BROKEN: CLOSED,
        AWAITED: ANSWERED,
        UNWAITED: KEPT,
        UNREGISTERED: REGISTERED,
        TOO_EARLY: WAITED,
        UNASKED: ASKED,
        NOT_THERE: IF_THERE,
    },
}


def mended_assets(folder: Path) -> dict[str, str]:
    """Gradio's scripts that need a mend, by their names, mended; none where a newer Gradio has no such fault."""
    mended = {}
    for name, mends in MENDS.items():
        for path in folder.glob(name):
            script = path.read_text("utf-8")
            for fault, mend in mends.items():
                if fault in script:
                    mended[path.name] = script = script.replace(fault, mend)
    return mended


class Mended:
    """Serves the mended scripts in place of Gradio's own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._scripts = mended_assets(SCRIPTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        folder, _, name = scope.get("path", "").rpartition("/")
        if scope["type"] == "http" and folder.endswith("/assets") and name in self._scripts:
            answer = Response(self._scripts[name], media_type="text/javascript", headers={"Cache-Control": "no-cache"})
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)
