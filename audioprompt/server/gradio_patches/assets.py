"""The scripts, styles and fonts of Gradio's page, some of them mended, and how they reach the browser.

A page is made of some 150 of them. Gradio opens each anew for every page, in another thread, packs most of them anew,
and lets no browser keep one without asking again. Here each is read once and packed once, and browsers keep it.
"""

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gradio import routes
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

ASSETS = Path(routes.STATIC_TEMPLATE_LIB) / "frontend" / "assets"  # Gradio's own
FOR_A_DAY = "public, max-age=86400"  # browsers keep it: its name tells what is in it
ASK_AGAIN = "no-cache"  # each time, whether what they keep is still the same
PACKED_TYPES = ("text/", "application/javascript", "image/svg+xml")
PACKED_ANSWERS = re.compile(r"/(config|info|run/predict)$|^/$")  # the page itself, what is in it, and what changes
MIN_PACKED_BYTES = 500
LEVEL = 6  # of gzip

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
# Svelte gathers what changes at once in a batch, to show it a moment later if that batch is still the current one.
# While parts of the page are being fetched, another takes its place: what was in it is never shown, and what comes
# later is worked out as if it had not come. Now a batch is shown before another takes its place, ...
DISPLACED = "activate(){T=this,this.apply()}"
SHOWN_FIRST = "activate(){T!==null&&T!==this&&T.flush(),T=this,this.apply()}"
# ... who ends a batch ends their own, ...
ANY_ENDED = "yt(),T?.deactivate()"
OWN_ENDED = "yt(),r.deactivate()"
# ... and takes its place before they say what is to be shown with it.
SAID_BEFORE = "{n.update_pending_count(-1),r.decrement(s)}"
SAID_IN_PLACE = "{r.activate(),n.update_pending_count(-1),r.decrement(s)}"
# How an answer is going is told to each part of the page each time, and each was sought by its number through all of
# them, hundreds. Now the way to it is kept, which leads there until the page is laid out anew; then it is sought again.
SOUGHT = (
    "_(t,s){if(t.id===s)return t;if(t.children)for(const i of t.children){const e=_(i,s);if(e)return e}return null}"
)
FOUND = (
    "_(t,s){let i=t;for(const e of(_.ways??=new Map).get(s)??[])i=i?.children?.[e];if(i?.id===s)return i;"
    "const e=[],r=n=>n.id===s?n:n.children?.reduce((o,p,q)=>o||(e.push(q),(o=r(p))||e.pop(),o),null)??null;"
    "return i=r(t),_.ways.set(s,e),i}"
)
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
        DISPLACED: SHOWN_FIRST,
        ANY_ENDED: OWN_ENDED,
        SAID_BEFORE: SAID_IN_PLACE,
        SOUGHT: FOUND,
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


@dataclass(frozen=True)
class Asset:
    """A script, a style or a font.

    Attributes:
        body: its bytes.
        kind: its media type.
        mended: whether it is another than Gradio's of that name.
    """

    body: bytes
    kind: str
    mended: bool

    @cached_property
    def tag(self) -> str:
        """What tells it from another of its name."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'

    @cached_property
    def packed(self) -> bytes | None:
        """Its bytes as they travel far; None where packing would not make them fewer."""
        packs = self.kind.startswith(PACKED_TYPES) and len(self.body) >= MIN_PACKED_BYTES
        return gzip.compress(self.body, LEVEL) if packs else None

    def answer(self, asked: Headers, far: bool) -> Response:
        """Answer who asks for it.

        Args:
            asked: the headers of the request.
            far: whether it is worth packing.
        """
        told = {"cache-control": ASK_AGAIN if self.mended else FOR_A_DAY, "etag": self.tag, "vary": "Accept-Encoding"}
        if asked.get("if-none-match") == self.tag:
            return Response(status_code=304, headers=told)
        packed = self.packed if far and "gzip" in asked.get("accept-encoding", "") else None
        # said also where it is not packed: Gradio packs everything else
        told["content-encoding"] = "gzip" if packed else "identity"
        return Response(packed or self.body, headers=told, media_type=self.kind)


class Assets:
    """Serves Gradio's scripts, styles and fonts, mended; and packs the page itself and its changes.

    Args:
        app: answers everything else.
        far: whether those who ask may be far away, so that packing gains more time than it takes.
    """

    def __init__(self, app: ASGIApp, far: bool) -> None:
        self.app, self.far = app, far
        self.packing = GZipMiddleware(app, MIN_PACKED_BYTES, LEVEL) if far else app
        self._mended = mended_assets(ASSETS)
        self._names = {path.name for path in ASSETS.iterdir()}
        self._read: dict[str, Asset] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        folder, _, name = scope.get("path", "").rpartition("/")
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif folder.endswith("/assets") and name in self._names and scope["method"] == "GET":
            if name not in self._read:  # in a thread: for the largest script it takes a fifth of a second
                self._read[name] = await run_in_threadpool(self._prepare, name)
            await self._read[name].answer(Headers(scope=scope), self.far)(scope, receive, send)
        elif PACKED_ANSWERS.search(scope["path"].removeprefix(scope.get("root_path", ""))):  # a proxy may keep it there
            await self.packing(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _prepare(self, name: str) -> Asset:
        """Read one of them, and pack it where it is packed."""
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        mended = self._mended.get(name)
        body = (ASSETS / name).read_bytes() if mended is None else mended.encode()
        asset = Asset(body, kind, mended is not None)
        asset.tag, self.far and asset.packed  # noqa: B018, they stay
        return asset
