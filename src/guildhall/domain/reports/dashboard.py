"""The partner's dashboard: what needs me today, then the figures (PRODUCT §10)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.money import Money, money
from guildhall.domain.access.states import STATES
from guildhall.domain.access.tables import OPERATING_MODELS
from guildhall.domain.reports.dashboard_sql import NEEDS, statement

NeedKind = Literal[
    "tickets_breached", "tickets_due_soon", "links_countered", "links_expiring", "trials_ending", "balance_overdue"
]
ListName = Literal["tickets", "links", "customers"]
_RUNNING = "open,pending"
_STATES = (*STATES[: STATES.index("active") + 1], "expiring", *STATES[STATES.index("active") + 1 :])
_PRIORITIES = ("urgent", "high", "normal", "low")


class Need(Struct, frozen=True, kw_only=True):
    """Something that waits: how many, and the list and filter behind it. `amounts` belong to overdue balances."""

    kind: NeedKind
    count: int
    list: ListName
    filter: dict[str, str]
    amounts: tuple[Money, ...] = ()


class Share(Struct, frozen=True):
    """One part of a whole: how many, and the filter of the list behind it."""

    name: str
    count: int
    filter: dict[str, str]


class PostureSummary(Struct, frozen=True, kw_only=True):
    """Posture over the tenants that share it with this person: `shared` of `tenants` (PRODUCT §5).

    `measured` of the shared ones have a snapshot; `average_score` is None where none has.
    """

    shared: int
    tenants: int
    measured: int
    average_score: int | None
    critical: int
    high: int
    medium: int
    low: int


class Dashboard(Struct, frozen=True, kw_only=True):
    """Each part is None where this person may not see it. `needs` holds only what is not zero."""

    needs: list[Need]
    customers: int | None
    funnel: list[Share] | None
    models: list[Share] | None
    plans: list[Share] | None
    open_tickets: list[Share] | None
    posture: PostureSummary | None
    mrr: list[Money] | None
    outstanding: list[Money] | None


class _Figure(Struct, frozen=True):
    count: int
    amount: Decimal


Parts = Mapping[str, Mapping[str, _Figure]]


async def today(connection: AsyncConnection, actor: Actor, *, now: datetime) -> Dashboard:
    """Return the dashboard of the actor's partner as this person may see it, in one statement."""
    parts = tuple(part for part, needs in NEEDS.items() if _held(actor, part) and needs <= actor.permissions)
    found = await _figures(connection, actor, parts, now=now)
    return Dashboard(
        needs=list(_needs(found)),
        customers=_count(found, "customers") if "customers" in parts else None,
        funnel=_shares(found["funnel"], _STATES, "status") if "funnel" in parts else None,
        models=_shares(found["models"], OPERATING_MODELS, "operating_model") if "models" in parts else None,
        plans=_shares(found["plans"], sorted(found["plans"]), "plan") if "plans" in parts else None,
        open_tickets=_tickets(found) if "tickets" in parts else None,
        posture=_posture(found) if "posture" in parts else None,
        mrr=_amounts(found["mrr"]) if "mrr" in parts else None,
        outstanding=_amounts(found["outstanding"]) if "owed" in parts else None,
    )


def _held(actor: Actor, part: str) -> bool:
    """Return whether the person may list tenants, which every part but the funnel is about."""
    return part == "funnel" or actor.may("partner.tenants.list")


async def _figures(connection: AsyncConnection, actor: Actor, parts: tuple[str, ...], *, now: datetime) -> Parts:
    """Return the figures of `parts`, by part and name; a part without rows is empty."""
    found: dict[str, dict[str, _Figure]] = defaultdict(dict)
    if parts:
        made = statement(parts)
        values = {"partner_id": actor.partner_id, "user_id": actor.user_id, "now": now, "today": now.date()}
        for part, name, count, amount in await db.rows(connection, made, values):
            found[part][name] = _Figure(count or 0, amount or Decimal(0))
    return found


def _count(found: Parts, part: str, name: str = "") -> int:
    figure = found[part].get(name)
    return figure.count if figure else 0


def _shares(part: Mapping[str, _Figure], order: Iterable[str], field: str) -> list[Share]:
    """Return a whole by its parts, in `order`, each with its filter."""
    return [Share(name, part[name].count, {field: name}) for name in order if name in part]


def _tickets(found: Parts) -> list[Share]:
    """Return the open and pending tickets by priority, the most urgent first."""
    return [Share(name, _count(found, "tickets", name), {"priority": name, "status": _RUNNING}) for name in _PRIORITIES]


def _amounts(part: Mapping[str, _Figure]) -> list[Money]:
    """Return one amount for each currency; currencies are never added up."""
    return [money(part[currency].amount, currency) for currency in sorted(part)]


def _posture(found: Parts) -> PostureSummary:
    """Return posture with its honest denominator."""
    figures = {name: figure.count for name, figure in found["posture"].items()}
    score = figures.pop("score")
    return PostureSummary(
        **figures, tenants=_count(found, "customers"), average_score=score if figures["measured"] else None
    )


def _needs(found: Parts) -> Iterator[Need]:
    """Yield what waits for somebody, the most pressing first."""
    waiting: tuple[tuple[NeedKind, int, ListName, dict[str, str]], ...] = (
        ("tickets_breached", _count(found, "breached"), "tickets", {"breached": "true", "status": _RUNNING}),
        ("tickets_due_soon", _count(found, "due_soon"), "tickets", {"due_soon": "true"}),
        ("links_countered", _count(found, "funnel", "countered"), "links", {"status": "countered"}),
        ("links_expiring", _count(found, "funnel", "expiring"), "links", {"status": "expiring"}),
        ("trials_ending", _count(found, "trials"), "customers", {"status": "trial"}),
        (
            "balance_overdue",
            _count(found, "late_payers"),
            "customers",
            {"sort_by": "outstanding_balance", "sort_order": "desc"},
        ),
    )
    for kind, count, name, narrowed in waiting:
        if count:
            amounts = tuple(_amounts(found["overdue"])) if kind == "balance_overdue" else ()
            yield Need(kind=kind, count=count, list=name, filter=narrowed, amounts=amounts)
