"""Alerts as a person sees them: those of customers within the own limits, whose link opens what they are about."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, TableValuedAlias, func, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import cursor, db
from guildhall.core.actor import Actor
from guildhall.core.money import Money, money
from guildhall.core.text import containing
from guildhall.domain.alerts.alert_sql import (
    COLUMNS,
    FILTERS,
    SHOWN,
    SHOWN_STATUS,
    Shape,
    Shown,
    of_partner,
    statement,
)
from guildhall.domain.alerts.kinds import FAMILIES, Family, Needs, needs_of, readable
from guildhall.domain.alerts.tables import ENDLESS, alert

COUNTED_TO = 10_000
_APART = ("tenant", "amount", "threshold", "currency")  # what an alert says that is no detail of it


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
    """One alert. `details` say what is wrong, by kind; `amount` and `threshold` are for whoever may see money."""

    id: UUID
    tenant_id: UUID
    tenant_name: str
    link_id: UUID
    kind: str
    severity: str
    status: str
    shown: str
    details: dict[str, Any]
    amount: Money | None
    threshold: Money | None
    raised_at: datetime
    snoozed_until: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    version: int
    may_act: bool


_SAME = [name for name in Alert.__struct_fields__ if name in {*alert.c.keys(), "shown"}]


class Page(Struct, frozen=True, kw_only=True):
    """One page of alerts, how many there are, and with each state of the centre how many it holds.

    Nothing is counted on pages asked for by cursor. Elsewhere counting stops at 10,000, in the list's order: `counts`
    holds the states that were counted to their end, and where one that is wanted is not among them, `total` is None
    and `total_at_least` says how many were found.
    """

    items: list[Alert]
    total: int | None
    total_at_least: int | None
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
    may, after, filters, states = readable(actor), _after(wanted), dict(_filters(wanted)), _states(wanted)
    shape = Shape(
        families=tuple(family for family in wanted.families if family in may),
        filters=tuple(name for name in filters if name in FILTERS),
        states=states,
        limit=wanted.limit,
        offset=0 if after else wanted.offset,
        resumed=bool(after),
        counted_to=COUNTED_TO,
    )
    rows = await db.rows(connection, statement(shape), {"partner_id": actor.partner_id, **filters, **after})
    found = [dict(zip(COLUMNS, row, strict=False)) for row in rows if row[0] is not None]
    shown = found[: wanted.limit]
    counted = {} if after else _counted(rows[0][len(COLUMNS) :])
    whole = _whole(counted)
    known = not after and whole.issuperset(states)
    number = sum(counted.get(state, 0) for state in states)
    seen = shape.offset + len(found) if found else 0
    return Page(
        items=[_alert(actor, row) for row in shown],
        total=number if known else None,
        total_at_least=None if known or after else max(min(number, COUNTED_TO), seen),
        counts={state: counted[state] for state in whole},
        next_cursor=_next(shown[-1]) if len(found) > len(shown) else None,
    )


def _filters(wanted: Filter) -> Iterator[tuple[str, Any]]:
    """Yield everything that is asked of an alert but its state, by the names of its SQL."""
    for name in ("kinds", "severity", "tenant_ids"):
        if value := getattr(wanted, name):
            yield name, list(value)
    for name in ("raised_from", "raised_to"):
        if (moment := getattr(wanted, name)) is not None:
            yield name, moment
    if wanted.search:
        yield "search", containing(wanted.search)
        yield "number", wanted.search.removeprefix("#")


def _states(wanted: Filter) -> tuple[Shown, ...]:
    """Return the states of the centre that are wanted; a snoozed alert is stored as active."""
    stored: dict[Shown, str] = {shown: "active" if shown == "snoozed" else shown for shown in SHOWN}
    return tuple(
        shown
        for shown, status in stored.items()
        if (not wanted.shown or shown in wanted.shown) and (not wanted.status or status in wanted.status)
    )


def _counted(row: Sequence[int]) -> dict[Shown, int]:
    """Return how many alerts of each state of the centre were counted."""
    number, *others = row
    return {"active": number - sum(others), **dict(zip(SHOWN[1:], others, strict=True))}


def _whole(counted: dict[Shown, int]) -> set[Shown]:
    """Return the states of which none was left uncounted: open alerts come before the first that is resolved."""
    if sum(counted.values()) <= COUNTED_TO:
        return set(counted)
    return set(counted) - {"resolved"} if counted["resolved"] else set()


def _after(wanted: Filter) -> dict[str, Any]:
    """Return where the page starts, from its cursor; raises Invalid for another list's."""
    if not wanted.cursor:
        return {}
    place = cursor.decode(wanted.cursor, Place)
    return {
        "after_settled_at": place.resolved_at or ENDLESS,
        "after_weight": place.weight,
        "after_raised_at": place.raised_at,
        "after_id": place.id,
    }


def _next(last: dict[str, Any]) -> str:
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


def seen(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that the actor may see an alert: gate 2, and gate 4 for what a link must open."""
    return of_partner(actor.partner_id, readable(actor))


def _alert(actor: Actor, row: dict[str, Any]) -> Alert:
    """Return a row as this person may see it."""
    said = row["values"]
    amounts = said if actor.may("partner.money.read") else {}
    return Alert(
        tenant_name=said["tenant"],
        details={name: value for name, value in said.items() if name not in _APART},
        amount=_sum(amounts, "amount"),
        threshold=_sum(amounts, "threshold"),
        may_act=row["status"] != "resolved" and actor.may(needs_of(row["kind"]).act),
        **{name: row[name] for name in _SAME},
    )


def _sum(said: dict[str, Any], name: str) -> Money | None:
    """Return an amount of an alert, if it has one that may be seen."""
    return money(Decimal(said[name]), said["currency"]) if name in said else None
