"""Relationships that stood before this installation did: imported by staff, all of them or none (PRODUCT §5).

Such a link carries no consent given here, so it is what a beta link is: live at once, with a reason that both sides
read, told to the customer's people, who can narrow, pause or revoke it at any time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, Refusal
from guildhall.core.freshness import require_fresh
from guildhall.domain.access.links import must
from guildhall.domain.access.oversight import give, note_given
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


class Outcome(Struct, frozen=True, kw_only=True):
    """What came, or would come, of a row: the partner that it means, and why there can be no link, or None."""

    partner_name: str = ""
    partner_slug: str = ""
    refusal: Refusal | None = None


class _Given(Struct, frozen=True):
    """A link that was written and is not recorded yet."""

    link_id: UUID
    to: Row[Any]
    about: Row[Any]
    terms: Terms


async def import_links(actor: Actor, *, rows: Sequence[Relationship], dry_run: bool, now: datetime) -> list[Outcome]:
    """Make a live link for each row, in one transaction; return for each, in its place, what came of it.

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
        found, given = await _give_all(connection, actor, rows, now)
        if dry_run or len(given) < len(rows):
            await whole.rollback()
        else:
            await _note_all(connection, actor, given)
            await whole.commit()
    return found


async def _give_all(
    connection: AsyncConnection, actor: Actor, rows: Sequence[Relationship], now: datetime
) -> tuple[list[Outcome], list[_Given]]:
    """Write the links one after the other, each fault by itself."""
    partners = await _partners(connection, {row.partner.lower() for row in rows})
    tenants = await _tenants(connection, {row.domain.lower() for row in rows})
    found: list[Outcome] = []
    given: list[_Given] = []
    for row in rows:
        to = partners.get(row.partner.lower(), [])
        named = {"partner_name": to[0].name, "partner_slug": to[0].slug} if len(to) == 1 else {}
        try:
            given.append(await _give(connection, actor, row, to, tenants.get(row.domain.lower()), now))
            found.append(Outcome(**named))
        except Refusal as refusal:
            found.append(Outcome(**named, refusal=refusal))
    return found, given


async def _give(
    connection: AsyncConnection,
    actor: Actor,
    row: Relationship,
    to: Sequence[Row[Any]],
    about: Row[Any] | None,
    now: datetime,
) -> _Given:
    """Write one link, between the one partner in `to` and the customer; raises the refusal that says why not."""
    errors = {} if to else {"partner": "No active partner has this name"}
    errors |= {"partner": "Several partners have this name; write the short name"} if to[1:] else {}
    errors |= {} if about is not None else {"domain": "No customer has this domain"}
    errors |= {} if row.terms.reason.strip() else {"reason": "Say why this link starts without the customer's approval"}
    if about is None or errors:
        raise Invalid(errors=errors)
    async with connection.begin_nested():
        return _Given(await give(connection, actor, to[0], about, row.terms, now=now), to[0], about, row.terms)


async def _note_all(connection: AsyncConnection, actor: Actor, given: Sequence[_Given]) -> None:
    """Record the links, once all stand: a check, or an import that is undone, holds nobody's chain."""
    partners, tenants = (each.to.id for each in given), (each.about.id for each in given)
    await hold(connection, partners=partners, tenants=tenants, vendor=True)
    for each in given:
        await note_given(connection, actor, each.link_id, each.to, each.about, each.terms)


async def _partners(connection: AsyncConnection, names: set[str]) -> dict[str, list[Row[Any]]]:
    """Lock and return the active partners that each name can mean: the one so named in short, else all so named."""
    chosen = select(partner).where(
        partner.c.status == "active", or_(func.lower(partner.c.name).in_(names), partner.c.slug.in_(names))
    )
    by_name: dict[str, list[Row[Any]]] = {}
    by_slug: dict[str, list[Row[Any]]] = {}
    for row in await connection.execute(chosen.with_for_update(read=True, key_share=True)):
        by_name.setdefault(row.name.lower(), []).append(row)
        by_slug[row.slug] = [row]
    return by_name | by_slug


async def _tenants(connection: AsyncConnection, domains: set[str]) -> dict[str, Row[Any]]:
    """Return the customers of these domains."""
    rows = await connection.execute(select(tenant).where(tenant.c.domain.in_(domains)))
    return {row.domain: row for row in rows}
