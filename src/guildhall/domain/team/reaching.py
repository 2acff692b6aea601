"""Who of a team reaches which customer, and with what: the link's areas, cut to the person's roles and limits."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden
from guildhall.core.freshness import require_fresh
from guildhall.domain.access.scope import live
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people.limits import within
from guildhall.domain.people.tables import partner_user
from guildhall.domain.rbac.registry import Area, areas_of, held_by
from guildhall.domain.team.leading import NEEDS

_CHUNK = 500  # customers read at once for an export


class Reacher(Struct, frozen=True, kw_only=True):
    """Somebody who reaches a customer; `areas` are those that roles and link open together."""

    id: UUID
    name: str
    email: str
    roles: list[str]
    tenant_scope: str
    areas: list[str]


class Reach(Struct, frozen=True, kw_only=True):
    """One customer with a live link, and everybody of the team who reaches it."""

    tenant_id: UUID
    tenant_name: str
    access_role: str
    areas: list[str]
    ends_at: datetime | None
    people: list[Reacher]


class Filter(Struct, frozen=True, kw_only=True):
    """Which customers to list: `search` looks in their names; `person_id` keeps those that one person reaches."""

    search: str = ""
    person_id: UUID | None = None
    limit: int = 50
    offset: int = 0


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Reach], int]:
    """Return one page of the customers with who reaches each, by name, and how many customers there are."""
    if not actor.may(NEEDS):
        raise Forbidden
    where = _conditions(actor, wanted)
    columns = ("id", "tenant_id", "tenant_name", "access_role", "permissions", "areas", "operating_model", "ends_at")
    chosen = select(*(link.c[name] for name in columns)).where(*where)
    ordered = chosen.order_by(func.lower(link.c.tenant_name), link.c.id).limit(wanted.limit).offset(wanted.offset)
    links = (await connection.execute(ordered)).mappings().all()
    total = await connection.scalar(select(func.count()).select_from(link).where(*where))
    people = await _people(connection, [row["id"] for row in links])
    return [_reach(row, people.get(row["id"], [])) for row in links], total or 0


def _conditions(actor: Actor, wanted: Filter) -> list[ColumnElement[bool]]:
    """Return the filter as conditions on links."""
    where = [link.c.partner_id == actor.partner_id, live()]
    if wanted.search:
        where.append(link.c.tenant_name.icontains(wanted.search, autoescape=True))
    if wanted.person_id is not None:
        person = select(partner_user.c.id).where(
            partner_user.c.id == wanted.person_id,
            partner_user.c.partner_id == link.c.partner_id,
            *_can_come(),
            within(link.c.tenant_id),
        )
        where.append(person.correlate(link).exists())
    return where


def _can_come() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that somebody is active and has come once: who is invited reaches nothing yet."""
    return (partner_user.c.status == "active", partner_user.c.last_active_at.is_not(None))


async def _people(connection: AsyncConnection, link_ids: list[UUID]) -> dict[UUID, list[RowMapping]]:
    """Return who reaches the customers of these links, by link and by name, in one statement."""
    rows = await connection.execute(
        select(
            link.c.id.label("link_id"),
            *(partner_user.c[name] for name in ("id", "name", "email", "roles", "tenant_scope")),
        )
        .join(partner_user, partner_user.c.partner_id == link.c.partner_id)
        .where(link.c.id.in_(link_ids), *_can_come(), within(link.c.tenant_id))
        .order_by(func.lower(partner_user.c.name), partner_user.c.id)
    )
    found: dict[UUID, list[RowMapping]] = {}
    for row in rows.mappings():
        found.setdefault(row["link_id"], []).append(row)
    return found


def _reach(row: RowMapping, people: Iterable[RowMapping]) -> Reach:
    """Return one customer as it is shown."""
    open_here = frozenset(row["permissions"])
    hidden = {Area.POSTURE} if row["operating_model"] == "customer_managed" else set()

    def areas(roles: Iterable[str]) -> list[str]:
        held = areas_of(open_here & held_by(roles)) - hidden
        return [area for area in Area if area in held]

    return Reach(
        tenant_id=row["tenant_id"],
        tenant_name=row["tenant_name"] or "",
        access_role=row["access_role"],
        areas=[area for area in Area if area in row["areas"] and area not in hidden],
        ends_at=row["ends_at"],
        people=[
            Reacher(
                id=one["id"],
                name=one["name"],
                email=one["email"],
                roles=one["roles"],
                tenant_scope=one["tenant_scope"],
                areas=areas(one["roles"]),
            )
            for one in people
        ],
    )


async def export(actor: Actor, *, now: datetime) -> AsyncIterator[list[Reach]]:
    """Note the export in the trail and return every customer with who reaches it, some at a time.

    Needs a fresh second factor: it is data about people.
    """
    if not actor.may(NEEDS):
        raise Forbidden
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        target = Target("partner", str(actor.partner_id))
        await record(connection, actor, action=Action.TEAM_EXPORTED, target=target, partner_id=actor.partner_id)
    return _chunks(actor)


async def _chunks(actor: Actor) -> AsyncIterator[list[Reach]]:
    """Yield the customers, some at a time, each time in a transaction of its own."""
    offset, total = 0, 1
    while offset < total:
        async with db.transaction(actor) as connection:
            rows, total = await listed(connection, actor, Filter(limit=_CHUNK, offset=offset))
        yield rows
        offset += _CHUNK
