"""The proxies that environment variables name, made usable for every client in this process.

One odd variable makes the clients underneath (httpx, requests) fail where they are made, which would keep the app from
starting or send its own loopback address through a proxy.
"""

import os
import re
import warnings
from collections.abc import MutableMapping
from importlib.util import find_spec
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NAMES = re.compile(r"(http|https|all)_proxy", re.IGNORECASE)
_HOST = re.compile(r"(?:\w+://)?[\w.*-]+(?::\d+)?(?:/\d+)?")  # what clients can read in NO_PROXY, besides IPv6


def make_usable(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take out proxies that no client here can use, each with a warning, and keep loopback addresses off all proxies.

    Does nothing where no variable about proxies is set.
    """
    names = [name for name in environment if _NAMES.fullmatch(name) and environment[name].strip()]
    for name in names:
        value = environment[name].strip()
        if re.match(r"socks[45]?[ah]?://", value, re.IGNORECASE) and _speaks_socks():
            environment[name] = re.sub(r"^socks(?=://)", "socks5", value, flags=re.IGNORECASE)
        if problem := _problem(environment[name].strip()):
            del environment[name]
            warnings.warn(f"{name} is ignored: {problem}", stacklevel=2)
    if names or environment.keys() & {"no_proxy", "NO_PROXY"}:
        entries = [
            entry.strip() for entry in (environment.get("no_proxy") or environment.get("NO_PROXY") or "").split(",")
        ]
        direct = dict.fromkeys([*filter(None, map(_readable, entries)), *LOOPBACK])
        environment["no_proxy"] = environment["NO_PROXY"] = ",".join(direct)


def proxy_for(url: str) -> str | None:
    """Return the proxy through which an address is asked, as ``host:port``; None for none."""
    parts = urlsplit(url)
    proxies = getproxies_environment()
    chosen = proxies.get(parts.scheme) or proxies.get("all")
    if not chosen or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return urlsplit(chosen if "://" in chosen else f"http://{chosen}").netloc.rpartition("@")[2]  # no password


def _problem(value: str) -> str | None:
    """Why a proxy cannot be used, None if it can; the value, which may hold a password, is not repeated."""
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        return "it is not the address of a proxy. Give one like http://127.0.0.1:7890."
    if parts.scheme in ("http", "https") or (parts.scheme in ("socks5", "socks5h") and _speaks_socks()):
        return None
    if parts.scheme in ("socks", "socks5", "socks5h"):
        return "SOCKS proxies need two more packages: pip install socksio PySocks."
    return f"{parts.scheme}:// is not a kind of proxy that can be used here. Give an http:// or socks5:// address."


def _speaks_socks() -> bool:
    return all(map(find_spec, ("socksio", "socks")))  # for httpx, and for requests


def _readable(entry: str) -> str | None:
    """Return an entry of NO_PROXY as every client can read it, None for one that none can."""
    bare = re.sub(r"^\[(.*)\]$", r"\1", entry)
    try:
        return str(ip_address(bare))
    except ValueError:
        return entry if entry == "*" or _HOST.fullmatch(entry) else None
