"""Who may do what: at home everybody everything, on a public page only signed-in curators what others would notice.

Visitors of a public page classify, listen, generate with a key of their own, measure, learn from their own clips, and
curate a copy of the packs that only they see and that goes with their session. Curators write to the store, use the
owner's key, load further models, name files of this machine and publish. They sign in with Hugging Face on a Space, and
with the password in ``AUDIOPROMPT_PASSWORD`` everywhere else.

Every handler asks here itself, with the `gr.Request` that Gradio hands it: what a page hides can still be called.
"""

import asyncio
import hashlib
import hmac
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import partial
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import urlsplit

import gradio as gr
import soundfile
from gradio.context import LocalContext
from starlette.datastructures import Headers

from audioprompt.data import DEMONSTRATION, DataError, LabelledClips, open_clips
from audioprompt.prompts.pack import PackError, PromptPack
from audioprompt.prompts.store import TRASH, PromptStore
from audioprompt.ui import limits
from audioprompt.ui.temporary import folder as temporary
from audioprompt.util.fair import to_make_room

PASSWORD, CURATORS = "AUDIOPROMPT_PASSWORD", "AUDIOPROMPT_CURATORS"  # names in the environment
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

IDLE_SECONDS = 3600.0  # until the copy of a visitor who does nothing is removed
CLOSED_SECONDS = 300.0  # until that of a closed page is: a page whose connection broke comes back
SWEEP_SECONDS = 60.0
SESSIONS, SESSIONS_OF_ONE = 1000, 30  # visitors' copies at once, and those of one address
PACKS = 20  # that a visitor may change or make
FILES, BYTES = 1000, 1_000_000_000  # of a visitor's own clips
JOB_SECONDS = 300.0  # that a visitor's work in the background may take
EPOCHS, SEEDS, METHODS, SHOTS = 100, 3, 4, 16  # of a visitor's trial
CLIP_SECONDS, SET_SECONDS = 600.0, 7200.0  # of a visitor's clip and of all of them
ELSEWHERE = "run audioprompt on your own machine"
ELSEWHERE_ON_A_SPACE = "run audioprompt on your own machine, or duplicate this Space"


class Role(Enum):
    """What somebody is on this page."""

    VISITOR = "visitor"
    CURATOR = "curator"


class NotAllowed(gr.Error):
    """Something is not for visitors, or too much of it; one sentence says what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, print_exception=False)

    def __str__(self) -> str:
        return self.message


# --- the page ---------------------------------------------------------------------------------------------------------

_exposed = False


def serve(host: str, share: bool) -> None:
    """Note where the page will be served, before it is built.

    Args:
        host: the address it listens on.
        share: whether it gets a public link.
    """
    global _exposed
    _exposed = share or not _loopback(host)


def public() -> bool:
    """Whether strangers may come: a Space, a public address or link, or a password that was set to keep them out."""
    return _exposed or on_a_space() or PASSWORD in os.environ


def on_a_space() -> bool:
    """Whether this is a Hugging Face Space."""
    return "SPACE_ID" in os.environ


def how_to_sign_in() -> str:
    """For the terminal: how whoever started a public page becomes a curator, as a sentence."""
    if on_a_space():
        names = ", ".join(sorted(_curators())) or f"nobody, until {CURATORS} holds user names"
        return f"Visitors change nothing here; curators, who sign in with Hugging Face: {names}."
    if os.environ.get(PASSWORD):
        return f"Visitors change nothing here; curators sign in with the password in {PASSWORD}."
    return f"Visitors change nothing here, and nobody can sign in: set {PASSWORD} and start again to be a curator."


# --- people -----------------------------------------------------------------------------------------------------------


def role(request: gr.Request | None) -> Role:
    """What somebody is; without a request it is a script in this process, which asks as whoever started it."""
    if not public():
        curator = request is None or _from_this_machine(request)
    elif request is None or _from_elsewhere(request):
        curator = False
    elif on_a_space():
        curator = (user(request) or "").casefold() in _curators()
    else:
        curator = _holds_token(request) or _holds_password(request)
    return Role.CURATOR if curator else Role.VISITOR


def is_curator(request: gr.Request | None) -> bool:
    return role(request) is Role.CURATOR


def current_request() -> gr.Request | None:
    """The request of the event that is being answered, in the work it started as well; None outside of events."""
    return LocalContext.request.get(None)


def only_curators(request: gr.Request | None, what: str) -> None:
    """Go on only for curators.

    Args:
        request: theirs.
        what: is to be done, as it would follow "only curators": "load models from files".

    Raises:
        NotAllowed: a visitor asks.
    """
    if not is_curator(request):
        raise NotAllowed(f"Only curators {what}: sign in, or {elsewhere()}.")


def elsewhere() -> str:
    """Where a visitor may do what is not for visitors here."""
    return ELSEWHERE_ON_A_SPACE if on_a_space() else ELSEWHERE


def user(request: gr.Request | None) -> str | None:
    """The Hugging Face user signed in on this Space, curator or not.

    Gradio's session is a signed cookie. Without the Space's own secret the signature would be anybody's.
    """
    if request is None or not on_a_space() or not os.environ.get("OAUTH_CLIENT_SECRET"):
        return None
    session = getattr(request.request, "scope", {}).get("session") or {}
    info: Mapping[str, Any] = session.get("oauth_info") or {}
    if info.get("expires_at", 0) < time.time():
        return None
    return info.get("userinfo", {}).get("preferred_username")


def _curators() -> set[str]:
    """The user names of this Space's curators, in small letters."""
    names = os.environ.get(CURATORS) or os.environ.get("SPACE_AUTHOR_NAME", "")
    return {name.strip().casefold() for name in names.split(",")} - {""}


# --- requests ---------------------------------------------------------------------------------------------------------


def caller(request: gr.Request | None) -> str:
    """Whom a limit counts: the user signed in, else the address that a request comes from."""
    if request is None:
        return ""
    name = user(request)
    return f"user {name.casefold()}" if name else address(getattr(request.request, "scope", {}))


def address(scope: Mapping[str, Any]) -> str:
    """Where a request comes from, as far as it can be told; of IPv6 the network.

    On a Space that is what the hub's proxy says, last of all proxies. Elsewhere it is who connected: uvicorn has put in
    its place what a proxy on this machine says, and no other is believed.
    """
    found = (scope.get("client") or ("",))[0]
    if on_a_space():
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
    """Whose share of what is kept for all something counts in; curators' counts in none."""
    return "" if is_curator(request) else caller(request) or "nobody"


def _from_this_machine(request: gr.Request) -> bool:
    """Whether a request to a page at home comes from home: not through a proxy, not from another site's script, and
    not under a foreign name that somebody had point to this machine."""
    headers = request.headers
    host = urlsplit("//" + headers.get("host", "")).hostname or ""
    return _loopback(host) and not _from_elsewhere(request) and not any(name in headers for name in FORWARDED)


def _from_elsewhere(request: gr.Request) -> bool:
    return from_elsewhere(request.headers)


def from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether it was another site's script that had a browser ask; what is no browser says nothing of that."""
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


class Tries:
    """Wrong passwords by address. They slow down the address that they come from, and nobody else."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()  # when the latest came
        self._waiting: dict[str, int] = {}
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, address: str) -> Iterator[float]:
        """A try from an address: for how many seconds it has to wait before its password is looked at.

        Raises:
            NotAllowed: too many wait from this address.
        """
        with self._lock:
            place = self._waiting.get(address, 0) + 1
            slow = self._slow(address)
            if slow and place > TRIES_WAITING:
                raise NotAllowed("Too many wrong passwords came from your address: wait a minute, then try again.")
            self._waiting[address] = place
        try:
            yield place * SLOW_SECONDS if slow else 0.0
        finally:
            with self._lock:
                self._waiting[address] -= 1
                if not self._waiting[address]:
                    del self._waiting[address]

    def wrong(self, address: str) -> None:
        """Note that a wrong password came."""
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
    """A token for whoever knows the password, to be kept as the cookie named ``COOKIE``.

    Raises:
        NotAllowed: it is not the password, or too many wrong ones come from there.
    """
    where = caller(request)
    with TRIES.turn(where) as seconds:
        time.sleep(seconds)
        right = _is_password(password)
    if not right:
        TRIES.wrong(where)
        raise NotAllowed("That is not the password.")
    expires = str(int(time.time()) + SIGNED_IN_SECONDS)
    return f"{expires}.{_seal(expires)}"


async def note_password(scope: MutableMapping[str, Any]) -> None:
    """Note in a request's scope whether it comes with the password as a header, once, for whoever asks later."""
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
    expires, _, seal = str(dict(request.cookies).get(COOKIE, "")).partition(".")
    return hmac.compare_digest(seal.encode(), _seal(expires).encode()) and int(expires) > time.time()


def _holds_password(request: gr.Request) -> bool:
    """As `note_password` found it; a request that did not come through the server is looked at here."""
    noted = getattr(request.request, "scope", {}).get(HELD)
    return _is_password(_bearer(request.headers) or "") if noted is None else noted


def _bearer(headers: Mapping[str, str]) -> str | None:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return given if scheme.casefold() == "bearer" else None


def _is_password(given: str) -> bool:
    """Compare in a time that says nothing."""
    expected = os.environ.get(PASSWORD)
    return bool(expected) and hmac.compare_digest(_seal(given), _seal(expected or ""))


def _seal(text: str) -> str:
    return hmac.new(_secret, text.encode(), hashlib.sha256).hexdigest()


# --- visitors' copies -------------------------------------------------------------------------------------------------


def store(request: gr.Request | None) -> PromptStore:
    """The packs that somebody reads and writes: the owner's for curators, a copy of their session's for visitors."""
    if is_curator(request):
        return PromptStore()
    folder = own_folder(request)
    return VisitorsPacks(folder and folder / "packs", partial(claim_folder, request))


class VisitorsPacks(PromptStore):
    """The owner's packs, and over them those that a visitor has changed or made.

    Args:
        folder: where these are; None for a request of no session, which can keep nothing.
        claim: to be called before something is written there.
    """

    def __init__(self, folder: Path | None, claim: Callable[[], None] = lambda: None) -> None:
        self._claim = claim
        beneath = PromptStore()
        super().__init__(folder or beneath.folder, beneath)
        self.kept = folder is not None

    def update(self, pack_id: str, change: Callable[[PromptPack], PromptPack]) -> PromptPack:
        self._admit(pack_id)
        return super().update(pack_id, change)

    def create(self, pack: PromptPack) -> Path:
        self._admit(pack.id)
        return super().create(pack)

    def save(self, pack: PromptPack) -> Path:
        self._admit(pack.id)
        return super().save(pack)

    def delete(self, pack_id: str) -> None:
        self._refuse_without_session()
        super().delete(pack_id)
        for path in sorted((self.folder / TRASH).glob("*.json"), key=lambda path: path.stat().st_mtime)[:-PACKS]:
            path.unlink(missing_ok=True)

    def restore(self, pack_id: str) -> PromptPack:
        self._admit(pack_id)
        return super().restore(pack_id)

    def _refuse_without_session(self) -> None:
        if not self.kept:
            raise PackError(f"only curators change packs without a session: sign in, or {elsewhere()}")
        self._claim()

    def _admit(self, pack_id: str) -> None:
        self._refuse_without_session()
        own = {path.stem for path in self.folder.glob("*.json")}
        if pack_id not in own and len(own) >= PACKS:
            raise PackError(f"a visitor keeps at most {PACKS} packs: export them, or {elsewhere()}")


def own_folder(request: gr.Request | None) -> Path | None:
    """The folder of a visitor's session, which need not exist yet; None where there is no session."""
    return _COPIES.folder(request.session_hash) if request and request.session_hash and not _single(request) else None


def claim_folder(request: gr.Request | None) -> None:
    """Have the folder of a visitor's session kept; to be called before something is written there."""
    if request and request.session_hash and not _single(request):
        _COPIES.claim(request.session_hash, share(request))


def _single(request: gr.Request) -> bool:
    """Whether this is a call of no session, which nobody can come back to."""
    return bool(getattr(request.request, "scope", {}).get(SINGLE))


def session(request: gr.Request | None) -> str:
    """What keeps a visitor's work apart from everybody's; empty for curators, who share theirs."""
    return "" if is_curator(request) or request is None else request.session_hash or ""


class Terms(TypedDict):
    """On what terms work in the background is done, as `Jobs.start` takes them."""

    owner: str
    seconds: float | None


def terms(request: gr.Request | None) -> Terms:
    """A visitor's work is one job at a time and ends after a while; curators' is everybody's."""
    if is_curator(request):
        return {"owner": "", "seconds": None}
    return {"owner": session(request) or caller(request) or "nobody", "seconds": JOB_SECONDS}


def refuse_large_trials(
    request: gr.Request | None, methods: Sequence[str], shots: float, epochs: float, seeds: float
) -> None:
    """Keep a visitor's trial to a size that leaves room for others.

    Raises:
        NotAllowed: it would be larger; the sentence says what visitors may choose.
    """
    if is_curator(request):
        return
    if len(methods) > METHODS or shots > SHOTS or epochs > EPOCHS or seeds > SEEDS:
        raise NotAllowed(
            f"Visitors learn with at most {METHODS} methods, {SHOTS} clips of each class, {EPOCHS} epochs and {SEEDS} "
            f"seeds: choose fewer, or {elsewhere()}."
        )


def close(request: gr.Request) -> None:
    """A page was closed: its visitor's copy goes, unless it soon comes back."""
    if request.session_hash:
        _COPIES.close(request.session_hash)


class _Copies:
    """The folders of sessions, for as long as these last."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}  # when each session ends, by the name of its folder
        self._owners: dict[str, str] = {}
        self._lock = threading.Lock()
        self._sweeper = threading.Thread(target=self._sweep_for_ever, daemon=True)

    def folder(self, session: str) -> Path:
        """A session's folder. Its name cannot be told from outside, for a session is named by whoever opens it."""
        name = _seal(session)
        with self._lock:
            if name in self._until:
                self._use(name)
        return temporary() / name

    def claim(self, session: str, owner: str) -> None:
        """Keep a session's folder from now on; its owner's own sessions make room first."""
        name = _seal(session)
        with self._lock:
            if not self._sweeper.is_alive():
                self._sweeper.start()
            self._use(name)
            self._owners[name] = owner
            owners = {one: self._owners[one] for one in self._until}
            for gone in to_make_room(owners, SESSIONS, SESSIONS_OF_ONE):
                self._remove(gone)

    def _use(self, name: str) -> None:
        self._until.pop(name, None)  # so that the latest stand last
        self._until[name] = time.monotonic() + IDLE_SECONDS

    def close(self, session: str) -> None:
        name = _seal(session)
        with self._lock:
            if name in self._until:
                self._until[name] = time.monotonic() + CLOSED_SECONDS

    def sweep(self) -> None:
        """Remove the sessions that have ended."""
        with self._lock:
            for name in [name for name, until in self._until.items() if until < time.monotonic()]:
                self._remove(name)

    def _sweep_for_ever(self) -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            self.sweep()

    def _remove(self, name: str) -> None:
        del self._until[name], self._owners[name]
        shutil.rmtree(temporary() / name, ignore_errors=True)


_COPIES = _Copies()


# --- files ------------------------------------------------------------------------------------------------------------


def clips_named(
    where: str,
    request: gr.Request | None,
    uploads: Path | None = None,
    into: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    skip_bad: bool = False,
) -> LabelledClips:
    """The clips of a data set that was named on the page.

    Args:
        where: as `open_clips` takes it.
        request: of whoever names it.
        uploads: the folder of the files that they uploaded, which visitors may name.
        into: where archives are unpacked.
        progress: told of the files fetched.
        skip_bad: leave out what cannot be used.

    Raises:
        DataError: as `open_clips` does, or a visitor names a file of this machine.
    """
    if is_curator(request):
        return open_clips(where, into, progress=progress, skip_bad=skip_bad)
    if where != DEMONSTRATION and not where.startswith("hf:"):
        file = Path(where).resolve()
        if uploads is None or file.parent != uploads.resolve() or file.suffix.lower() != ".zip":
            raise DataError("files of this server cannot be named here: upload clips or a zip, or give hf:owner/name")
    own = own_folder(request)
    if own:
        claim_folder(request)
    into = into or (own and own / "clips") or Path(tempfile.mkdtemp(prefix="clips-", dir=temporary()))
    found = open_clips(where, into, progress=progress, token=False, most_bytes=_room(own), skip_bad=skip_bad)
    _refuse_too_long(found)
    return found


def _refuse_too_long(clips: LabelledClips) -> None:
    """Keep the sound that a visitor has heard to a length that leaves time for others.

    Raises:
        DataError: it is longer, as far as the files' headers tell; what they hide ends with the time of the job.
    """
    total = 0.0
    names = {path: clips.name_of(row) for row, path in enumerate(clips.paths)}
    for path, name in names.items():
        seconds = _seconds(path)
        total += seconds
        if seconds > CLIP_SECONDS:
            raise DataError(f"{name} is longer than {CLIP_SECONDS / 60:g} minutes: cut it, or {elsewhere()}")
    if total > SET_SECONDS:
        raise DataError(
            f"these clips last {total / 3600:.1f} hours, and visitors use at most {SET_SECONDS / 3600:g} hours: "
            f"give fewer, or {elsewhere()}"
        )


def _seconds(path: Path) -> float:
    """How long a recording is by its header; 0 where that says nothing."""
    try:
        return float(soundfile.info(path).duration)
    except (soundfile.SoundFileError, OSError):
        return 0.0


def _room(own: Path | None) -> int:
    """How many bytes a visitor may still unpack or fetch, of all that is kept for them and all that the disk has.

    Raises:
        DataError: there is no room.
    """
    if limits.full():
        raise DataError("This server has no room for clips now. Try again later.")
    kept = sum(path.stat().st_size for path in own.rglob("*") if path.is_file() and not path.is_symlink()) if own else 0
    if kept >= BYTES:
        raise DataError(f"A visitor keeps at most {BYTES // 1_000_000} MB of clips: close this page, or {elsewhere()}.")
    return BYTES - kept


def refuse_too_many(request: gr.Request | None, folder: Path, files: Sequence[str | Path]) -> None:
    """Keep a visitor's files to a size and number that leave room for others.

    Args:
        request: of whoever brings them.
        folder: where theirs are kept.
        files: those that would be added.

    Raises:
        NotAllowed: they would be too many.
    """
    if is_curator(request):
        return
    kept = [*(path for path in folder.rglob("*") if path.is_file()), *map(Path, files)]
    if len(kept) > FILES or sum(path.stat().st_size for path in kept) > BYTES:
        raise NotAllowed(
            f"A visitor keeps at most {FILES} files and {BYTES // 1_000_000} MB: give fewer, or {elsewhere()}."
        )
