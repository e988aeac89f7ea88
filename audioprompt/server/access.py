"""Access control. Locally everyone may do everything; on a public page, changes that others can see need a curator.

Visitors of a public page classify, listen, generate with a key of their own, measure, learn from their own clips, and
curate a copy of the packs that only they see and that lasts as long as their session. Curators write to the store, use
the owner's key, load further models, open files of this machine and publish. They sign in with Hugging Face on a Space,
and with the password in ``AUDIOPROMPT_PASSWORD`` everywhere else.

Every handler checks here itself, with the `gr.Request` that Gradio passes it: what a page hides can still be called.
"""

import asyncio
import hashlib
import hmac
import logging
import os
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from enum import Enum
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from itsdangerous import BadSignature, TimestampSigner
from starlette.datastructures import Headers

from audioprompt import settings
from audioprompt.errors import AudiopromptError

PASSWORD, CURATORS = settings.PASSWORD.name, settings.CURATORS.name  # in the environment
COOKIE = "audioprompt-curator"
SIGN_IN, SIGN_OUT = "Sign in", "Sign out"  # what the button says
SIGNED_IN_SECONDS = 12 * 3600
WRONG_TRIES = 10  # in WRONG_SECONDS, from one address; from then on its tries are answered one after the other
WRONG_SECONDS = 60.0
SLOW_SECONDS = 0.5  # that each of these takes
TRIES_WAITING = 10  # of one address; more are not looked at
ADDRESSES = 10_000  # whose wrong tries are remembered
FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")  # what a proxy says of itself
NETWORK_BITS = 64  # of an IPv6 address: whoever has one has all others of that network
HELD = "audioprompt.password"  # in a request's scope: whether it came with the password
SINGLE = "audioprompt.single"  # in a request's scope: whether it is of no session
PLACE = "audioprompt.place"  # in a request's scope: how many came to the queue before it
WANTED = "audioprompt.wanted"  # in a request's scope: tells whether its answer is still waited for

ELSEWHERE = "run audioprompt on your own machine"
ELSEWHERE_ON_A_SPACE = "run audioprompt on your own machine, or duplicate this Space"

logger = logging.getLogger(__name__)


class Role(Enum):
    """The two kinds of people on a page."""

    VISITOR = "visitor"
    CURATOR = "curator"


class NotAllowed(gr.Error, AudiopromptError):
    """A visitor may not do this, or not this much of it; the message says what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, print_exception=False)

    def __str__(self) -> str:
        return self.message


# --- the page ---------------------------------------------------------------------------------------------------------

_exposed = False


def serve(host: str, share: bool) -> None:
    """Record where the page will be served; to be called before it is built.

    Args:
        host: the address it listens on.
        share: whether it gets a public link.
    """
    global _exposed
    _exposed = share or not _loopback(host)


def public() -> bool:
    """Tell whether strangers can reach the page: on a Space, at a public address or link, or with a password set."""
    return _exposed or settings.on_a_space() or PASSWORD in os.environ


def how_to_sign_in() -> str:
    """Say, for the terminal, how whoever started a public page becomes a curator."""
    if settings.on_a_space():
        names = ", ".join(sorted(_curators())) or f"nobody, until {CURATORS} holds user names"
        return f"Visitors change nothing here; curators, who sign in with Hugging Face: {names}."
    if os.environ.get(PASSWORD):
        return f"Visitors change nothing here; curators sign in with the password in {PASSWORD}."
    return f"Visitors change nothing here, and nobody can sign in: set {PASSWORD} and start again to be a curator."


# --- people -----------------------------------------------------------------------------------------------------------


def role(request: gr.Request | None) -> Role:
    """Return the role behind a request; None is a script in this process, which acts for whoever started it."""
    if not public():
        curator = request is None or _from_this_machine(request)
    elif request is None or _from_elsewhere(request):
        curator = False
    elif settings.on_a_space():
        curator = (user(request) or "").casefold() in _curators()
    else:
        curator = _holds_token(request) or _holds_password(request)
    return Role.CURATOR if curator else Role.VISITOR


def is_curator(request: gr.Request | None) -> bool:
    """Tell whether a request comes from a curator."""
    return role(request) is Role.CURATOR


def only_curators(request: gr.Request | None, what: str) -> None:
    """Refuse a visitor.

    Args:
        request: theirs.
        what: the action, as it follows "Only curators": "load models from files".

    Raises:
        NotAllowed: a visitor asks.
    """
    if not is_curator(request):
        raise NotAllowed(f"Only curators {what}: sign in, or {elsewhere()}.")


def elsewhere() -> str:
    """Say where a visitor can do what visitors may not do here."""
    return ELSEWHERE_ON_A_SPACE if settings.on_a_space() else ELSEWHERE


def user(request: gr.Request | None) -> str | None:
    """Return the Hugging Face user who is signed in on this Space, curator or not.

    Gradio's session is a signed cookie. Without the Space's own secret the signature would be anybody's.
    """
    if request is None or not settings.on_a_space() or not os.environ.get(settings.OAUTH_SECRET.name):
        return None
    session = getattr(request.request, "scope", {}).get("session") or {}
    info: Mapping[str, Any] = session.get("oauth_info") or {}
    if info.get("expires_at", 0) < time.time():
        return None
    return info.get("userinfo", {}).get("preferred_username")


def _curators() -> set[str]:
    """Return the user names of this Space's curators, in lower case."""
    names = os.environ.get(CURATORS) or os.environ.get(settings.SPACE_AUTHOR.name, "")
    return {name.strip().casefold() for name in names.split(",")} - {""}


# --- requests ---------------------------------------------------------------------------------------------------------


def caller(request: gr.Request | None) -> str:
    """Return whom limits count a request for: the signed-in user, else the address it comes from."""
    if request is None:
        return ""
    name = user(request)
    return f"user {name.casefold()}" if name else address(getattr(request.request, "scope", {}))


def address(scope: Mapping[str, Any]) -> str:
    """Return the address a request comes from, as far as it can be known; for IPv6 its network.

    On a Space that is what the hub's proxy says, last of all proxies. Elsewhere it is who connected: uvicorn has put in
    its place what a proxy on this machine says, and no other is believed.
    """
    found = (scope.get("client") or ("",))[0]
    if settings.on_a_space():
        named = ",".join(Headers(raw=scope.get("headers", [])).getlist("x-forwarded-for"))
        found = next((one.strip() for one in reversed(named.split(",")) if _is_global(one.strip())), found)
    try:
        where = ip_address(found)
    except ValueError:
        return found
    if isinstance(where, IPv6Address):
        return str(where.ipv4_mapped or ip_network((where, NETWORK_BITS), strict=False))
    return str(where)


def _is_global(named: str) -> bool:
    try:
        return ip_address(named).is_global
    except ValueError:
        return False


def share(request: gr.Request | None) -> str:
    """Return who owns what is kept for a request, for quotas of shared memory; curators have none."""
    return "" if is_curator(request) else caller(request) or "nobody"


def _from_this_machine(request: gr.Request) -> bool:
    """Tell whether a request to a local page comes from this machine itself.

    It then comes neither through a proxy, nor from another site's script, nor under a foreign name that somebody let
    point to this machine.
    """
    headers = request.headers
    host = urlsplit("//" + headers.get("host", "")).hostname or ""
    return _loopback(host) and not _from_elsewhere(request) and not any(name in headers for name in FORWARDED)


def _from_elsewhere(request: gr.Request) -> bool:
    return from_elsewhere(request.headers)


def from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Tell whether another site's script made a browser send this; programs other than browsers do not say."""
    if site := headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


# --- the password -----------------------------------------------------------------------------------------------------

_secret = secrets.token_bytes(32)  # of this process: a restart signs everybody out
_signer = TimestampSigner(_secret, salt=COOKIE, digest_method=hashlib.sha256)


class Tries:
    """Wrong passwords by address; they slow down the address they come from, and nobody else."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()  # when the latest came
        self._waiting: dict[str, int] = {}
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, address: str) -> Iterator[float]:
        """Take a turn for an address; yields how many seconds to wait before its password is checked.

        Raises:
            NotAllowed: too many tries of this address are waiting.
        """
        with self._lock:
            place = self._waiting.get(address, 0) + 1
            slow = self._slow(address)
            if slow and place > TRIES_WAITING:
                logger.warning("A sign-in was refused: too many wrong passwords came from %s", address)
                raise NotAllowed("Too many wrong passwords from your address. Wait a minute, then try again.")
            self._waiting[address] = place
        try:
            yield place * SLOW_SECONDS if slow else 0.0
        finally:
            with self._lock:
                self._waiting[address] -= 1
                if not self._waiting[address]:
                    del self._waiting[address]

    def wrong(self, address: str) -> None:
        """Count a wrong password."""
        logger.warning("A wrong password came from %s", address or "this process")
        with self._lock:
            self._wrong.setdefault(address, deque(maxlen=WRONG_TRIES)).append(time.monotonic())
            self._wrong.move_to_end(address)
            while len(self._wrong) > ADDRESSES:
                self._wrong.popitem(last=False)

    def _slow(self, address: str) -> bool:
        tries = self._wrong.get(address, ())
        return sum(time.monotonic() - tried < WRONG_SECONDS for tried in tries) >= WRONG_TRIES


TRIES = Tries()


def sign_in(password: str, request: gr.Request | None = None) -> str:
    """Return a token for whoever knows the password, to be kept in the cookie named ``COOKIE``.

    Raises:
        NotAllowed: the password is wrong, or too many wrong ones came from there.
    """
    where = caller(request)
    with TRIES.turn(where) as seconds:
        time.sleep(seconds)
        right = _is_password(password)
    if not right:
        TRIES.wrong(where)
        raise NotAllowed("Wrong password.")
    logger.info("A curator signed in from %s", where or "this process")
    return _signer.sign(Role.CURATOR.value).decode()


async def note_password(scope: MutableMapping[str, Any]) -> None:
    """Check the password in a request's header once, and record the result in the request's scope."""
    given = _bearer(Headers(scope=scope))
    if given is None or not os.environ.get(PASSWORD):
        return
    where = address(scope)
    scope[HELD] = False
    try:
        with TRIES.turn(where) as seconds:
            if seconds:  # not for none, else all that come at once would be looked at before any was found wrong
                await asyncio.sleep(seconds)
            scope[HELD] = _is_password(given)
    except NotAllowed:
        return
    if not scope[HELD]:
        TRIES.wrong(where)


def _holds_token(request: gr.Request) -> bool:
    try:
        _signer.unsign(str(dict(request.cookies).get(COOKIE, "")), max_age=SIGNED_IN_SECONDS)
    except BadSignature:
        return False
    return True


def _holds_password(request: gr.Request) -> bool:
    """Return what `note_password` recorded; a request that did not come through the server is checked here."""
    noted = getattr(request.request, "scope", {}).get(HELD)
    return _is_password(_bearer(request.headers) or "") if noted is None else noted


def _bearer(headers: Mapping[str, str]) -> str | None:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return given if scheme.casefold() == "bearer" else None


def _is_password(given: str) -> bool:
    """Compare in constant time."""
    expected = os.environ.get(PASSWORD)
    return bool(expected) and hmac.compare_digest(seal(given), seal(expected or ""))


def seal(text: str) -> str:
    """Return a keyed digest of a text that nobody outside this process can compute."""
    return hmac.new(_secret, text.encode(), hashlib.sha256).hexdigest()
