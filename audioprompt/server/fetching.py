"""Fetching files by their address: within limits, and never from this machine's own network.

Gradio fetches whatever address stands where a file is wanted, on the page, in the API and for MCP alike. `fetched` does
it in Gradio's stead, for Gradio knows no limit, refuses the addresses of files that were uploaded to this very app, and
writes a trace into the log for every address that leads nowhere.
"""

import asyncio
import hashlib
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import anyio
import gradio as gr
import httpx
import safehttpx  # type: ignore[import-untyped]
from gradio_client.utils import strip_invalid_filename_characters  # type: ignore[import-untyped]

from audioprompt.server.limits import MAX_FILE_BYTES
from audioprompt.util import whole

MAX_REDIRECTS = 5
MAX_SECONDS = 60.0
# What `ipaddress` takes for global, on some Pythons at least, and where clouds and networks keep services of their own:
# Azure's host (168.63.129.16), Oracle's metadata (in 192.0.0.0/24), relays and tunnels to IPv4, segment routing,
# documentation.
SPECIAL = tuple(
    ip_network(network)
    for network in (
        *("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
GLOBAL_UNICAST = IPv6Network("2000::/3")  # all there is of it
NAT64 = IPv6Network("64:ff9b::/96")  # the last four bytes are the IPv4 address that it leads to
HUB = ["hf.co", "huggingface.co", "*.hf.co", "*.huggingface.co"]
UPLOADED = "/gradio_api/file="  # what stands before the path of an uploaded file in its address


class Refused(gr.Error):
    """A file cannot be fetched; the message says why."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"{address[:200]} cannot be fetched: {why}", print_exception=False)


async def fetched(url: str, cache_dir: str) -> str:
    """Fetch a file from a public address, or find the one that was uploaded to this app.

    Args:
        url: http or https.
        cache_dir: Gradio's folder for uploads, which it cleans.

    Returns:
        The path of the file.

    Raises:
        Refused: the address is not public, answers with an error or too slowly, or the file is too large.
    """
    try:
        if uploaded := _uploaded(url, Path(cache_dir)):
            return str(uploaded)
        name = strip_invalid_filename_characters(Path(unquote(urlsplit(url).path)).name) or "file"
        file = Path(cache_dir).absolute() / hashlib.sha256(url.encode()).hexdigest() / name
        with anyio.fail_after(MAX_SECONDS):
            await _fetch(url, file)
        return str(file)
    except Refused:
        raise
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        why = "it took too long" if isinstance(error, TimeoutError) else "there is no answer, check the address"
        raise Refused(url, why) from error


async def _fetch(address: str, file: Path) -> None:
    """Follow redirects, each of which must lead to a public address too, and write the file."""
    for _ in range(MAX_REDIRECTS):
        transport = await _public(address)
        async with (
            httpx.AsyncClient(transport=transport) as client,
            client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as response,
        ):
            if response.has_redirect_location:
                address = urljoin(address, response.headers["Location"])
            elif response.is_success:
                await _write(response, address, file)
                return
            else:
                raise Refused(address, f"its server says {response.status_code} {response.reason_phrase}")
    raise Refused(address, "too many redirects")


async def _write(response: httpx.Response, address: str, file: Path) -> None:
    """Write a response, and leave nothing behind if it is too large or breaks off.

    Others may still read what the same address gave before, or be fetching it too.
    """
    come = 0
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole.written(file) as unfinished, unfinished.open("wb") as out:
        async for chunk in response.aiter_raw():
            if (come := come + len(chunk)) > MAX_FILE_BYTES:
                raise Refused(address, f"it is over {MAX_FILE_BYTES // 1_000_000} MB")
            out.write(chunk)


async def _public(address: str) -> httpx.AsyncBaseTransport | None:
    """Return a transport that connects to the very public address that was checked.

    The hub's names may stand for machines of a Space's own network, so that they go unchecked.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise Refused(address, "only http and https can be")
    if safehttpx.matches_domain_whitelist(host, HUB):
        return None
    public = [address for address in await _resolve(host) if is_public(address)]
    if not public:
        raise Refused(address, "it is not a public address; upload the file instead")
    return safehttpx.AsyncSecureTransport(public[0])


async def _resolve(host: str) -> list[str]:
    """Resolve a host name."""
    return [str(address[0]) for *_, address in await asyncio.get_running_loop().getaddrinfo(host, None)]


def is_public(address: str) -> bool:
    """Tell whether an IP address is public: global, unicast and in no special range."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        embedded = ip.ipv4_mapped or (IPv4Address(ip.packed[-4:]) if ip in NAT64 else None)
        if embedded:
            return is_public(str(embedded))
        if ip not in GLOBAL_UNICAST:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or any(ip in network for network in SPECIAL))


def _uploaded(address: str, cache: Path) -> Path | None:
    """Return the uploaded file that an address of this app stands for, or None."""
    _, found, path = unquote(urlsplit(address).path).partition(UPLOADED)
    file = Path(path)
    return file if found and file.is_file() and file.resolve().is_relative_to(cache.resolve()) else None
