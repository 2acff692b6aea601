"""Host -> surface: the only such table. Everything before a surface: request ids, client address, headers, health.

An unknown host gets 400; `/healthz` and `/readyz` answer for any host, `/metrics` for this machine only.
"""

import ipaddress
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

from guildhall.core.actor import Surface
from guildhall.core.health import ready
from guildhall.core.ids import new_id
from guildhall.queue_figures import queue_figures
from guildhall.settings import LABELS, Settings

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "guildhall_requests_total", "Requests by surface and status class", ["surface", "status"], registry=REGISTRY
)
SECONDS = Histogram(
    "guildhall_request_seconds",
    "Time to answer, in seconds",
    ["surface"],
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
_log = structlog.get_logger("guildhall.request")
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_SECRET = re.compile(r"/[\w.~-]{40,}")  # a one-time link in a path; ids are shorter
_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)


class Front:
    """The ASGI application of one process: chooses the surface by the Host header and wraps its answers.

    `sites` maps a surface to its application, `policies` to its content security policy; `front_page` answers
    for the bare base host in the demo.
    """

    def __init__(
        self,
        settings: Settings,
        sites: Mapping[Surface, App],
        policies: Mapping[Surface, str],
        front_page: App | None = None,
    ) -> None:
        """Build the table of hosts from the settings."""
        self._settings = settings
        self._policies = policies
        self._hosts: dict[str, tuple[Surface, App]] = {
            f"{label}.{settings.base_host}".lower(): (surface, sites[surface])
            for label, surface in LABELS.items()
            if surface in sites
        }
        self._plain = {settings.base_host, f"localhost:{settings.port}", f"127.0.0.1:{settings.port}"}
        self._front_page = front_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or take part in the server's start and stop."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        path: str = scope["path"]
        if path in {"/healthz", "/readyz", "/metrics"}:
            await self._operate(path, scope, send)
            return
        host = headers.get(b"host", b"").decode("latin-1").lower()
        surface, site = self._hosts.get(host, (None, None))
        if site is None and self._front_page is not None and host in self._plain:
            site = self._front_page
        if site is None:
            await _plain(send, 400, b"This host is not served here.\n")
            return
        await self._wrapped(surface, site, scope, receive, send, headers)

    async def _wrapped(
        self,
        surface: Surface | None,
        site: App,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: dict[bytes, bytes],
    ) -> None:
        """Run the surface with a request id and the client's address; add headers, count and log the answer."""
        request_id, began, seen = str(new_id()), time.perf_counter(), {"status": 500}
        state = scope.setdefault("state", {})
        state |= {"request_id": request_id, "ip": self._client(scope, headers)}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._added(surface, message, request_id)]
                message["headers"] += state.get("headers", ())
            await send(message)

        # HEAD is GET without its body, which the server leaves out (RFC 9110 §9.3.2).
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            await site(asked, receive, sending)
        finally:
            self._note(surface, scope, seen["status"], time.perf_counter() - began, request_id)

    def _added(self, surface: Surface | None, message: Message, request_id: str) -> list[tuple[bytes, bytes]]:
        """Return the headers that every answer carries, unless the surface set its own."""
        present = {name for name, _ in message.get("headers", ())}
        policy = (
            self._policies.get(surface, "default-src 'none'; style-src 'self'") if surface else "default-src 'none'"
        )
        added = [*_HEADERS, (b"content-security-policy", policy.encode()), (b"x-request-id", request_id.encode())]
        if self._settings.https:
            added.append((b"strict-transport-security", b"max-age=31536000; includeSubDomains"))
        return [header for header in added if header[0] not in present]

    def _client(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """Return the client's address; a forwarded one counts only from a trusted proxy."""
        address = _unmapped((scope.get("client") or ("",))[0])
        if address in self._settings.trusted_proxies:
            said = headers.get(b"x-forwarded-for", b"").decode("latin-1").rsplit(",", 1)[-1].strip()
            return _unmapped(said) or address
        return address

    def _note(self, surface: Surface | None, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        """Count and log one answer: the path without its query and without what opens something, and no header."""
        name = str(surface or "front")
        REQUESTS.labels(name, f"{status // 100}xx").inc()
        SECONDS.labels(name).observe(seconds)
        fault = scope["state"].get("fault")
        write = _log.error if fault is not None else _log.info
        write(
            "request",
            surface=name,
            method=scope["method"],
            path=_SECRET.sub("/…", scope["path"]),
            status=status,
            milliseconds=round(seconds * 1000, 1),
            request_id=request_id,
            exc_info=fault,
        )

    async def _operate(self, path: str, scope: Scope, send: Send) -> None:
        """Answer what operators ask: alive, ready, figures."""
        if path == "/healthz":
            await _plain(send, 200, b"ok\n")
        elif path == "/readyz":
            trouble = await ready()
            await _plain(send, 503 if trouble else 200, (trouble or "ready").encode() + b"\n")
        elif (scope.get("client") or ("",))[0] in _LOOPBACK and b"x-forwarded-for" not in dict(scope["headers"]):
            await _plain(send, 200, generate_latest(REGISTRY) + await queue_figures(), CONTENT_TYPE_LATEST)
        else:
            await _plain(send, 404, b"Not found\n")


def _unmapped(address: str) -> str:
    """Return an IPv4 caller's own address where a socket for both versions shows it mapped: `::ffff:203.0.113.7`.

    Mapped addresses lie all in one network of IPv6, so whatever counts by network would take them for one caller.
    """
    try:
        mapped = getattr(ipaddress.ip_address(address), "ipv4_mapped", None)
    except ValueError:
        return address
    return str(mapped or address)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Follow the server's start and stop; the process itself opens and closes what it needs."""
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _plain(send: Send, status: int, body: bytes, media_type: str = "text/plain; charset=utf-8") -> None:
    """Send a short plain answer."""
    headers = [(b"content-type", media_type.encode()), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
