"""What a tenant does with links: approve, decline, counter, pause, resume, revoke, narrow, stop all (PRODUCT §12)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.core.ids import new_id
from guildhall.domain.access import links
from guildhall.domain.access.links import must
from guildhall.domain.access.reducing import less
from guildhall.domain.access.states import STANDING
from guildhall.domain.access.tables import link_change
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.access.terms import Terms
from guildhall.domain.access.writes import (
    close_offers,
    expire_if_overdue,
    note_step,
    note_terms,
    step,
    write_terms,
)
from guildhall.domain.audit.trail import Action, Target, hold, record
from guildhall.domain.tenancy.tables import link_code

CODE_DAYS = 14
_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # nothing that reads like something else


async def approve(actor: Actor, *, link_id: UUID, now: datetime) -> str:
    """Approve a request exactly as it was asked; return the new state, `active` or `scheduled`.

    Needs a fresh second factor. Raises Conflict where it was withdrawn, has lapsed, or another rule forbids it.
    """
    must(actor, "customer.links.decide")
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        asked = await links.get(connection, actor, link_id)
        if asked.ends_at is not None and asked.ends_at <= now:
            raise Conflict("The time that was asked for is over; decline, and let the partner ask again")
        to = "scheduled" if asked.starts_at > now else "active"
        values = {"starts_at": max(asked.starts_at, now), "decided_at": now, "tenant_name": actor.tenant_name}
        row = await step(connection, actor, link_id=link_id, to=to, values=values)
        await note_step(connection, actor, row, Action.LINK_APPROVED)
        return to


async def decline(actor: Actor, *, link_id: UUID, reason: str = "") -> None:
    """Turn a request down."""
    must(actor, "customer.links.decide")
    async with db.transaction(actor) as connection:
        row = await step(connection, actor, link_id=link_id, to="declined", values={"decided_at": func.now()})
        await note_step(connection, actor, row, Action.LINK_DECLINED, reason=reason)


async def counter(actor: Actor, *, link_id: UUID, terms: Terms, now: datetime) -> None:
    """Offer less than was asked: fewer permissions, a lower operating model, or a shorter time.

    Raises Invalid beside the field that would be more than was asked, or where nothing is less.
    """
    must(actor, "customer.links.decide")
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        asked = await links.get(connection, actor, link_id)
        columns = less(terms, asked, now=now)
        row = await step(connection, actor, link_id=link_id, to="countered", values={"tenant_name": actor.tenant_name})
        await connection.execute(
            insert(link_change).values(
                id=new_id(),
                link_id=link_id,
                kind="counter",
                reason=terms.reason,
                proposed_by=actor.name,
                **columns,
            )
        )
        await note_step(connection, actor, row, Action.LINK_COUNTERED, reason=terms.reason)


async def revoke(actor: Actor, *, link_id: UUID, reason: str = "") -> None:
    """End a link at once; the partner's very next request is refused."""
    must(actor, "customer.links.stop")
    await expire_if_overdue(actor, link_id)
    async with db.transaction(actor) as connection:
        row = await step(connection, actor, link_id=link_id, to="revoked", values={"decided_at": func.now()})
        await close_offers(connection, actor, link_id, "declined")
        await note_step(connection, actor, row, Action.LINK_REVOKED, reason=reason)


async def stop_all(actor: Actor, *, reason: str = "") -> int:
    """Revoke every standing link of the tenant in one act; return how many there were (PRODUCT §5)."""
    must(actor, "customer.links.stop")
    async with db.transaction(actor) as connection:
        stopped = (
            (
                await connection.execute(
                    update(link)
                    .where(link.c.tenant_id == actor.tenant_id, link.c.status.in_(STANDING))
                    .values(
                        status="revoked",
                        paused_by=None,
                        decided_at=func.now(),
                        version=link.c.version + 1,
                        updated_by=actor.name,
                        updated_at=func.now(),
                    )
                    .returning(link)
                )
            )
            .mappings()
            .all()
        )
        await hold(connection, partners=(row["partner_id"] for row in stopped), tenants=[actor.tenant_id])
        for row in sorted(stopped, key=lambda each: each["partner_id"]):
            await note_step(connection, actor, row, Action.LINK_REVOKED, reason=reason)
        await record(
            connection,
            actor,
            action=Action.LINKS_STOPPED,
            target=Target("tenant", str(actor.tenant_id)),
            tenant_id=actor.tenant_id,
            changes={"count": len(stopped)},
            reason=reason,
        )
        return len(stopped)


async def approve_change(actor: Actor, *, link_id: UUID, now: datetime) -> None:
    """Grant what the partner asks for beside what it has; only the difference is new."""
    must(actor, "customer.links.decide")
    require_fresh(actor, now=now)
    await expire_if_overdue(actor, link_id)
    async with db.transaction(actor) as connection:
        current = await links.get(connection, actor, link_id)
        if current.status not in STANDING:
            raise Conflict("The link is %(link_state)s", values={"link_state": current.shown_status})
        offer = await links.open_offer(connection, link_id, "change")
        columns = {
            "access_role": offer.access_role,
            "custom_permissions": offer.custom_permissions,
            "permissions": offer.permissions,
            "areas": offer.areas,
            "operating_model": offer.operating_model,
            "ends_at": offer.ends_at,
        }
        await write_terms(connection, actor, current, columns)
        await close_offers(connection, actor, link_id, "accepted")
        await note_terms(connection, actor, current, Action.LINK_CHANGE_APPROVED, columns, "")


async def decline_change(actor: Actor, *, link_id: UUID, reason: str = "") -> None:
    """Leave the link as it is."""
    must(actor, "customer.links.decide")
    async with db.transaction(actor) as connection:
        current = await links.get(connection, actor, link_id)
        await links.open_offer(connection, link_id, "change")
        await close_offers(connection, actor, link_id, "declined")
        await note_terms(connection, actor, current, Action.LINK_CHANGE_DECLINED, {}, reason)


async def narrow(actor: Actor, *, link_id: UUID, terms: Terms, now: datetime) -> None:
    """Take something back at once: permissions, depth or time. Raises Invalid for anything wider."""
    must(actor, "customer.links.stop")
    await expire_if_overdue(actor, link_id)
    async with db.transaction(actor) as connection:
        current = await links.get(connection, actor, link_id)
        if current.status not in STANDING:
            raise Conflict("The link is %(link_state)s", values={"link_state": current.shown_status})
        columns = less(terms, current, now=now)
        await write_terms(connection, actor, current, columns)
        await note_terms(connection, actor, current, Action.LINK_NARROWED, columns, terms.reason)


async def make_code(actor: Actor, *, now: datetime) -> str:
    """Return a fresh code, valid for 14 days, that the tenant may show to a partner; it is kept as a hash."""
    must(actor, "customer.links.decide")
    code = "".join(_ALPHABET[octet % len(_ALPHABET)] for octet in crypto.random_octets(12))
    async with db.transaction(actor) as connection:
        made = new_id()
        await connection.execute(
            insert(link_code).values(
                id=made,
                tenant_id=actor.tenant_id,
                code_hash=crypto.token_hash(code),
                created_by=actor.user_id,
                expires_at=now + timedelta(days=CODE_DAYS),
            )
        )
        target = Target("link_code", made)
        await record(connection, actor, action=Action.LINK_CODE_MADE, target=target, tenant_id=actor.tenant_id)
    return f"{code[:4]}-{code[4:8]}-{code[8:]}"


async def withdraw_code(actor: Actor, *, code_id: UUID) -> None:
    """Make a code worthless."""
    must(actor, "customer.links.decide")
    async with db.transaction(actor) as connection:
        gone = await connection.execute(
            update(link_code)
            .where(link_code.c.id == code_id, link_code.c.withdrawn_at.is_(None))
            .values(withdrawn_at=func.now())
            .returning(link_code.c.id)
        )
        if gone.first() is None:
            raise NotFound("There is no such code")
        target = Target("link_code", code_id)
        await record(connection, actor, action=Action.LINK_CODE_WITHDRAWN, target=target, tenant_id=actor.tenant_id)


async def codes(connection: AsyncConnection, actor: Actor) -> list[dict[str, Any]]:
    """Return the tenant's codes that still work: id, expires_at, created_at."""
    rows = await connection.execute(
        select(link_code.c.id, link_code.c.expires_at, link_code.c.created_at)
        .where(
            link_code.c.tenant_id == actor.tenant_id,
            link_code.c.withdrawn_at.is_(None),
            link_code.c.expires_at > func.now(),
        )
        .order_by(link_code.c.created_at.desc())
    )
    return [dict(row) for row in rows.mappings()]
