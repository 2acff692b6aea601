"""Clients of the vendor's own platform: read and looked after by staff, and found at gate 1 by what a token proves."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import case, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db, once
from guildhall.core.actor import Actor, DbRole, Kind
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.core.ids import new_id
from guildhall.domain.audit.refusals import refused
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import client_secrets
from guildhall.domain.people.client_rules import OVERLAPS, end_at_fault, named, networks_of
from guildhall.domain.people.client_secrets import Made, Secret
from guildhall.domain.people.platform_tables import platform_client as client
from guildhall.domain.people.platform_tables import platform_client_secret as secret
from guildhall.domain.people.sessions import Found
from guildhall.domain.people.software import WITHIN, Software, expired, expiring, revoked, usable_address
from guildhall.domain.quotas.counting import Call, counted, outcome
from guildhall.domain.rbac.registry import PLATFORM

READ, MANAGE = "staff.platform.read", "staff.platform.manage"
LONGEST_REASON = 2000
MOST_STANDING = 50
_NOTED_FOR = timedelta(minutes=1)
_FOUND = f"(SELECT s.*, {WITHIN} FROM portal.find_platform_session(:secret) AS s)"
_SESSION = text(f"SELECT f.* FROM {_FOUND} AS f")
_COUNTED = counted(_FOUND, "CASE WHEN f.within THEN f.user_id END")
_USED = text("SELECT * FROM portal.client_used(:secret, :address)")
_STATE = case(revoked(client), expired(client), expiring(client), else_="active")


class Client(Software, frozen=True, kw_only=True):
    """One client of the platform; each may bring every kind of tenant data in."""


class Draft(Struct, frozen=True, kw_only=True):
    """What somebody wants a client to be; `networks` as typed, in CIDR, none means from anywhere."""

    name: str
    purpose: str = ""
    networks: tuple[str, ...] = ()
    expires_at: datetime | None = None


async def listed(connection: AsyncConnection, actor: Actor) -> list[Client]:
    """Return every client, those that stand first; raises Forbidden."""
    _must(actor, READ)
    order = (client.c.revoked_at.is_not(None), func.lower(client.c.name), client.c.id)
    return [Client(**row) for row in (await connection.execute(_chosen().order_by(*order))).mappings()]


async def get(connection: AsyncConnection, actor: Actor, client_id: UUID) -> Client:
    """Return one client; raises Forbidden, NotFound."""
    _must(actor, READ)
    row = (await connection.execute(_chosen().where(client.c.id == client_id))).mappings().first()
    if row is None:
        raise NotFound
    return Client(**row)


async def secrets(connection: AsyncConnection, client_id: UUID) -> list[Secret]:
    """Return the secrets of a client that work now, newest first."""
    return await client_secrets.working(connection, secret, client_id)


def _chosen() -> Any:
    columns = [client.c[name] for name in Client.__struct_fields__ if name in client.c]
    return select(*columns, _STATE.label("state"))


async def find(origin: Actor, *, secret_id: UUID, path: str, call: Call | None = None) -> Found | None:
    """Return the living client whose secret `secret_id` an access token was got with; None where it is dead.

    A use from outside of its networks is noted in the vendor's trail with `path`, and dead. `call` is counted in the
    same statement, unless it comes from there.
    """
    values = {"secret": secret_id, "address": usable_address(origin.ip)} | (call.values() if call else {})
    row = await db.door(origin.surface, _COUNTED if call else _SESSION, values)
    if row is None:
        return None
    actor = _actor(origin, row)
    if not row["within"]:
        await refused(actor, code="UNAUTHORIZED", path=path, now=clock.now())
        return None
    noted = row["last_used_at"]
    if noted is None or clock.now() - noted > _NOTED_FOR:
        await db.door(origin.surface, _USED, {"secret": secret_id, "address": origin.ip})
    return Found(actor, row, outcome(call, row) if call else None)


def _actor(origin: Actor, row: Mapping[str, Any]) -> Actor:
    """Return the client as an actor: of no partner, under the platform's own database role."""
    return msgspec.structs.replace(
        origin,
        kind=Kind.PLATFORM,
        role=DbRole.PLATFORM,
        name=row["name"],
        user_id=row["user_id"],
        session_id=row["session_id"],
        permissions=frozenset(PLATFORM),
        method="client_credentials",
    )


async def set_up(actor: Actor, *, draft: Draft, form: UUID | None = None, now: datetime) -> Made:
    """Set a client up, with its first secret.

    The same `form` saying the same sets one up, however often it comes; only the first time brings the secret. Needs
    a fresh second factor. Raises Invalid by field, Conflict where there are fifty already.
    """
    _must(actor, MANAGE)
    whole = _checked(draft, now)
    require_fresh(actor, now=now)
    said = msgspec.json.encode(draft, order="deterministic")
    client_id = new_id() if form is None else once.id_from(actor, form, said)
    async with db.transaction(actor) as connection:
        await once.alone(connection, client_id)
        if await connection.scalar(select(client.c.id).where(client.c.id == client_id)) is not None:
            return Made(client_id, "")
        standing = select(func.count()).select_from(client).where(client.c.revoked_at.is_(None))
        if (await connection.scalar(standing) or 0) >= MOST_STANDING:
            raise Conflict("There are 50 platform clients already. Revoke one that nobody uses.")
        values = msgspec.structs.asdict(whole) | {"id": client_id, "created_by": actor.name}
        await connection.execute(insert(client).values(values))
        made = await client_secrets.make(connection, secret, actor, client_id)
        await _note(connection, actor, client_id, Action.CLIENT_CREATED, changes=_said(whole))
    return Made(client_id, made)


async def change(actor: Actor, *, client_id: UUID, draft: Draft, now: datetime) -> None:
    """Make a client what `draft` says, its end included.

    Needs a fresh second factor. Raises Invalid by field, NotFound, Conflict for one that was revoked.
    """
    _must(actor, MANAGE)
    whole = _checked(draft, now)
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        before = await get(connection, actor, client_id)
        values = msgspec.structs.asdict(whole) | {"updated_at": func.now()}
        await _still(connection, client_id, values)
        was = _said(Draft(**{name: getattr(before, name) for name in Draft.__struct_fields__}))
        changes = {name: [was[name], value] for name, value in _said(whole).items() if value != was[name]}
        await _note(connection, actor, client_id, Action.CLIENT_CHANGED, changes=changes)


async def rotate(actor: Actor, *, client_id: UUID, overlap: timedelta, now: datetime) -> Made:
    """Give a client a new secret; older ones work for `overlap` more, at most seven days.

    Needs a fresh second factor. Raises NotFound, Invalid, Conflict for a client that was revoked.
    """
    _must(actor, MANAGE)
    if overlap not in OVERLAPS:
        raise Invalid(errors={"overlap": "Choose one of the list"})
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        await _still(connection, client_id, {"updated_at": func.now()})
        await client_secrets.end(connection, secret, client_id, at=now + overlap)
        made = await client_secrets.make(connection, secret, actor, client_id)
        hours = int(overlap.total_seconds() // 3600)
        await _note(connection, actor, client_id, Action.CLIENT_SECRET_MADE, changes={"overlap_hours": hours})
    return Made(client_id, made)


async def end_secret(actor: Actor, *, client_id: UUID, secret_id: UUID, now: datetime) -> None:
    """End one secret at once, with every token that was got with it; raises NotFound, Conflict."""
    _must(actor, MANAGE)
    async with db.transaction(actor) as connection:
        await _still(connection, client_id, {"updated_at": func.now()})
        ended = await client_secrets.end(connection, secret, client_id, at=now, secret_id=secret_id)
        if not ended:
            raise NotFound
        await _note(connection, actor, client_id, Action.CLIENT_SECRET_ENDED, changes={"ending_in": ended[0]})


async def revoke(actor: Actor, *, client_id: UUID, reason: str, now: datetime) -> None:
    """Revoke a client for good, saying why: its next request is refused. Raises Invalid, NotFound, Conflict."""
    _must(actor, MANAGE)
    why = reason.strip()
    if not 0 < len(why) <= LONGEST_REASON:
        raise Invalid(errors={"reason": "Say why, in at most 2000 characters"})
    async with db.transaction(actor) as connection:
        values = {"revoked_at": now, "revoked_by": actor.name, "revoked_because": why, "updated_at": func.now()}
        await _still(connection, client_id, values)
        await _note(connection, actor, client_id, Action.CLIENT_REVOKED, reason=why)


async def _still(connection: AsyncConnection, client_id: UUID, values: Mapping[str, Any]) -> None:
    """Write to a client that was not revoked, which holds it against a second act at once.

    Raises NotFound for an unknown one, Conflict for a revoked one.
    """
    changing = update(client).where(client.c.id == client_id, client.c.revoked_at.is_(None)).values(**values)
    if (await connection.execute(changing.returning(client.c.id))).first() is not None:
        return
    if await connection.scalar(select(client.c.id).where(client.c.id == client_id)) is None:
        raise NotFound
    raise Conflict("This client was revoked")


def _checked(draft: Draft, now: datetime) -> Draft:
    """Return the draft in its stored form; raise Invalid naming every field at fault."""
    errors: dict[str, str] = {}
    name, purpose = named(draft.name, draft.purpose, errors)
    networks = networks_of(draft.networks, errors)
    errors |= end_at_fault(draft.expires_at, now)
    if errors:
        raise Invalid(errors=errors)
    return Draft(name=name, purpose=purpose, networks=networks, expires_at=draft.expires_at)


def _said(draft: Draft) -> dict[str, Any]:
    """Return a draft as the trail says it."""
    ends = draft.expires_at.isoformat() if draft.expires_at else None
    return {"name": draft.name, "networks": list(draft.networks), "expires_at": ends}


def _must(actor: Actor, permission: str) -> None:
    if not actor.may(permission):
        raise Forbidden


async def _note(
    connection: AsyncConnection,
    actor: Actor,
    client_id: UUID,
    action: Action,
    *,
    changes: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Write an act on a client into the vendor's trail."""
    target = Target("platform_client", client_id)
    await record(connection, actor, action=action, target=target, changes=changes, reason=reason)
