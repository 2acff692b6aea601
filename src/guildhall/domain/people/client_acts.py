"""What principals do with API clients: set up, change, give a new secret, end one, revoke (PRODUCT §3).

Whoever sets a client up or changes it answers for it from then on: it never may more than that person may. Giving
needs a fresh second factor, taking away never does (docs/decisions/0014-whom-software-stands-for.md).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db, once
from guildhall.core.actor import Actor, DbRole
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.core.ids import new_id
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import client_secrets, clients
from guildhall.domain.people.client_letters import tell_principals
from guildhall.domain.people.client_rules import OVERLAPS, Draft, checked
from guildhall.domain.people.client_secrets import Made
from guildhall.domain.people.client_tables import api_client, api_client_secret, api_client_tenant
from guildhall.domain.people.clients import Client
from guildhall.domain.rbac.registry import TENANT_PERMISSIONS, areas_of

NEEDS = "partner.clients.manage"
REVOKES = {DbRole.PARTNER: NEEDS, DbRole.STAFF: "staff.clients.revoke"}
LONGEST_REASON = 2000
MOST_STANDING = 100
_MOMENT = timedelta(seconds=1)  # an end at midnight belongs to the day before
_REACHED = text("SELECT portal.reach('any')")


async def set_up(actor: Actor, *, draft: Draft, form: UUID | None = None, now: datetime) -> Made:
    """Set a client up, with its first secret; the actor answers for it.

    The same `form` saying the same sets one up, however often it comes; only the first time brings the secret. Needs
    a fresh second factor. Raises Invalid by field, Conflict where the partner has a hundred already.
    """
    _must(actor)
    said = msgspec.json.encode(draft, order="deterministic")
    client_id = new_id() if form is None else once.id_from(actor, form, said)
    async with db.transaction(actor) as connection:
        whole = checked(draft, held=actor.permissions, reachable=await _reachable(connection), now=now)
        require_fresh(actor, now=now)
        await once.alone(connection, client_id)
        if await connection.scalar(select(api_client.c.id).where(api_client.c.id == client_id)) is not None:
            return Made(client_id, "")
        await _not_too_many(connection, actor)
        values = _columns(actor, whole) | {"id": client_id, "partner_id": actor.partner_id, "created_by": actor.name}
        await connection.execute(insert(api_client).values(values))
        await _limit(connection, client_id, whole.tenant_ids)
        secret = await client_secrets.make(connection, api_client_secret, actor, client_id)
        await _tell(connection, "client.set_up", client_id, actor, name=whole.name, until=whole.expires_at)
        changes = {name: [None, value] for name, value in _said(whole).items()}
        await _note(connection, actor, client_id, Action.CLIENT_CREATED, changes=changes)
    return Made(client_id, secret)


async def change(actor: Actor, *, client_id: UUID, draft: Draft, now: datetime) -> None:
    """Make a client what `draft` says, its end included; the actor answers for it from now on.

    Needs a fresh second factor. Raises Invalid by field, NotFound, Conflict for one that was revoked.
    """
    _must(actor)
    async with db.transaction(actor) as connection:
        before = await clients.get(connection, actor, client_id)
        known = await clients.tenant_ids(connection, client_id)
        reachable = await _reachable(connection) | frozenset(known)
        whole = checked(draft, held=actor.permissions, reachable=reachable, now=now)
        require_fresh(actor, now=now)
        changed = (
            update(api_client)
            .where(api_client.c.id == client_id, api_client.c.revoked_at.is_(None))
            .values(_columns(actor, whole))
            .returning(api_client.c.id)
        )
        if (await connection.execute(changed)).first() is None:
            raise Conflict("This client was revoked")
        await _limit(connection, client_id, whole.tenant_ids)
        if _widens(before, known, whole, actor):
            await _tell(connection, "client.changed", client_id, actor, name=whole.name)
        changes = _differences(before, known, whole, actor)
        await _note(connection, actor, client_id, Action.CLIENT_CHANGED, changes=changes)


async def rotate(actor: Actor, *, client_id: UUID, overlap: timedelta, now: datetime) -> Made:
    """Give a client a new secret; older ones work for `overlap` more, at most seven days.

    Needs a fresh second factor. Raises NotFound, Invalid, Conflict for a client that was revoked.
    """
    _must(actor)
    if overlap not in OVERLAPS:
        raise Invalid(errors={"overlap": "Choose one of the list"})
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        found = await _standing(connection, actor, client_id)
        await client_secrets.end(connection, api_client_secret, client_id, at=now + overlap)
        secret = await client_secrets.make(connection, api_client_secret, actor, client_id)
        await _tell(connection, "client.secret_made", client_id, actor, name=found.name)
        hours = int(overlap.total_seconds() // 3600)
        await _note(connection, actor, client_id, Action.CLIENT_SECRET_MADE, changes={"overlap_hours": hours})
    return Made(client_id, secret)


async def end_secret(actor: Actor, *, client_id: UUID, secret_id: UUID, now: datetime) -> None:
    """End one secret at once, with every token that was got with it; raises NotFound for one that ended already."""
    _must(actor)
    async with db.transaction(actor) as connection:
        await _standing(connection, actor, client_id)
        ended = await client_secrets.end(connection, api_client_secret, client_id, at=now, secret_id=secret_id)
        if not ended:
            raise NotFound
        await _note(connection, actor, client_id, Action.CLIENT_SECRET_ENDED, changes={"ending_in": ended[0]})


async def revoke(actor: Actor, *, client_id: UUID, reason: str, now: datetime, partner_id: UUID | None = None) -> None:
    """Revoke a client for good: the next request with any of its tokens is refused.

    Staff name the partner and say why. Raises Invalid, NotFound, Conflict where it was revoked already.
    """
    if not actor.may(REVOKES.get(actor.role, "")):
        raise Forbidden
    if len(reason) > LONGEST_REASON or (actor.role is DbRole.STAFF and not reason.strip()):
        raise Invalid(errors={"reason": "Say why, in at most 2000 characters"})
    async with db.transaction(actor) as connection:
        found = await clients.get(connection, actor, client_id, partner_id=partner_id)
        revoked = (
            update(api_client)
            .where(api_client.c.id == client_id, api_client.c.revoked_at.is_(None))
            .values(revoked_at=now, revoked_by=actor.name, revoked_because=reason.strip(), updated_at=func.now())
            .returning(api_client.c.id)
        )
        if (await connection.execute(revoked)).first() is None:
            raise Conflict("This client was revoked already")
        await _tell(connection, "client.revoked", client_id, actor, name=found.name, partner_id=found.partner_id)
        await _note(
            connection, actor, client_id, Action.CLIENT_REVOKED, partner_id=found.partner_id, reason=reason.strip()
        )


def _must(actor: Actor) -> None:
    if not actor.may(NEEDS):
        raise Forbidden


async def _reachable(connection: AsyncConnection) -> frozenset[UUID]:
    """Return the tenants that the person at work reaches, which is what a client may be limited to."""
    return frozenset((await connection.execute(_REACHED)).scalars())


async def _not_too_many(connection: AsyncConnection, actor: Actor) -> None:
    """Raise Conflict where the partner has as many clients as it may."""
    standing = api_client.c.revoked_at.is_(None), api_client.c.partner_id == actor.partner_id
    count = await connection.scalar(select(func.count()).select_from(api_client).where(*standing))
    if (count or 0) >= MOST_STANDING:
        raise Conflict("There are 100 clients already. Revoke one that nobody uses.")


async def _standing(connection: AsyncConnection, actor: Actor, client_id: UUID) -> Client:
    """Return a client that was not revoked, locked against a second act at once; raises NotFound, Conflict."""
    await connection.execute(
        select(api_client.c.id).where(api_client.c.id == client_id).with_for_update(key_share=True)
    )
    found = await clients.get(connection, actor, client_id)
    if not found.standing:
        raise Conflict("This client was revoked")
    return found


def _columns(actor: Actor, draft: Draft) -> dict[str, Any]:
    """Return what a client's row holds of a draft, with the person who answers for it."""
    return {
        "name": draft.name,
        "purpose": draft.purpose,
        "scopes": sorted(draft.scopes),
        "areas": sorted(areas_of(draft.scopes & TENANT_PERMISSIONS)),
        "tenant_scope": draft.tenant_scope,
        "networks": list(draft.networks),
        "expires_at": draft.expires_at,
        "responsible_id": actor.user_id,
        "responsible_name": actor.name,
    }


async def _limit(connection: AsyncConnection, client_id: UUID, tenant_ids: Iterable[UUID]) -> None:
    """Limit a client to `tenant_ids`."""
    await connection.execute(delete(api_client_tenant).where(api_client_tenant.c.client_id == client_id))
    rows = [{"client_id": client_id, "tenant_id": tenant_id} for tenant_id in sorted(tenant_ids)]
    if rows:
        await connection.execute(insert(api_client_tenant), rows)


async def _tell(
    connection: AsyncConnection,
    kind: str,
    client_id: UUID,
    actor: Actor,
    *,
    name: str,
    until: datetime | None = None,
    partner_id: UUID | None = None,
) -> None:
    """Write to the principals of the client's partner, the own one unless another is named."""
    whose = partner_id or actor.partner_id
    if whose is not None:
        values = {"client": name, "by": actor.name, "until": (until - _MOMENT).date().isoformat() if until else ""}
        await tell_principals(connection, kind, partner_id=whose, client_id=client_id, values=values)


async def _note(
    connection: AsyncConnection,
    actor: Actor,
    client_id: UUID,
    action: Action,
    *,
    changes: dict[str, Any] | None = None,
    reason: str = "",
    partner_id: UUID | None = None,
) -> None:
    """Write an act on a client into the partner's trail."""
    await record(
        connection,
        actor,
        action=action,
        target=Target("api_client", client_id),
        partner_id=partner_id or actor.partner_id,
        changes=changes,
        reason=reason,
    )


def _said(draft: Draft) -> dict[str, Any]:
    """Return a draft as the trail says it."""
    return {
        "name": draft.name,
        "permissions": sorted(draft.scopes),
        "tenant_scope": draft.tenant_scope,
        "tenants": sorted(map(str, draft.tenant_ids)),
        "networks": list(draft.networks),
        "expires_at": draft.expires_at.isoformat() if draft.expires_at else None,
    }


def _widens(before: Client, tenant_ids: list[UUID], after: Draft, actor: Actor) -> bool:
    """Return whether a change lets a client do more, from more places or for longer, or has somebody else answer."""
    more_customers = before.tenant_scope != "all" and (
        after.tenant_scope == "all" or bool(after.tenant_ids - set(tenant_ids))
    )
    more_networks = bool(before.networks) and (not after.networks or bool(set(after.networks) - set(before.networks)))
    return (
        bool(after.scopes - set(before.scopes))
        or more_customers
        or more_networks
        or (after.expires_at is not None and after.expires_at > before.expires_at)
        or before.responsible_id != actor.user_id
    )


def _differences(before: Client, tenant_ids: list[UUID], after: Draft, actor: Actor) -> dict[str, Any]:
    """Return what a change changes: before and after."""
    was = Draft(
        name=before.name,
        scopes=frozenset(before.scopes),
        tenant_scope=before.tenant_scope,
        tenant_ids=frozenset(tenant_ids),
        networks=tuple(before.networks),
        expires_at=before.expires_at,
    )
    old, new = _said(was), _said(after)
    changes = {name: [old[name], new[name]] for name in new if old[name] != new[name]}
    if before.responsible_id != actor.user_id:
        changes["responsible"] = [before.responsible_name, actor.name]
    return changes
