"""Sessions: found by the hash of their token, alive only while person, membership and partner are (PRODUCT §3)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto, db
from guildhall.core.actor import Actor, Kind
from guildhall.core.errors import NotFound
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people.doors import DOORS, Door
from guildhall.domain.quotas.counting import Call, Counted, counted, outcome
from guildhall.domain.rbac.registry import CUSTOMER, OF_THE_WHOLE_PARTNER, PARTNER, STAFF, held_by

LONGEST = timedelta(days=7)
_COUNTED = counted("portal.find_partner_session(:token, :session, :kind, :tenant)", "f.partner_id")
IDLE = timedelta(hours=12)  # as the functions that find sessions have it (boundary/doors.sql)


class Found(Struct, frozen=True):
    """A live session: the actor, and the row as the door gave it (for a partner, with its link to a tenant).

    `counted` is what became of the call, where it was to be counted.
    """

    actor: Actor
    row: Mapping[str, Any]
    counted: Counted | None = None


async def find(
    origin: Actor,
    *,
    token: str = "",
    session_id: UUID | None = None,
    tenant_id: UUID | None = None,
    call: Call | None = None,
) -> Found | None:
    """Return the live session of `token` (or, for API tokens, of `session_id`) on the origin's surface.

    `origin` is the anonymous actor of the request. For partners, `tenant_id` brings the link to that tenant
    along, so that gates 1 to 5 cost one query. `call`, for partners too, is counted in the same. None where the
    session is dead or unknown.
    """
    door = DOORS[origin.surface]
    values: dict[str, Any] = {"token": crypto.token_hash(token) if token else None}
    if door.kind is Kind.PARTNER_USER:
        values |= {"session": session_id, "kind": door.session_kind, "tenant": tenant_id}
    if call is None:
        row = await db.door(origin.surface, door.found, values)
        return Found(_actor(door, origin, row), row) if row else None
    row = await db.door(origin.surface, _COUNTED, values | call.values())
    return Found(_actor(door, origin, row), row, outcome(call, row)) if row else None


def _actor(door: Door, origin: Actor, row: Mapping[str, Any]) -> Actor:
    """Return the actor behind a session's row, with the permissions of the roles held now.

    Somebody limited to some customers manages neither the team nor clients, whatever the roles.
    """
    registry = {Kind.PARTNER_USER: PARTNER, Kind.CUSTOMER_USER: CUSTOMER, Kind.STAFF_USER: STAFF}[door.kind]
    roles = (row["role"],) if door.kind is Kind.CUSTOMER_USER else tuple(row["roles"])
    kept = OF_THE_WHOLE_PARTNER if row.get("tenant_scope", "all") != "all" else frozenset()
    return msgspec.structs.replace(
        origin,
        kind=door.kind,
        name=row["name"],
        user_id=row["user_id"],
        session_id=row["session_id"],
        partner_id=row.get("partner_id"),
        partner_name=row.get("partner_name"),
        tenant_id=row["tenant_id"] if door.kind is Kind.CUSTOMER_USER else None,
        tenant_name=row["tenant_name"] if door.kind is Kind.CUSTOMER_USER else None,
        roles=roles,
        permissions=held_by(roles, registry) - kept,
        method=row["method"],
        factor_at=row["factor_at"],
        language=row["language"],
        timezone=row["timezone"],
    )


async def end(actor: Actor) -> None:
    """End the session at work: sign out."""
    await end_session(actor, session_id=_own(actor))


async def end_session(actor: Actor, *, session_id: UUID) -> None:
    """End one of the actor's own sessions; raises NotFound for any other."""
    table = DOORS[actor.surface].session
    async with db.transaction(actor) as connection:
        ended = await connection.execute(
            update(table)
            .where(table.c.id == session_id, table.c.user_id == actor.user_id, table.c.ended_at.is_(None))
            .values(ended_at=func.now())
            .returning(table.c.id)
        )
        if ended.first() is None:
            raise NotFound("This session has already ended")
        await record(connection, actor, action=Action.SIGNED_OUT, target=Target("session", session_id))


async def end_all(actor: Actor) -> int:
    """End every session of the person at work, on every device, with its tokens; return how many there were."""
    table = DOORS[actor.surface].session
    async with db.transaction(actor) as connection:
        ended = await connection.execute(
            update(table)
            .where(table.c.user_id == actor.user_id, table.c.ended_at.is_(None))
            .values(ended_at=func.now())
            .returning(table.c.id)
        )
        count = len(ended.all())
        target = Target("person", str(actor.user_id))
        await record(connection, actor, action=Action.SIGNED_OUT_EVERYWHERE, target=target, changes={"sessions": count})
    return count


async def list_own(connection: AsyncConnection, actor: Actor) -> list[RowMapping]:
    """Return the actor's own live sessions, newest first."""
    table = DOORS[actor.surface].session
    kind = table.c.kind if "kind" in table.c else literal("browser")  # partners have sessions of tokens too
    rows = await connection.execute(
        select(
            table.c.id,
            table.c.method,
            kind.label("kind"),
            table.c.ip,
            table.c.user_agent,
            table.c.last_seen_at,
            table.c.created_at,
        )
        .where(table.c.user_id == actor.user_id, table.c.ended_at.is_(None), table.c.expires_at > func.now())
        .where(or_(table.c.method == "email_link", kind == "api", table.c.last_seen_at > func.now() - IDLE))
        .order_by(table.c.created_at.desc())
    )
    return list(rows.mappings().all())


def _own(actor: Actor) -> UUID:
    """Return the session at work."""
    if actor.session_id is None:
        raise NotFound("Nobody is signed in")
    return actor.session_id
