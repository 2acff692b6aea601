"""Relationships that stood before this installation did: imported by staff, all of them or none (PRODUCT §5).

Such a link carries no consent given here, so it is what a beta link is: live at once, with a reason that both sides
read, told to the customer's people, who can narrow, pause or revoke it at any time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, Refusal
from guildhall.core.freshness import require_fresh
from guildhall.domain.access.links import must
from guildhall.domain.access.oversight import give
from guildhall.domain.access.terms import Terms
from guildhall.domain.audit.trail import hold
from guildhall.domain.partners.tables import partner
from guildhall.domain.tenancy.tables import tenant

MOST = 500


class Relationship(Struct, frozen=True, kw_only=True):
    """A link that stands already: the partner by its name or short name, the customer by its domain."""

    partner: str
    domain: str
    terms: Terms


async def import_links(
    actor: Actor, *, rows: Sequence[Relationship], dry_run: bool, now: datetime
) -> list[Refusal | None]:
    """Make a live link for each row, in one transaction; return for each, in its place, why it cannot be, or None.

    One row at fault undoes all, and so does `dry_run`, which asks for no fresh second factor. Raises Forbidden,
    StepUpRequired, Invalid where there are too many rows.
    """
    must(actor, "staff.links.create")
    if not dry_run:
        require_fresh(actor, now=now)
    if len(rows) > MOST:
        raise Invalid("Import at most 500 links at once")
    async with db.transaction(actor) as connection:
        whole = await connection.begin_nested()
        found = await _give_all(connection, actor, rows, now)
        await (whole.rollback() if dry_run or any(found) else whole.commit())
    return found


async def _give_all(
    connection: AsyncConnection, actor: Actor, rows: Sequence[Relationship], now: datetime
) -> list[Refusal | None]:
    """Make the links one after the other, each fault by itself."""
    partners = await _partners(connection, {row.partner.lower() for row in rows})
    tenants = await _tenants(connection, {row.domain.lower() for row in rows})
    await hold(
        connection,
        partners=(each.id for each in partners.values()),
        tenants=(each.id for each in tenants.values()),
        vendor=True,
    )
    return [await _give(connection, actor, row, partners, tenants, now) for row in rows]


async def _give(
    connection: AsyncConnection,
    actor: Actor,
    row: Relationship,
    partners: Mapping[str, Row[Any]],
    tenants: Mapping[str, Row[Any]],
    now: datetime,
) -> Refusal | None:
    """Make one link; return why it cannot be."""
    to, about = partners.get(row.partner.lower()), tenants.get(row.domain.lower())
    errors = {} if to is not None else {"partner": "No active partner has this name"}
    errors |= {} if about is not None else {"domain": "No customer has this domain"}
    errors |= {} if row.terms.reason.strip() else {"reason": "Say why this link starts without the customer's approval"}
    if to is None or about is None or errors:
        return Invalid(errors=errors)
    part = await connection.begin_nested()
    try:
        await give(connection, actor, to, about, row.terms, now=now)
    except Refusal as refusal:
        await part.rollback()
        return refusal
    await part.commit()
    return None


async def _partners(connection: AsyncConnection, names: set[str]) -> dict[str, Row[Any]]:
    """Return the active partners of these names, by name and by short name."""
    chosen = select(partner).where(
        partner.c.status == "active", or_(func.lower(partner.c.name).in_(names), partner.c.slug.in_(names))
    )
    found: dict[str, Row[Any]] = {}
    for row in await connection.execute(chosen):
        found |= {row.name.lower(): row, row.slug: row}
    return found


async def _tenants(connection: AsyncConnection, domains: set[str]) -> dict[str, Row[Any]]:
    """Return the customers of these domains."""
    rows = await connection.execute(select(tenant).where(tenant.c.domain.in_(domains)))
    return {row.domain: row for row in rows}
