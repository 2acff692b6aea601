"""What each call of the API counts as, and what its answer says of the quota (API.md, “Limits”).

`RateLimit` and `RateLimit-Policy` are those of draft-ietf-httpapi-ratelimit-headers.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from guildhall.core import clock
from guildhall.core.ids import parse_id
from guildhall.domain.quotas.counting import WINDOW, Call, Count, Counted
from guildhall.domain.quotas.kinds import TENANT, standard
from guildhall.domain.rbac.registry import PLATFORM

Headers = list[tuple[bytes, bytes]]
_THINGS = frozenset({"me", "file", "content"})  # last words of a path that name one thing, as an id does


def kind_of(method: str, path: str, mark: Mapping[str, Any]) -> str | None:
    """Return what a call of a route counts as; None where it does not: nobody is known yet, or somebody leaves."""
    if "public" in mark or mark.get("leaving"):
        return None
    if mark.get("needs") in PLATFORM:
        return "platform"
    last = path.rsplit("/", 1)[-1]
    if method != "GET":
        return "export" if last == "export" else "write"
    return "detail" if last in _THINGS or last.endswith("}") else "list"


@cache
def _kind(handler: BaseRouteHandler) -> str | None:
    """Return what a call of `handler` counts as."""
    method = next(iter(getattr(handler, "http_methods", {"GET"}) - {"HEAD", "OPTIONS"}), "GET")
    return kind_of(method, next(iter(handler.paths)), handler.opt)


def call_of(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler, tenant_id: UUID | None
) -> Call | None:
    """Return what this request counts as; `tenant_id` is the tenant in its path or header."""
    kind = _kind(handler)
    if kind is None:
        return None
    if tenant_id is not None or not handler.opt.get("by_tenants"):
        return Call(kind, tenant_id=tenant_id)
    named = _named(connection.scope["query_string"])
    only = parse_id(next(iter(named))) if len(named) == 1 else None
    return Call(kind, across=only is None, tenant_id=only)


def _named(query: bytes) -> set[str]:
    """Return the tenants that a query string names, as they are written."""
    if b"tenant_ids=" not in query:
        return set()
    given = parse_qs(query.decode("latin-1")).get("tenant_ids", ())
    return {each.strip().lower() for text in given for each in text.split(",")}


def told(counted: Counted, *, in_tenant: bool) -> Headers:
    """Return the headers that say how the caller's quota stands, and that calls in a tenant have a limit too."""
    policies = [f'"{count.kind}";q={count.quota};w={count.seconds}' for count in counted.counts]
    if in_tenant:
        policies.append(f'"{TENANT}";q={standard(TENANT).calls};w={WINDOW}')
    least = min(counted.counts, key=_left)
    said = {
        "ratelimit-policy": ", ".join(policies),
        "ratelimit": ", ".join(f'"{count.kind}";r={count.left};t={count.wait}' for count in counted.counts),
        "x-ratelimit-limit": str(least.quota),
        "x-ratelimit-remaining": str(least.left),
        "x-ratelimit-reset": str(int(clock.now().timestamp()) + least.wait),
    }
    return [(name.encode(), value.encode()) for name, value in said.items()]


def _left(count: Count) -> int:
    return count.left
