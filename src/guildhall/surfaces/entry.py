"""The way in of every surface: who comes, through which gates, before a handler runs (BOUNDARY §3).

A route says what it takes: `**needs("partner.links.read")`, `**own("…")` for a signed-in person's own affairs,
or `**public("…")`. A route that says nothing is refused, and a test names it.
"""

from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection, Request
from litestar.di import NamedDependency
from litestar.handlers.base import BaseRouteHandler
from msgspec import Struct

from guildhall.core import clock
from guildhall.core.actor import Actor, DbRole, Surface, anonymous
from guildhall.core.errors import (
    ContextRequired,
    Forbidden,
    PartnerInactive,
    Refusal,
    TenantAccessDenied,
    TooManyRequests,
    Unauthorized,
)
from guildhall.core.ids import parse_id
from guildhall.domain.access.gates import Named, Standing, decide, standing
from guildhall.domain.audit.looks import looked
from guildhall.domain.audit.refusals import refused
from guildhall.domain.people import clients, platform_clients
from guildhall.domain.people.sessions import Found, find
from guildhall.domain.quotas.counting import Call
from guildhall.domain.rbac.registry import ALL, PARTNER

# How a handler takes what the gates found: `actor: Who`, and inside a tenant `tenant: Where`.
Who = NamedDependency[Actor]
Where = NamedDependency[Standing]
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_TOO_MANY = "Too many calls. Wait as many seconds as Retry-After says."
ROLES = {
    Surface.CONSOLE: DbRole.PARTNER,
    Surface.API: DbRole.PARTNER,
    Surface.CUSTOMER: DbRole.CUSTOMER,
    Surface.STAFF: DbRole.STAFF,
}
Connection = ASGIConnection[Any, Any, Any, Any]
# Whether a route asks for a fresh second factor: always, or for these values of its path's `step`.
Fresh = bool | tuple[str, ...]


class Entered(Struct, frozen=True):
    """What the gates found: the actor, the tenant in context, and the partner's status ("" for others)."""

    actor: Actor
    tenant: Standing | None = None
    partner_status: str = ""
    home_tenant_id: UUID | None = None


def needs(
    permission: str, *others: str, write_in_tenant: bool = False, fresh: Fresh = False, at_once: str = ""
) -> dict[str, Any]:
    """Return the mark of a route that takes `permission`, a string of the registry.

    `others` open the route too, where the act itself asks which one it needs. `write_in_tenant` makes the
    tenant's header compulsory (API: BOUNDARY §3). `fresh` asks on pages for a second factor of the last ten minutes
    before the handler runs; `at_once` says why an act of that kind goes without (PRODUCT §3).
    """
    for name in (permission, *others):
        if name not in ALL:
            raise LookupError(f"{name} is not in the registry")
    mark = {"needs": permission, "or_needs": others, "write_in_tenant": write_in_tenant}
    return {"opt": mark | {"fresh": fresh, "at_once": at_once}}


def own(because: str, *, leaving: bool = False, fresh: Fresh = False, at_once: str = "") -> dict[str, Any]:
    """Return the mark of a route for a signed-in person's own affairs, whatever the roles.

    Of a suspended partner's people only a `leaving` one takes a write (BOUNDARY §3). `fresh`, `at_once`: as of `needs`.
    """
    return {"opt": {"own": because, "leaving": leaving, "fresh": fresh, "at_once": at_once}}


# Why acts that end access, or only speak of it, never wait for a code (BOUNDARY §2: narrowing is at once).
GIVES_NOTHING = "it gives nobody access"


def public(because: str) -> dict[str, Any]:
    """Return the mark of a route that anybody may call."""
    return {"opt": {"public": because}}


def asks_fresh(connection: Connection) -> bool:
    """Return whether the route asks for a fresh second factor before this request is handled."""
    fresh: Fresh = connection.route_handler.opt.get("fresh", False)
    return fresh if isinstance(fresh, bool) else connection.path_params.get("step") in fresh


def method_of(connection: Connection) -> str:
    """Return the request's method."""
    method: str = connection.scope.get("method", "GET")  # type: ignore[assignment]  # only a web socket has none
    return method


def origin_of(connection: Connection, surface: Surface) -> Actor:
    """Return the anonymous actor of a request: where it comes from, before anybody is known."""
    state = connection.scope["state"]
    return anonymous(
        surface,
        ROLES[surface],
        request_id=state.get("request_id", ""),
        ip=state.get("ip", ""),
        user_agent=connection.headers.get("user-agent", "")[:300],
    )


class Key(Struct, frozen=True):
    """What a request shows of itself: a session's token or, from an access token, the session's id.

    `of_client` says that the id is the secret of an API client, `of_platform` that it is one of the platform.
    """

    token: str = ""
    session_id: UUID | None = None
    scopes: frozenset[str] | None = None
    of_client: bool = False
    of_platform: bool = False


async def enter(
    connection: Connection,
    handler: BaseRouteHandler,
    *,
    surface: Surface,
    key: Key | None,
    tenant_id: UUID | None,
    named: Named,
    call: Call | None = None,
) -> None:
    """Take one request through gates 1 to 5 and leave what was found in its state; raise the first refusal.

    `key` is None where nothing was shown. `tenant_id` is the tenant that the request names, if any. `call` is counted
    before gate 2, and one too many is refused there.
    """
    origin = origin_of(connection, surface)
    mark = handler.opt
    if "public" in mark:
        connection.scope["state"]["entered"] = Entered(origin)
        return
    found = await _found(origin, key, tenant_id, connection.url.path, call)
    connection.scope["state"]["counted"] = found.counted
    if found.counted is not None and found.counted.retry_after:
        raise TooManyRequests(_TOO_MANY, retry_after=found.counted.retry_after)
    entered = _entered(found, key, tenant_id)
    connection.scope["state"]["entered"] = entered
    refusal = _refusal(entered, mark, safe=method_of(connection) in SAFE, named=named)
    if refusal is not None:
        await refused(
            entered.actor,
            code=refusal.exact_code,
            tenant_id=tenant_id,
            path=connection.url.path,
            now=clock.now(),
        )
        raise refusal
    if entered.tenant is not None and "needs" in mark:
        await _look(entered, mark["needs"])


async def _found(origin: Actor, key: Key | None, tenant_id: UUID | None, path: str, call: Call | None) -> Found:
    """Gate 1: return the live session or client behind the key."""
    if key is None:
        raise Unauthorized
    if key.of_client and key.session_id is not None:
        known = await _software(origin, key, key.session_id, tenant_id, path, call)
        if known is None:
            raise Unauthorized("This API client was revoked, has run out, or may not be used from here.")
        return known
    found = await find(origin, token=key.token, session_id=key.session_id, tenant_id=tenant_id, call=call)
    if found is None:
        raise Unauthorized("Your session has ended. Sign in again.")
    return found


async def _software(
    origin: Actor, key: Key, secret_id: UUID, tenant_id: UUID | None, path: str, call: Call | None
) -> Found | None:
    """Return the living client behind the secret `secret_id`."""
    if key.of_platform:
        return await platform_clients.find(origin, secret_id=secret_id, path=path, call=call)
    return await clients.find(origin, secret_id=secret_id, path=path, tenant_id=tenant_id, call=call)


def _entered(found: Found, key: Key | None, tenant_id: UUID | None) -> Entered:
    """Return what a session's row says, with permissions cut to the token's scopes."""
    actor, row = found.actor, found.row
    if key is not None and key.scopes is not None:
        actor = msgspec.structs.replace(actor, permissions=actor.permissions & key.scopes)
    if not actor.of_partner:
        return Entered(actor)
    tenant = standing(tenant_id, row) if tenant_id is not None else None
    return Entered(actor, tenant, row["partner_status"], row["home_tenant_id"])


def _refusal(entered: Entered, mark: dict[str, Any], *, safe: bool, named: Named) -> Refusal | None:
    """Gates 2 to 5 for one route."""
    if "own" in mark:
        stopped = entered.partner_status == "suspended" and not safe and not mark["leaving"]
        return PartnerInactive() if stopped else None
    permission = mark.get("needs")
    if permission is None:
        return Forbidden()
    if not entered.actor.of_partner:
        return None if entered.actor.may(permission) else Forbidden()
    answers = [_decided(entered, one, safe=safe, named=named) for one in (permission, *mark.get("or_needs", ()))]
    if None in answers:
        return ContextRequired() if mark.get("write_in_tenant") and entered.tenant is None else None
    return answers[0]


def _decided(entered: Entered, permission: str, *, safe: bool, named: Named) -> Refusal | None:
    """Gates 2 to 5 for one permission."""
    return decide(
        entered.actor,
        needs=permission,
        partner_status=entered.partner_status,
        safe=safe,
        tenant=entered.tenant,
        named=named,
    )


async def _look(entered: Entered, permission: str) -> None:
    """Note the first look at a tenant's area in this hour, in both sides' trails."""
    if entered.tenant is not None and entered.tenant.live:
        area = PARTNER[permission].area
        first = {} if area in {"", "any"} else {"area": area}
        await looked(entered.actor, tenant_id=entered.tenant.tenant_id, now=clock.now(), **first)


def entered(request: Request[Any, Any, Any]) -> Entered:
    """Return what the gates found for this request."""
    found: Entered = request.scope["state"]["entered"]
    return found


def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """Return the actor, for handlers that name one."""
    return entered(request).actor


def provide_tenant(request: Request[Any, Any, Any]) -> Standing:
    """Return the tenant in context, for handlers inside one; refuses where there is none."""
    tenant = entered(request).tenant
    if tenant is None:
        raise TenantAccessDenied
    return tenant


def tenant_in_path(connection: Connection) -> UUID | None:
    """Return the tenant that the path names (`/t/<id>/…`), if it does."""
    value: UUID | None = connection.path_params.get("tenant_id")
    return value


def tenant_in_header(connection: Connection) -> UUID | Literal["malformed"] | None:
    """Return the tenant that `X-Active-Tenant-Id` names, None without the header, or `malformed`."""
    text = connection.headers.get("x-active-tenant-id")
    if text is None:
        return None
    return parse_id(text.strip()) or "malformed"
