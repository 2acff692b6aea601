"""A quota of calls that one partner has instead of the standard: given and taken back by staff (API.md, “Limits”)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.core.text import storable
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.partners.tables import partner
from guildhall.domain.quotas.kinds import MOST, OF_PARTNER
from guildhall.domain.quotas.own_use import own_quota
from guildhall.domain.quotas.tables import partner_quota

READ, MANAGE = "staff.quotas.read", "staff.quotas.manage"
LONGEST_REASON = 2000
COLUMNS = tuple(f"{kind}_calls" for kind in OF_PARTNER)


def checked(wanted: Mapping[str, int | None], reason: str) -> dict[str, str]:
    """Return what is wrong with a quota, by field: each number is None for the standard, and one is given at least."""
    wrong = "Write a whole number from 1 to 1,000,000, or leave it empty for the standard"
    errors = {name: wrong for name, calls in wanted.items() if calls is not None and not 1 <= calls <= MOST}
    if not any(wanted.values()) and not errors:
        errors[COLUMNS[0]] = "Give one number at least; to go back to the standard, clear the quota"
    if not 0 < len(reason.strip()) <= LONGEST_REASON or not storable(reason):
        errors["reason"] = "Say why, in at most 2000 characters"
    return errors


async def give(actor: Actor, *, partner_id: UUID, wanted: Mapping[str, int | None], reason: str, now: datetime) -> None:
    """Give a partner these quotas (by column, None: the standard); they bind from its next call on.

    Needs a fresh second factor. Raises Invalid by field, NotFound, Conflict where nothing would change.
    """
    _must(actor, MANAGE)
    if errors := checked(wanted, reason):
        raise Invalid(errors=errors)
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        await _held(connection, partner_id)
        before = await own_quota(connection, partner_id) or {}
        numbers = {name: wanted.get(name) for name in COLUMNS}
        changes = {name: [before.get(name), new] for name, new in numbers.items() if before.get(name) != new}
        if not changes:
            raise Conflict("Nothing was changed")
        values = {**numbers, "reason": reason.strip(), "set_by": actor.name, "updated_at": func.now()}
        writing = insert(partner_quota).values(partner_id=partner_id, **values)
        await connection.execute(writing.on_conflict_do_update(index_elements=["partner_id"], set_=values))
        await _note(connection, actor, partner_id, changes, reason.strip())


async def clear(actor: Actor, *, partner_id: UUID, reason: str, now: datetime) -> None:
    """Take a partner's own quota back: the standard binds from its next call on.

    Needs a fresh second factor. Raises Invalid, NotFound, Conflict for a partner without one.
    """
    _must(actor, MANAGE)
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise Invalid(errors={"reason": "Say why, in at most 2000 characters"})
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        await _held(connection, partner_id)
        before = await own_quota(connection, partner_id)
        if before is None:
            raise Conflict("This partner has no quota of its own")
        await connection.execute(delete(partner_quota).where(partner_quota.c.partner_id == partner_id))
        changes = {name: [before[name], None] for name in COLUMNS if before[name] is not None}
        await _note(connection, actor, partner_id, changes, reason.strip())


def _must(actor: Actor, permission: str) -> None:
    if not actor.may(permission):
        raise Forbidden


async def _held(connection: AsyncConnection, partner_id: UUID) -> None:
    """Hold the partner against a second act at once; raise NotFound where there is none."""
    chosen = select(partner.c.id).where(partner.c.id == partner_id).with_for_update()
    if (await connection.execute(chosen)).first() is None:
        raise NotFound(code="PARTNER_NOT_FOUND")


async def _note(
    connection: AsyncConnection, actor: Actor, partner_id: UUID, changes: Mapping[str, Any], reason: str
) -> None:
    target = Target("partner", partner_id)
    await record(
        connection,
        actor,
        action=Action.QUOTA_CHANGED,
        target=target,
        partner_id=partner_id,
        changes=changes,
        reason=reason,
    )
