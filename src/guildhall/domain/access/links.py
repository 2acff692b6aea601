"""Links as both sides read them, and the one conditional write that every step of a link goes through."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Label, RowMapping, Select, and_, case, false, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import cursor
from guildhall.core.actor import Actor, DbRole
from guildhall.core.errors import Conflict, Forbidden, NotFound
from guildhall.core.text import containing, storable
from guildhall.domain.access import alert_settings
from guildhall.domain.access.states import STANDING, Pauser, Shown, Side, State
from guildhall.domain.access.tables import (
    CustomerAccess,
    OfferKind,
    OfferStatus,
    OperatingModel,
    RelationshipType,
    link_change,
)
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.rbac.registry import AccessRole

EXPIRING_DAYS = 30
SIDES: Mapping[DbRole, Side] = {
    DbRole.PARTNER: "partner",
    DbRole.CUSTOMER: "tenant",
    DbRole.STAFF: "staff",
    DbRole.WORKER: "system",
}
SORTS: Mapping[str, ColumnElement[Any]] = {
    "created_at": link.c.created_at,
    "ends_at": link.c.ends_at,
    "status": link.c.status,
    "tenant_name": func.lower(func.coalesce(link.c.tenant_name, link.c.tenant_domain)),
    "partner_name": func.lower(link.c.partner_name),
}


class Link(Struct, frozen=True, kw_only=True):
    """A link as one side may see it.

    `shown_status` is the stored one, or `expiring` within 30 days of the end, or `expired` past it.
    For the partner, `tenant_id` is null until the tenant's name is known.
    """

    id: UUID
    partner_id: UUID
    partner_name: str
    tenant_id: UUID | None
    tenant_name: str | None
    tenant_domain: str
    access_role: AccessRole
    custom_permissions: dict[str, bool]
    permissions: list[str]
    areas: list[str]
    relationship_type: RelationshipType
    operating_model: OperatingModel
    customer_access: CustomerAccess
    starts_at: datetime
    ends_at: datetime | None
    status: State
    shown_status: Shown
    paused_by: Pauser | None
    sla_config: dict[str, Any]
    alert_config: dict[str, Any]
    reason: str
    attention: str | None
    version: int
    created_by: str
    updated_by: str
    decided_at: datetime | None
    created_at: datetime
    updated_at: datetime


class Offer(Struct, frozen=True, kw_only=True):
    """What one side offers the other: a counter-offer of the tenant, or a change that the partner asks for."""

    id: UUID
    link_id: UUID
    kind: OfferKind
    access_role: AccessRole
    custom_permissions: dict[str, bool]
    permissions: list[str]
    areas: list[str]
    operating_model: OperatingModel
    ends_at: datetime | None
    status: OfferStatus
    reason: str
    proposed_by: str
    decided_by: str | None
    decided_at: datetime | None
    created_at: datetime


class Filter(Struct, frozen=True, kw_only=True):
    """Which links to list. `statuses` are shown ones; `search` looks in names and domain.

    `cursor` is a page's `next_cursor`; it replaces `offset`.
    """

    statuses: tuple[str, ...] = ()
    search: str = ""
    partner_id: UUID | None = None
    tenant_id: UUID | None = None
    sort_by: str = "created_at"
    sort_order: Literal["asc", "desc"] = "desc"
    limit: int = 50
    offset: int = 0
    cursor: str = ""


class LinkPage(Struct, frozen=True, kw_only=True):
    """One page of links; `total` is None on pages asked for by cursor."""

    items: list[Link]
    total: int | None
    next_cursor: str | None


class Place(Struct, frozen=True):
    """Where a page ended: the list's order, and the last link's value in it as text; None where it has none."""

    sort_by: str
    sort_order: Literal["asc", "desc"]
    value: str | None
    id: UUID


overdue = and_(link.c.status.in_(STANDING), link.c.ends_at.is_not(None), link.c.ends_at <= func.now())
_shown_status = case(
    (overdue, "expired"),
    (
        and_(
            link.c.status == "active",
            link.c.ends_at <= func.now() + func.make_interval(0, 0, 0, EXPIRING_DAYS),
        ),
        "expiring",
    ),
    else_=link.c.status,
).label("shown_status")
_MOMENTS = frozenset({"created_at", "ends_at"})
_OPEN_ENDED = frozenset({"ends_at"})  # what a link may have no value of
_COLUMNS = [link.c[name] for name in Link.__struct_fields__ if name not in {"shown_status", "areas"}] + [
    link.c.areas,
    _shown_status,
]


def side(actor: Actor) -> Side:
    """Return which side of a link the actor stands on."""
    return SIDES[actor.role]


def must(actor: Actor, permission: str) -> None:
    """Raise Forbidden unless the person holds `permission`."""
    if not actor.may(permission):
        raise Forbidden


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Link], int]:
    """Return one page of the links that the actor's side may see, and how many there are in all."""
    page = await paged(connection, actor, msgspec.structs.replace(wanted, cursor=""))
    return page.items, page.total or 0


async def paged(connection: AsyncConnection, actor: Actor, wanted: Filter) -> LinkPage:
    """Return one page of the links that the actor's side may see, and where the next one starts.

    Raises Invalid for a cursor of another list.
    """
    where, order = _conditions(wanted), SORTS[wanted.sort_by]
    after = _after(wanted)
    chosen: Select[Any] = select(*_COLUMNS, order.label("place"))
    chosen = chosen.where(*where, after) if after is not None else chosen.add_columns(_total(where)).where(*where)
    rows = await connection.execute(
        chosen.order_by(order.desc().nulls_last() if wanted.sort_order == "desc" else order.asc().nulls_last())
        .order_by(link.c.id)
        .limit(wanted.limit + 1)
        .offset(0 if after is not None else wanted.offset)
    )
    found = rows.mappings().all()
    shown = found[: wanted.limit]
    total = None
    if after is None:
        total = found[0]["total"] if found else await connection.scalar(select(_total(where))) if wanted.offset else 0
    return LinkPage(
        items=[_as_seen(actor, row) for row in shown],
        total=total,
        next_cursor=_next(wanted, shown[-1]) if len(found) > len(shown) else None,
    )


def _after(wanted: Filter) -> ColumnElement[bool] | None:
    """Return the condition of what comes after the cursor, None without one; raises Invalid for another list's."""
    if not wanted.cursor:
        return None
    place = cursor.decode(wanted.cursor, Place)
    if (place.sort_by, place.sort_order) != (wanted.sort_by, wanted.sort_order):
        raise cursor.wrong()
    order = SORTS[wanted.sort_by]
    value = _value(place)
    if value is None:  # links without a value come last in either order, by their ids
        return and_(order.is_(None), link.c.id > place.id)
    mark = literal(value, order.type)
    further = order < mark if wanted.sort_order == "desc" else order > mark
    lacking = order.is_(None) if wanted.sort_by in _OPEN_ENDED else false()
    return or_(further, and_(order == mark, link.c.id > place.id), lacking)


def _value(place: Place) -> datetime | str | None:
    """Return the value at which a page ended; raises Invalid for what no link can have."""
    if place.value is None and place.sort_by in _OPEN_ENDED:
        return None
    if place.value is None or not storable(place.value):
        raise cursor.wrong()
    return cursor.moment(place.value) if place.sort_by in _MOMENTS else place.value


def _next(wanted: Filter, last: RowMapping) -> str:
    """Return the cursor of the page after `last`."""
    value = last["place"].isoformat() if isinstance(last["place"], datetime) else last["place"]
    return cursor.encode(Place(wanted.sort_by, wanted.sort_order, value, last["id"]))


def _total(where: Sequence[ColumnElement[bool]]) -> Label[int]:
    """Return how many links there are, counted apart from the page: by an index, whose rows are far shorter."""
    return select(func.count()).select_from(link).where(*where).correlate(None).scalar_subquery().label("total")


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return the filter as conditions."""
    where: list[ColumnElement[bool]] = []
    if wanted.statuses:
        where.append(_shown_status.in_(wanted.statuses))
    if wanted.search:
        like = containing(wanted.search)
        where.append(
            or_(*(column.ilike(like) for column in (link.c.partner_name, link.c.tenant_name, link.c.tenant_domain)))
        )
    if wanted.partner_id:
        where.append(link.c.partner_id == wanted.partner_id)
    if wanted.tenant_id:
        where.append(link.c.tenant_id == wanted.tenant_id)
    return where


async def get(connection: AsyncConnection, actor: Actor, link_id: UUID) -> Link:
    """Return one link; raises NotFound for one that is absent or not the actor's."""
    row = (await connection.execute(select(*_COLUMNS).where(link.c.id == link_id))).mappings().first()
    if row is None:
        raise NotFound(code="LINK_NOT_FOUND")
    return _as_seen(actor, row)


async def offers(connection: AsyncConnection, link_id: UUID, *, only_open: bool = False) -> list[Offer]:
    """Return what was offered on one link, newest first."""
    chosen: Select[Any] = select(*(link_change.c[name] for name in Offer.__struct_fields__)).where(
        link_change.c.link_id == link_id
    )
    if only_open:
        chosen = chosen.where(link_change.c.status == "open")
    rows = await connection.execute(chosen.order_by(link_change.c.created_at.desc()))
    return [Offer(**row) for row in rows.mappings()]


async def open_offer(connection: AsyncConnection, link_id: UUID, kind: str) -> Offer:
    """Return the open offer of a link; raises Conflict where there is none any more."""
    for offer in await offers(connection, link_id, only_open=True):
        if offer.kind == kind:
            return offer
    raise Conflict("This offer is no longer open")


def _as_seen(actor: Actor, row: RowMapping) -> Link:
    """Return the row as the actor's side may see it."""
    seen = Link(**{name: row[name] for name in Link.__struct_fields__})
    if actor.role is not DbRole.PARTNER:
        return seen
    known = seen.tenant_id if seen.tenant_name is not None else None
    settings = alert_settings.seen(actor, seen.alert_config)
    return msgspec.structs.replace(seen, tenant_id=known, attention=None, alert_config=settings)
