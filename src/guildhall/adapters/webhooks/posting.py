"""Webhooks over HTTP: the name is resolved here, checked, and the connection goes to the checked address."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpx

from guildhall.core.i18n import N_
from guildhall.domain.webhooks import addresses
from guildhall.domain.webhooks.carrier import MOST_KEPT, MOST_SECONDS, Reply, Unsent

Resolve = Callable[[str, int], Awaitable[list[str]]]
_MOST_TRIED = 3  # addresses of one name
# Why OpenSSL did not believe a certificate, by its own numbers.
_EXPIRED, _OTHER_NAMES = 10, frozenset({62, 64})


async def resolve(host: str, port: int) -> list[str]:
    """Return the network addresses of a name, IPv4 first; raises OSError for one that has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    listed = sorted(found, key=lambda each: each[0] is not socket.AF_INET)
    return list(dict.fromkeys(str(each[4][0]) for each in listed))


def trusting(authorities: Path | None) -> ssl.SSLContext:
    """Return what certificates are checked with: the public authorities, and those of the file `authorities` (PEM).

    Raises OSError where there is no such file, or nothing in it is a certificate.
    """
    context = httpx.create_ssl_context(trust_env=False)
    if authorities is not None:
        context.load_verify_locations(cafile=authorities)
    return context


class Posting:
    """Posts over HTTP; `resolving` is what looks names up, `authorities` are trusted beside the public ones."""

    def __init__(self, resolving: Resolve = resolve, *, authorities: Path | None = None) -> None:
        self._resolve, self._trust = resolving, trusting(authorities)

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Reply:
        """Post `body` once within ten seconds; a redirect is an answer like another."""
        try:
            async with asyncio.timeout(MOST_SECONDS):
                return await self._posted(url, headers, body)
        except TimeoutError:
            raise Unsent(N_("No answer within 10 seconds")) from None

    async def _posted(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if addresses.wrong(url):
            raise Unsent(N_("The address is not allowed"))
        parts = urlsplit(url)
        found = await self._checked(parts)
        async with httpx.AsyncClient(
            verify=self._trust, trust_env=False, follow_redirects=False, timeout=MOST_SECONDS
        ) as client:
            for address in found:
                try:
                    return await _sent(client, parts, address, headers, body)
                except httpx.ConnectError as nobody:
                    said = _said(nobody)  # the next address of the same name may do, checked like this one
                except httpx.HTTPError as broken:  # it may have been taken: the ladder sends it again, not this loop
                    raise Unsent(_said(broken)) from None
        raise Unsent(said)

    async def _checked(self, parts: SplitResult) -> list[str]:
        """Return the addresses of the endpoint's name; raise Unsent where one of them is closed."""
        try:
            found = await self._resolve(parts.hostname or "", parts.port or addresses.HTTPS_PORT)
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise Unsent(N_("The name has no address"))
        if addresses.refused(parts, found):
            raise Unsent(N_("The name leads to an address that is not on the public Internet"))
        return found[:_MOST_TRIED]


async def _sent(
    client: httpx.AsyncClient, parts: SplitResult, address: str, headers: Mapping[str, str], body: bytes
) -> Reply:
    """Post to one address under the endpoint's own name: in the Host header, and for its certificate."""
    literal = f"[{address}]" if ":" in address else address
    port = f":{parts.port}" if parts.port else ""
    pinned = parts._replace(netloc=literal + port).geturl()
    host = parts.netloc.rpartition("@")[2]
    extensions = {"sni_hostname": parts.hostname}
    sending = client.stream(
        "POST",
        pinned,
        headers={**headers, "Host": host, "Accept-Encoding": "identity"},
        content=body,
        extensions=extensions,
    )
    async with sending as response:
        kept = b""
        async for part in response.aiter_raw():
            kept += part[: MOST_KEPT - len(kept)]
            if len(kept) >= MOST_KEPT:
                break
        return Reply(response.status_code, kept)


def _said(fault: httpx.HTTPError) -> str:
    """Return a fault in words, without what a library writes of addresses."""
    if not isinstance(fault, httpx.ConnectError):
        return N_("The connection broke off")
    for cause in _causes(fault):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _unbelieved(cause.verify_code)
        if isinstance(cause, ssl.SSLError):
            return N_("No secure connection could be made")
    return N_("The connection was refused")


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """Yield what a fault came from, the nearest first."""
    cause = fault.__cause__ or fault.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _unbelieved(code: int) -> str:
    """Return why a certificate was not believed."""
    if code == _EXPIRED:
        return N_("The certificate has expired")
    if code in _OTHER_NAMES:
        return N_("The certificate is not valid for this name")
    return N_("The certificate was signed by nobody whom this installation trusts")
