"""Every endpoint there is, as staff see them: whose it is and how it fares, never what a partner's was told."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor, DbRole
from guildhall.core.errors import Forbidden
from guildhall.core.text import containing
from guildhall.domain.partners.tables import partner
from guildhall.domain.webhooks.endpoints import READ, in_state
from guildhall.domain.webhooks.tables import webhook_delivery as delivery
from guildhall.domain.webhooks.tables import webhook_endpoint as endpoint

WHOSE = ("platform", "partner")
SortBy = Literal["created_at", "failing_since"]


class Overview(Struct, frozen=True, kw_only=True):
    """An endpoint among all. `waiting` and `failed` count the deliveries that the log still keeps."""

    id: UUID
    partner_id: UUID | None
    partner_name: str | None
    url: str
    description: str
    status: str
    disabled_for: str
    disabled_at: datetime | None
    failing_since: datetime | None
    created_at: datetime
    waiting: int
    failed: int
    delivered_at: datetime | None

    @property
    def state(self) -> str:
        """Return the status, or `failing` where the last delivery was not taken."""
        return "failing" if self.status == "active" and self.failing_since else self.status


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one delivery, without what it said."""

    id: UUID
    status: str
    attempts: int
    response_status: int | None
    error: str
    next_at: datetime | None
    created_at: datetime


class Filter(Struct, frozen=True, kw_only=True):
    """Which endpoints to show: `search` is in address, purpose or partner's name; `whose` is one of WHOSE."""

    search: str = ""
    state: str = ""
    whose: str = ""
    partner_id: UUID | None = None
    sort_by: SortBy = "failing_since"
    descending: bool = False
    limit: int = 50
    offset: int = 0


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Overview], int]:
    """Return one page of all endpoints, and how many there are; raises Forbidden."""
    _must(actor)
    own = [endpoint.c[name] for name in Overview.__struct_fields__ if name in endpoint.c]
    chosen = (
        select(*own, partner.c.name.label("partner_name"), func.count().over().label("total"))
        .outerjoin(partner, partner.c.id == endpoint.c.partner_id)
        .where(*in_state(wanted.state), *_asked(wanted))
    )
    found = chosen.order_by(*_order(wanted, endpoint.c)).limit(wanted.limit).offset(wanted.offset).subquery()
    shown = select(found, *_fares(found)).order_by(*_order(wanted, found.c))
    rows = (await connection.execute(shown)).mappings().all()
    return [Overview(**{key: row[key] for key in row if key != "total"}) for row in rows], _total(rows)


async def outcomes(
    connection: AsyncConnection, actor: Actor, endpoint_id: UUID, *, status: str, limit: int, offset: int
) -> tuple[list[Outcome], int]:
    """Return one page of what became of an endpoint's deliveries, newest first, and how many there are."""
    _must(actor)
    columns = [delivery.c[name] for name in Outcome.__struct_fields__]
    chosen = select(*columns, func.count().over().label("total")).where(delivery.c.endpoint_id == endpoint_id)
    if status:
        chosen = chosen.where(delivery.c.status == status)
    newest = chosen.order_by(delivery.c.created_at.desc(), delivery.c.id.desc())
    rows = (await connection.execute(newest.limit(limit).offset(offset))).mappings().all()
    return [Outcome(**{key: row[key] for key in row if key != "total"}) for row in rows], _total(rows)


def _must(actor: Actor) -> None:
    if actor.role is not DbRole.STAFF or not actor.may(READ):
        raise Forbidden


def _total(rows: Any) -> int:
    return rows[0]["total"] if rows else 0


def _fares(found: Any) -> list[Any]:
    """Return what is counted beside each endpoint of a page."""
    theirs = select(func.count()).where(delivery.c.endpoint_id == found.c.id)
    last = select(delivery.c.last_at).where(delivery.c.endpoint_id == found.c.id, delivery.c.status == "delivered")
    return [
        theirs.where(delivery.c.status == "waiting").scalar_subquery().label("waiting"),
        theirs.where(delivery.c.status == "failed").scalar_subquery().label("failed"),
        last.order_by(delivery.c.created_at.desc()).limit(1).scalar_subquery().label("delivered_at"),
    ]


def _asked(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter, its state apart."""
    found: list[ColumnElement[bool]] = []
    if wanted.whose:
        none = endpoint.c.partner_id.is_(None)
        found.append(none if wanted.whose == "platform" else ~none)
    if wanted.partner_id:
        found.append(endpoint.c.partner_id == wanted.partner_id)
    if wanted.search:
        pattern = containing(wanted.search)
        found.append(or_(*(each.ilike(pattern) for each in (endpoint.c.url, endpoint.c.description, partner.c.name))))
    return found


def _order(wanted: Filter, columns: Any) -> list[Any]:
    """Return the order by these columns: where nothing is asked, those in trouble come first."""
    newest = [columns.created_at.desc(), columns.id]
    if wanted.sort_by == "created_at":
        return newest if wanted.descending else [columns.created_at, columns.id]
    trouble = [columns.failing_since.is_(None), columns.status == "active"]
    return [*(each.desc() if wanted.descending else each for each in trouble), *newest]
