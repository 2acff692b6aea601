"""Partners and their people as staff see them (PRODUCT §11)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, RowMapping, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, NotFound
from guildhall.domain.partners.application_tables import partner_tier
from guildhall.domain.partners.tables import partner
from guildhall.domain.people.tables import partner_session as session
from guildhall.domain.people.tables import partner_user as person

PARTNER_SORTS: Mapping[str, ColumnElement[Any]] = {
    "name": func.lower(partner.c.name),
    "created_at": partner.c.created_at,
    "tier": select(partner_tier.c.rank).where(partner_tier.c.code == partner.c.tier).scalar_subquery(),
}
PEOPLE_SORTS: Mapping[str, ColumnElement[Any]] = {
    "name": func.lower(person.c.name),
    "last_active_at": person.c.last_active_at,
}


class Partner(Struct, frozen=True, kw_only=True):
    """One organisation in the programme; `people` counts the active ones, `tier_name` as in `tiers.Tier.name`."""

    id: UUID
    name: str
    slug: str
    type: str
    tier: str
    status: str
    country: str
    website: str
    commercial_model: str
    customer_limit: int | None
    people_limit: int | None
    created_at: datetime
    tier_name: str
    people: int


class Person(Struct, frozen=True, kw_only=True):
    """Somebody of a partner."""

    id: UUID
    name: str
    email: str
    status: str
    roles: list[str]
    partner_id: UUID
    partner_name: str
    last_active_at: datetime | None
    created_at: datetime


class Filter(Struct, frozen=True, kw_only=True):
    """Which partners or people to list; `search` looks in names and addresses, the others are exact or empty."""

    search: str = ""
    status: str = ""
    type: str = ""
    tier: str = ""
    role: str = ""
    partner_id: UUID | None = None
    sort_by: str = "name"
    descending: bool = False
    limit: int = 50
    offset: int = 0


_PEOPLE = (
    select(func.count())
    .where(person.c.partner_id == partner.c.id, person.c.status == "active")
    .correlate(partner)
    .scalar_subquery()
    .label("people")
)
_TIER = select(partner_tier.c.name).where(partner_tier.c.code == partner.c.tier).scalar_subquery().label("tier_name")
_PARTNER = [
    *(partner.c[name] for name in Partner.__struct_fields__ if name not in {"people", "tier_name"}),
    _PEOPLE,
    _TIER,
]
_PERSON = [person.c[name] for name in Person.__struct_fields__ if name != "partner_name"] + [
    partner.c.name.label("partner_name")
]
_JOINED = person.join(partner, partner.c.id == person.c.partner_id)


async def partners(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Partner], int]:
    """Return one page of the partners, and how many there are."""
    _must(actor, "staff.partners.read")
    where = [partner.c[name] == value for name in ("status", "type", "tier") if (value := getattr(wanted, name))]
    where += _search(wanted.search, (partner.c.name, partner.c.slug, partner.c.website))
    order = _order(PARTNER_SORTS[wanted.sort_by], wanted)
    chosen = select(*_PARTNER).where(*where).order_by(order, partner.c.id).limit(wanted.limit).offset(wanted.offset)
    total = await connection.scalar(select(func.count()).select_from(partner).where(*where))
    return [Partner(**row) for row in (await connection.execute(chosen)).mappings()], total or 0


async def get(connection: AsyncConnection, actor: Actor, partner_id: UUID) -> Partner:
    """Return one partner; raises NotFound where there is none."""
    _must(actor, "staff.partners.read")
    row = (await connection.execute(select(*_PARTNER).where(partner.c.id == partner_id))).mappings().first()
    if row is None:
        raise NotFound(code="PARTNER_NOT_FOUND")
    return Partner(**row)


async def people(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Person], int]:
    """Return one page of the people of partners, and how many there are."""
    _must(actor, "staff.people.read")
    where: list[Any] = _search(wanted.search, (person.c.name, person.c.email, partner.c.name))
    if wanted.status:
        where.append(person.c.status == wanted.status)
    if wanted.role:
        where.append(literal(wanted.role) == func.any(person.c.roles))
    if wanted.partner_id:
        where.append(person.c.partner_id == wanted.partner_id)
    chosen = select(*_PERSON).select_from(_JOINED).where(*where)
    page = chosen.order_by(_order(PEOPLE_SORTS[wanted.sort_by], wanted), person.c.id)
    rows = (await connection.execute(page.limit(wanted.limit).offset(wanted.offset))).mappings()
    total = await connection.scalar(select(func.count()).select_from(_JOINED).where(*where))
    return [Person(**row) for row in rows], total or 0


async def person_of(connection: AsyncConnection, actor: Actor, user_id: UUID) -> Person:
    """Return one person of a partner; raises NotFound where there is none."""
    _must(actor, "staff.people.read")
    row = (await connection.execute(select(*_PERSON).select_from(_JOINED).where(person.c.id == user_id))).mappings()
    found = row.first()
    if found is None:
        raise NotFound
    return Person(**found)


async def sessions_of(connection: AsyncConnection, actor: Actor, user_id: UUID) -> list[RowMapping]:
    """Return the live sessions of a person of a partner, the last used first."""
    _must(actor, "staff.people.read")
    columns = (session.c[name] for name in ("id", "kind", "method", "ip", "user_agent", "last_seen_at", "created_at"))
    rows = await connection.execute(
        select(*columns)
        .where(session.c.user_id == user_id, session.c.ended_at.is_(None), session.c.expires_at > func.now())
        .order_by(session.c.last_seen_at.desc())
    )
    return list(rows.mappings().all())


def _search(text: str, columns: Sequence[ColumnElement[Any]]) -> list[ColumnElement[bool]]:
    """Return the condition that one of `columns` contains `text`."""
    return [or_(*(column.icontains(text, autoescape=True) for column in columns))] if text else []


def _order(column: ColumnElement[Any], wanted: Filter) -> ColumnElement[Any]:
    """Return the order that is wanted, what has no value last."""
    return column.desc().nulls_last() if wanted.descending else column.asc().nulls_last()


def _must(actor: Actor, permission: str) -> None:
    """Raise Forbidden unless the person holds `permission`."""
    if not actor.may(permission):
        raise Forbidden
