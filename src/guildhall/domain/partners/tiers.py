"""The tiers of the programme: a table that staff edit (PRODUCT §4)."""

import re
from datetime import datetime

from msgspec import Struct
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, NotFound
from guildhall.core.text import storable
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.partners.application_tables import partner_tier as table
from guildhall.domain.partners.applications import must
from guildhall.domain.partners.tables import partner

MANAGE = "staff.tiers.manage"
_CODE = re.compile(r"[a-z][a-z0-9_]{0,30}")
_LONGEST_NAME = 60
_LONGEST_TEXT = 500
_HIGHEST = 99


class Tier(Struct, frozen=True, kw_only=True):
    """One tier; an empty name stands for the built-in word of its code. `partners` counts those that hold it."""

    code: str
    name: str
    rank: int
    description: str
    closed_at: datetime | None
    partners: int = 0


async def listed(connection: AsyncConnection, actor: Actor) -> list[Tier]:
    """Return every tier, the lowest first."""
    must(actor, "staff.tiers.read")
    counted = select(func.count()).where(partner.c.tier == table.c.code).correlate(table).scalar_subquery()
    columns = [table.c[name] for name in Tier.__struct_fields__ if name != "partners"]
    chosen = select(*columns, counted.label("partners")).order_by(table.c.rank, table.c.code)
    return [Tier(**row) for row in (await connection.execute(chosen)).mappings()]


async def get(connection: AsyncConnection, actor: Actor, code: str) -> Tier:
    """Return one tier; raises NotFound where there is none."""
    found = next((tier for tier in await listed(connection, actor) if tier.code == code), None)
    if found is None:
        raise NotFound
    return found


async def add(actor: Actor, *, code: str, name: str, rank: int | None, description: str) -> None:
    """Add a tier; raises Invalid by field."""
    must(actor, MANAGE)
    errors = _errors(name, rank, description)
    if not _CODE.fullmatch(code) or code == "new":  # the address of the form
        errors["code"] = "Write lower-case letters, digits and underscores, a letter first"
    if not name.strip():
        errors["name"] = "Fill this in"
    if errors:
        raise Invalid(errors=errors)
    values = {"code": code, "name": name.strip(), "rank": rank, "description": description.strip()}
    async with db.transaction(actor) as connection:
        try:
            await connection.execute(insert(table).values(**values))
        except IntegrityError:
            raise Invalid(errors={"code": "There is a tier with this code already"}) from None
        await record(connection, actor, action=Action.TIER_CHANGED, target=Target("tier", code), changes=values)


async def change(actor: Actor, *, code: str, name: str, rank: int | None, description: str) -> None:
    """Change how a tier is called, ranked and described; its code stays. Raises Invalid by field."""
    must(actor, MANAGE)
    if errors := _errors(name, rank, description):
        raise Invalid(errors=errors)
    values = {"name": name.strip(), "rank": rank, "description": description.strip()}
    async with db.transaction(actor) as connection:
        before = await get(connection, actor, code)
        await connection.execute(update(table).where(table.c.code == code).values(**values))
        changes = {key: [getattr(before, key), value] for key, value in values.items() if getattr(before, key) != value}
        await record(connection, actor, action=Action.TIER_CHANGED, target=Target("tier", code), changes=changes)


async def set_closed(actor: Actor, *, code: str, closed: bool) -> None:
    """Close a tier, so that nobody new gets it, or open it again; the last open one stays open."""
    must(actor, MANAGE)
    async with db.transaction(actor) as connection:
        await connection.execute(select(table.c.code).with_for_update())
        tiers = await listed(connection, actor)
        found = next((tier for tier in tiers if tier.code == code), None)
        if found is None:
            raise NotFound
        if (found.closed_at is not None) == closed:
            raise Conflict("The tier is in this state already")
        if closed and not any(tier.closed_at is None and tier.code != code for tier in tiers):
            raise Conflict("This is the last open tier; new partners need one")
        moment = func.now() if closed else None
        await connection.execute(update(table).where(table.c.code == code).values(closed_at=moment))
        changes = {"status": ["open", "closed"] if closed else ["closed", "open"]}
        await record(connection, actor, action=Action.TIER_CHANGED, target=Target("tier", code), changes=changes)


def _errors(name: str, rank: int | None, description: str) -> dict[str, str]:
    """Return what is wrong with the fields that every tier has."""
    errors = {}
    if len(name.strip()) > _LONGEST_NAME or not storable(name):
        errors["name"] = "Write at most 60 characters"
    if rank is None or not 1 <= rank <= _HIGHEST:
        errors["rank"] = "Write a whole number from 1 to 99"
    if len(description.strip()) > _LONGEST_TEXT or not storable(description):
        errors["description"] = "Write at most 500 characters"
    return errors
