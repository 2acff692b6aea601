"""What a ticket's priority promises, and which way its status may go (PRODUCT §8). Pure functions."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from msgspec import Struct

ClockState = Literal["none", "running", "due_soon", "met", "breached"]

Category = Literal["network", "hardware", "voice", "security", "account", "billing", "other"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
HOURS: Mapping[str, int] = {"urgent": 1, "high": 4, "normal": 8, "low": 24}
LATE_PART = 0.25  # the last quarter of the time allowed is “due soon”
RUNNING = ("open", "pending")
DONE = ("resolved", "closed")
STEPS: Mapping[str, tuple[str, ...]] = {
    "open": ("pending", "resolved", "closed"),
    "pending": ("open", "resolved", "closed"),
    "resolved": ("open", "closed"),
    "closed": ("open",),
}


class Formula(Struct, frozen=True, kw_only=True):
    """How a clock's end `due` comes about: `given` is the time it leaves.

    `hours` is what the priority allows, None once the clock stopped or ran out. `agreed` says that a link tightened
    it to `given`; `anew` that the clock started again when the ticket was reopened.
    """

    due: datetime
    given: timedelta
    hours: int | None = None
    agreed: bool = False
    anew: bool = False


def may_become(status: str, wanted: str) -> bool:
    """Return whether a ticket in `status` may be brought to `wanted`."""
    return wanted in STEPS[status]


def response_hours(agreed: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the shortest `response_hours` of links' `sla_config`, or None where none names a positive number."""
    return min(filter(None, (_hours(config.get("response_hours")) for config in agreed)), default=None)


def _hours(value: object) -> float | None:
    """Return a time in hours as a link's SLA settings may hold it; anything else counts for nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return None
    return float(value)


def allowed(priority: str, agreed_hours: float | None) -> timedelta:
    """Return the time that a ticket may take: by priority, tightened by what the links agreed (hours)."""
    return timedelta(hours=min(HOURS[priority], agreed_hours or HOURS[priority]))


def due_at(start: datetime, *, priority: str, agreed_hours: float | None) -> datetime:
    """Return when a clock that starts at `start` runs out."""
    return start + allowed(priority, agreed_hours)


def started_at(created: datetime, due: datetime | None, *, priority: str, agreed_hours: float | None) -> datetime:
    """Return when the clock of a ticket started: when it was opened, or anew when it was reopened.

    A clock that runs out later than its priority allows from the opening must have started anew.
    """
    if due is None or due <= created + timedelta(hours=HOURS[priority]):
        return created
    return due - allowed(priority, agreed_hours)


def is_breached(status: str, due: datetime | None, breached_at: datetime | None, *, now: datetime) -> bool:
    """Return whether a ticket's clock ran out: recorded once for good, or running past its time."""
    return breached_at is not None or (status in RUNNING and due is not None and due <= now)


def formula(priority: str, created: datetime, due: datetime | None, state: ClockState) -> Formula | None:
    """Return how a clock's end comes about, from what is stored of it; None without a clock.

    While it runs, the end follows the priority: less than that allows is what a link agreed, more is a new start.
    A clock that stopped or ran out keeps its end whatever the priority becomes, so only the time given is told.
    """
    if due is None:
        return None
    given, full = due - created, timedelta(hours=HOURS[priority])
    if state not in ("running", "due_soon"):
        return Formula(due=due, given=given)
    anew = given > full
    return Formula(due=due, given=full if anew else given, hours=HOURS[priority], agreed=given < full, anew=anew)


def clock_state(
    status: str,
    priority: str,
    created: datetime,
    due: datetime | None,
    breached_at: datetime | None,
    *,
    now: datetime,
) -> ClockState:
    """Return what the clock of a ticket shows."""
    if is_breached(status, due, breached_at, now=now):
        return "breached"
    if due is None:
        return "none"
    if status in DONE:
        return "met"
    return "due_soon" if due - now <= min(allowed(priority, None), due - created) * LATE_PART else "running"
