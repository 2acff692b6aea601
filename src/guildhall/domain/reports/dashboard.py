"""The partner's dashboard: what needs me today, then the figures (PRODUCT §10)."""

from datetime import datetime
from typing import Literal

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.money import Money

NeedKind = Literal[
    "tickets_breached", "tickets_due_soon", "links_countered", "links_expiring", "trials_ending", "balance_overdue"
]


class Need(Struct, frozen=True, kw_only=True):
    """Something that waits: how many, and the list and filter behind it. `amounts` belong to overdue balances."""

    kind: NeedKind
    count: int
    list: Literal["tickets", "links", "customers"]
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


async def today(connection: AsyncConnection, actor: Actor, *, now: datetime) -> Dashboard:
    """Return the dashboard of the actor's partner as this person may see it, in a constant number of statements."""
    raise NotImplementedError
