"""Alerts as a person sees them: those of customers within the own limits, whose link opens what they are about."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    DateTime,
    RowMapping,
    TableValuedAlias,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import cursor
from guildhall.core.actor import Actor
from guildhall.core.money import Money, money
from guildhall.core.text import containing
from guildhall.domain.access.scope import opening
from guildhall.domain.alerts.kinds import FAMILIES, Family, Needs, needs_of, readable
from guildhall.domain.alerts.tables import SEVERITIES, alert

Shown = Literal["active", "snoozed", "acknowledged", "resolved"]
SHOWN: tuple[Shown, ...] = ("active", "snoozed", "acknowledged", "resolved")
_SNOOZED = alert.c.snoozed_until > func.now()
SHOWN_STATUS = case((alert.c.status != "active", alert.c.status), (_SNOOZED, "snoozed"), else_="active")
_WEIGHT = case({name: weight for weight, name in enumerate(SEVERITIES)}, value=alert.c.severity)
_AMOUNTS = ("amount", "threshold", "currency")
# Open ones first, of them the worst, of these the newest: descending in every part.
_ENDLESS = literal_column("timestamptz 'infinity'", DateTime(timezone=True))
RANK = (func.coalesce(alert.c.resolved_at, _ENDLESS), _WEIGHT, alert.c.raised_at, alert.c.id)


class Filter(Struct, frozen=True, kw_only=True):
    """Which alerts to list.

    `shown` are the states of the centre, where a snoozed alert is apart; `status` are the stored ones, where it is
    active. `raised_from` is inclusive, `raised_to` exclusive. `cursor` is a page's `next_cursor`; it replaces `offset`.
    """

    families: tuple[Family, ...] = tuple(FAMILIES)
    kinds: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    tenant_ids: tuple[UUID, ...] = ()
    raised_from: datetime | None = None
    raised_to: datetime | None = None
    search: str = ""
    limit: int = 50
    offset: int = 0
    cursor: str = ""


class Alert(Struct, frozen=True, kw_only=True):
    """One alert. `values` says what is wrong, by kind; `amount` and `threshold` are for whoever may see money."""

    id: UUID
    tenant_id: UUID
    tenant_name: str
    link_id: UUID
    kind: str
    severity: str
    status: str
    shown: str
    values: dict[str, Any]
    amount: Money | None
    threshold: Money | None
    raised_at: datetime
    snoozed_until: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    version: int
    may_act: bool


class Page(Struct, frozen=True, kw_only=True):
    """One page of alerts, how many there are, and with every state of the centre how many it holds.

    Neither is counted on pages asked for by cursor: `total` is None there and `counts` empty.
    """

    items: list[Alert]
    total: int | None
    counts: dict[str, int]
    next_cursor: str | None


class Place(Struct, frozen=True):
    """Where a page ended; `resolved_at` is None while it ended among open alerts."""

    resolved_at: datetime | None
    weight: int
    raised_at: datetime
    id: UUID


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> Page:
    """Return one page of the alerts that the actor may see, the worst of the newest first.

    Raises Invalid for a cursor of another list.
    """
    narrowed, after = _narrowed(actor, wanted), _after(wanted)
    chosen = [narrowed, *_stated(wanted)]
    counts, total = ({}, None) if after is not None else await _counted(connection, narrowed, chosen)
    rows = select(alert, SHOWN_STATUS.label("shown"), _WEIGHT.label("weight")).where(
        *chosen, *(() if after is None else (after,))
    )
    rows = rows.order_by(*(part.desc() for part in RANK)).limit(wanted.limit + 1)
    found = (await connection.execute(rows.offset(0 if after is not None else wanted.offset))).mappings().all()
    shown = found[: wanted.limit]
    return Page(
        items=[_alert(actor, dict(row)) for row in shown],
        total=total,
        counts=counts,
        next_cursor=_next(shown[-1]) if len(found) > len(shown) else None,
    )


async def _counted(
    connection: AsyncConnection, narrowed: ColumnElement[bool], chosen: list[ColumnElement[bool]]
) -> tuple[dict[str, int], int]:
    """Return how many alerts each state of the centre holds, and how many are chosen."""
    counting = select(SHOWN_STATUS.label("shown"), func.count().label("number")).where(narrowed).group_by("shown")
    counts = {row.shown: row.number for row in await connection.execute(counting)}
    return counts, await connection.scalar(select(func.count()).select_from(alert).where(*chosen)) or 0


def _after(wanted: Filter) -> ColumnElement[bool] | None:
    """Return the condition of what comes after the cursor, None without one; raises Invalid for another list's."""
    if not wanted.cursor:
        return None
    place = cursor.decode(wanted.cursor, Place)
    resolved_at = _ENDLESS if place.resolved_at is None else literal(place.resolved_at)
    return tuple_(*RANK) < tuple_(resolved_at, literal(place.weight), literal(place.raised_at), literal(place.id))


def _next(last: RowMapping) -> str:
    """Return the cursor of the page after `last`."""
    return cursor.encode(Place(last["resolved_at"], last["weight"], last["raised_at"], last["id"]))


async def get(connection: AsyncConnection, actor: Actor, alert_ids: Iterable[UUID]) -> list[Alert]:
    """Return those of these alerts that the actor may see."""
    chosen = select(alert, SHOWN_STATUS.label("shown")).where(alert.c.id.in_(list(alert_ids)), seen(actor))
    rows = await connection.execute(chosen.order_by(alert.c.id))
    return [_alert(actor, dict(row)) for row in rows.mappings()]


def waiting(families: Iterable[Needs]) -> TableValuedAlias:
    """Return the kind of each alert of `families` that waits for whoever is at work, a hundred at most, as a table."""
    needed = {kind: family.read if family.link else "" for family in families for kind in family.kinds}
    return func.portal.waiting_alerts(array(needed), array(needed.values())).table_valued("kind").render_derived()


def seen(actor: Actor, families: Iterable[Family] = tuple(FAMILIES)) -> ColumnElement[bool]:
    """Return the condition that the actor may see an alert: gate 2, and gate 4 for what a link must open."""
    may = readable(actor)
    return of_partner(actor.partner_id, [family for family in families if family in may])


def of_partner(partner_id: UUID | ColumnElement[UUID] | None, families: Iterable[Family]) -> ColumnElement[bool]:
    """Return the condition that an alert is the partner's, of one of `families`, and opened by what its link holds."""
    opened = []
    for needs in (FAMILIES[family] for family in families):
        of = alert.c.kind.in_(needs.kinds)
        opened.append(of & alert.c.tenant_id.in_(opening(partner_id, needs.read)) if needs.link else of)
    return (alert.c.partner_id == partner_id) & or_(False, *opened)


def _narrowed(actor: Actor, wanted: Filter) -> ColumnElement[bool]:
    """Return everything that is asked of an alert but its state."""
    asked = [seen(actor, wanted.families)]
    asked += [alert.c.kind.in_(wanted.kinds)] if wanted.kinds else []
    asked += [alert.c.severity.in_(wanted.severity)] if wanted.severity else []
    asked += [alert.c.tenant_id.in_(wanted.tenant_ids)] if wanted.tenant_ids else []
    asked += [alert.c.raised_at >= wanted.raised_from] if wanted.raised_from else []
    asked += [alert.c.raised_at < wanted.raised_to] if wanted.raised_to else []
    if wanted.search:
        name, number = alert.c["values"]["tenant"].astext, alert.c["values"]["number"].astext
        asked.append(or_(name.ilike(containing(wanted.search)), number == wanted.search.removeprefix("#")))
    return _all(asked)


def _all(conditions: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return the condition that all of them hold."""
    first, *rest = conditions
    for each in rest:
        first = first & each
    return first


def _stated(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return what is asked of the state."""
    asked: list[ColumnElement[bool]] = [alert.c.status.in_(wanted.status)] if wanted.status else []
    return asked + ([SHOWN_STATUS.in_(wanted.shown)] if wanted.shown else [])


def _alert(actor: Actor, row: dict[str, Any]) -> Alert:
    """Return a row as this person may see it."""
    said = row["values"]
    amounts = said if actor.may("partner.money.read") else {}
    names = ("tenant_id", "link_id", "kind", "severity", "status", "shown", "raised_at", "snoozed_until")
    more = ("acknowledged_at", "acknowledged_by", "resolved_at", "version")
    return Alert(
        id=row["id"],
        tenant_name=said["tenant"],
        values={name: value for name, value in said.items() if name not in _AMOUNTS},
        amount=_sum(amounts, "amount"),
        threshold=_sum(amounts, "threshold"),
        may_act=row["status"] != "resolved" and actor.may(needs_of(row["kind"]).act),
        **{name: row[name] for name in (*names, *more)},
    )


def _sum(said: dict[str, Any], name: str) -> Money | None:
    """Return an amount of an alert, if it has one that may be seen."""
    return money(Decimal(said[name]), said["currency"]) if name in said else None
