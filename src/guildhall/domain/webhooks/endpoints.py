"""Endpoints as they are read: the list, one with its secrets, and the log of what was sent to it.

A partner's people see their own. Staff look after the platform's, and see of every partner's how it fares, but never
what it was told. What the platform's were told (subjects and comments of tickets) only leads read, as the trail says.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct, structs
from sqlalchemy import ColumnElement, and_, func, literal, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import cursor
from guildhall.core.actor import Actor, DbRole
from guildhall.core.errors import Forbidden, NotFound
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.webhooks.signing import body_of
from guildhall.domain.webhooks.tables import DeliveryStatus
from guildhall.domain.webhooks.tables import webhook_attempt as attempt
from guildhall.domain.webhooks.tables import webhook_delivery as delivery
from guildhall.domain.webhooks.tables import webhook_endpoint as endpoint
from guildhall.domain.webhooks.tables import webhook_event as event
from guildhall.domain.webhooks.tables import webhook_secret as secret

NEEDS = "partner.webhooks.manage"
READ, MANAGE = "staff.webhooks.read", "staff.webhooks.manage"
STATES = ("active", "failing", "disabled")
MISSING = "WEBHOOK_NOT_FOUND"
_LOOKS_AFTER = text("SELECT portal.webhook_partner()")
_TOLD_PLATFORM = func.portal.webhook_platform_data


class Endpoint(Struct, frozen=True, kw_only=True):
    """Where software listens; of no partner is the platform's.

    `disabled_for` is `partner` (its own people), `staff`, `gone` (a 410) or `failing`, else empty.
    """

    id: UUID
    partner_id: UUID | None
    url: str
    description: str
    events: list[str]
    status: str
    disabled_for: str
    disabled_because: str
    disabled_at: datetime | None
    failing_since: datetime | None
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime

    @property
    def state(self) -> str:
        """Return the status, or `failing` where the last delivery was not taken."""
        return "failing" if self.status == "active" and self.failing_since else self.status

    @property
    def platform(self) -> bool:
        """Return whether it is the platform's."""
        return self.partner_id is None


class Secret(Struct, frozen=True, kw_only=True):
    """A secret that signs now, without its value."""

    id: UUID
    hint: str
    created_by: str
    ends_at: datetime | None
    created_at: datetime


class Delivery(Struct, frozen=True, kw_only=True):
    """What became of one event at one endpoint; `attempts` counts since it was last queued by hand."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    kind: str
    tenant_id: UUID | None
    status: DeliveryStatus
    attempts: int
    response_status: int | None
    error: str
    next_at: datetime | None
    last_at: datetime | None
    created_at: datetime


class Attempt(Struct, frozen=True, kw_only=True):
    """One try: when, how long it took, and what came back (the first 2 KB)."""

    id: UUID
    at: datetime
    milliseconds: int
    response_status: int | None
    response: str
    error: str


class Page(Struct, frozen=True, kw_only=True):
    """One page of endpoints; `total` is None on pages asked for by cursor."""

    items: list[Endpoint]
    total: int | None
    next_cursor: str | None


class EndpointPlace(Struct, frozen=True):
    """Where a page of endpoints ended."""

    failing: bool
    created_at: Annotated[datetime, Meta(tz=True)]
    id: UUID


class Filter(Struct, frozen=True, kw_only=True):
    """Which deliveries of an endpoint to show, newest first; `cursor`, a page's `next_cursor`, replaces `offset`."""

    status: tuple[str, ...] = ()
    kind: str = ""
    limit: int = 50
    offset: int = 0
    cursor: str = ""


class Log(Struct, frozen=True, kw_only=True):
    """One page of an endpoint's log; `total` is None on pages asked for by cursor."""

    items: list[Delivery]
    total: int | None
    next_cursor: str | None


class Place(Struct, frozen=True):
    """Where a page of the log ended."""

    created_at: Annotated[datetime, Meta(tz=True)]
    id: UUID


_ENDPOINT = [endpoint.c[name] for name in Endpoint.__struct_fields__]
_DELIVERY = [
    event.c.kind if name == "kind" else event.c.tenant_id if name == "tenant_id" else delivery.c[name]
    for name in Delivery.__struct_fields__
]


async def must(connection: AsyncConnection, actor: Actor, *, manage: bool = False) -> None:
    """Raise Forbidden unless the actor looks after the webhooks of the whole partner, or is staff and may see them.

    `manage` asks of staff that they may change them too.
    """
    if actor.role is DbRole.STAFF:
        if not actor.may(MANAGE if manage else READ):
            raise Forbidden
        return
    allowed = actor.role is DbRole.PARTNER and actor.may(NEEDS)
    if not allowed or await connection.scalar(_LOOKS_AFTER) != actor.partner_id:
        raise Forbidden


async def listed(
    connection: AsyncConnection,
    actor: Actor,
    *,
    states: tuple[str, ...] = (),
    limit: int = 50,
    offset: int = 0,
    after: str = "",
) -> Page:
    """Return one page of the partner's endpoints, in trouble first, then the newest, and where the next one starts.

    `after`, a page's `next_cursor`, replaces `offset`; raises Invalid for one of another list.
    """
    await must(connection, actor)
    order = (endpoint.c.failing_since.is_not(None), endpoint.c.created_at, endpoint.c.id)
    where = [or_(*(and_(*in_state(state)) for state in states))] if states else []
    chosen = select(*_ENDPOINT).where(*where).order_by(*(part.desc() for part in order)).limit(limit + 1)
    if after:
        total, place = None, cursor.decode(after, EndpointPlace)
        chosen = chosen.where(tuple_(*order) < tuple_(*map(literal, structs.astuple(place))))
    else:
        total = await connection.scalar(select(func.count()).select_from(endpoint).where(*where))
        chosen = chosen.offset(offset)
    found = [Endpoint(**row) for row in (await connection.execute(chosen)).mappings()]
    return Page(items=found[:limit], total=total, next_cursor=_next(found[limit - 1]) if found[limit:] else None)


def _next(last: Endpoint) -> str:
    """Return the cursor of the page after `last`."""
    return cursor.encode(EndpointPlace(last.failing_since is not None, last.created_at, last.id))


def in_state(state: str) -> list[ColumnElement[bool]]:
    """Return the conditions that an endpoint is in a state of STATES; none for an empty one."""
    failing = endpoint.c.failing_since
    if state in {"active", "failing"}:
        return [endpoint.c.status == "active", failing.is_not(None) if state == "failing" else failing.is_(None)]
    return [endpoint.c.status == state] if state else []


async def own(connection: AsyncConnection, actor: Actor, endpoint_id: UUID) -> Endpoint:
    """Return an endpoint that the actor may change; raises NotFound for any other, also one that staff only see."""
    await must(connection, actor, manage=True)
    found = await get(connection, actor, endpoint_id)
    if found.partner_id != actor.partner_id:
        raise NotFound(code=MISSING)
    return found


async def get(connection: AsyncConnection, actor: Actor, endpoint_id: UUID) -> Endpoint:
    """Return one endpoint; raises NotFound for one that is absent or another partner's."""
    await must(connection, actor)
    row = (await connection.execute(select(*_ENDPOINT).where(endpoint.c.id == endpoint_id))).mappings().one_or_none()
    if row is None:
        raise NotFound(code=MISSING)
    return Endpoint(**row)


async def secrets(connection: AsyncConnection, endpoint_id: UUID) -> list[Secret]:
    """Return the secrets of an endpoint that sign now, newest first."""
    columns = [secret.c[name] for name in Secret.__struct_fields__]
    live = or_(secret.c.ends_at.is_(None), secret.c.ends_at > func.now())
    wanted = select(*columns).where(secret.c.endpoint_id == endpoint_id, live)
    rows = await connection.execute(wanted.order_by(secret.c.created_at.desc(), secret.c.id.desc()))
    return [Secret(**row) for row in rows.mappings()]


async def deliveries(connection: AsyncConnection, endpoint_id: UUID, wanted: Filter) -> Log:
    """Return one page of an endpoint's log, newest first; raises Invalid for a cursor of another list."""
    after = cursor.decode(wanted.cursor, Place) if wanted.cursor else None
    where = [delivery.c.endpoint_id == endpoint_id, delivery.c.event_id == event.c.id]
    where += [delivery.c.status.in_(wanted.status)] if wanted.status else []
    where += [event.c.kind == wanted.kind] if wanted.kind else []
    order = (delivery.c.created_at, delivery.c.id)
    chosen = select(*_DELIVERY).where(*where).order_by(*(part.desc() for part in order)).limit(wanted.limit + 1)
    if after is None:
        total = await connection.scalar(select(func.count()).select_from(delivery, event).where(*where))
        chosen = chosen.offset(wanted.offset)
    else:
        total = None
        chosen = chosen.where(tuple_(*order) < tuple_(literal(after.created_at), literal(after.id)))
    found = [Delivery(**row) for row in (await connection.execute(chosen)).mappings()]
    shown = found[: wanted.limit]
    following = cursor.encode(Place(shown[-1].created_at, shown[-1].id)) if len(found) > len(shown) else None
    return Log(items=shown, total=total, next_cursor=following)


async def get_delivery(
    connection: AsyncConnection, actor: Actor, endpoint_id: UUID, delivery_id: UUID
) -> tuple[Delivery, str, list[Attempt]]:
    """Return one delivery, the body that was posted ("" before the first try), and its attempts; raises NotFound."""
    await must(connection, actor, manage=True)
    wanted = (
        select(*_DELIVERY, _data(actor).label("data"), event.c.created_at.label("at"))
        .join(event, event.c.id == delivery.c.event_id)
        .where(delivery.c.id == delivery_id, delivery.c.endpoint_id == endpoint_id)
    )
    row = (await connection.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(code="DELIVERY_NOT_FOUND")
    tries = await attempts(connection, delivery_id)
    # What was never sent stays unseen: the link may have died before.
    body = body_of(row["kind"], row["at"], row["data"]).decode() if tries else ""
    return Delivery(**_of(row, Delivery)), body, tries


def _data(actor: Actor) -> ColumnElement[Any]:
    """Return what an event says, for whoever may read it: staff by a function that asks for a lead."""
    return _TOLD_PLATFORM(event.c.id, type_=event.c.data.type) if actor.role is DbRole.STAFF else event.c.data


async def read_delivery(
    connection: AsyncConnection, actor: Actor, endpoint_id: UUID, delivery_id: UUID
) -> tuple[Delivery, str, list[Attempt]]:
    """Return the same for somebody who reads it; what staff read is in the vendor's trail, since customers wrote it."""
    found = await get_delivery(connection, actor, endpoint_id, delivery_id)
    if actor.role is DbRole.STAFF:
        target, kind = Target("webhook_endpoint", endpoint_id), found[0].kind
        changes = {"delivery": str(delivery_id), "kind": kind}
        await record(connection, actor, action=Action.WEBHOOK_DELIVERY_READ, target=target, changes=changes)
    return found


async def attempts(connection: AsyncConnection, delivery_id: UUID) -> list[Attempt]:
    """Return the tries of one delivery, newest first."""
    columns = [attempt.c[name] for name in Attempt.__struct_fields__]
    rows = await connection.execute(
        select(*columns).where(attempt.c.delivery_id == delivery_id).order_by(attempt.c.at.desc(), attempt.c.id.desc())
    )
    return [Attempt(**row) for row in rows.mappings()]


async def failed_since(connection: AsyncConnection, endpoint_id: UUID, since: datetime | None) -> int:
    """Return how many deliveries of an endpoint failed and were caused since a moment."""
    wanted = select(func.count()).where(delivery.c.endpoint_id == endpoint_id, delivery.c.status == "failed")
    if since is not None:
        wanted = wanted.where(delivery.c.created_at >= literal(since))
    return await connection.scalar(wanted) or 0


def _of(row: Any, kind: type[Struct]) -> dict[str, Any]:
    """Return what `kind` takes of a row."""
    names: Sequence[str] = kind.__struct_fields__
    return {name: row[name] for name in names}
