"""What a ticket's priority promises, and which way its status may go (PRODUCT §8). Pure functions."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

ClockState = Literal["none", "running", "due_soon", "met", "breached"]

CATEGORIES = ("network", "hardware", "voice", "security", "account", "billing", "other")
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


def response_hours(agreed: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the shortest `response_hours` of links' `sla_config`, or None where none names a positive number."""
    return min(filter(None, (_hours(config.get("response_hours")) for config in agreed)), default=None)


def _hours(value: object) -> float | None:
    """Return a time in hours as a link's SLA settings may hold it; anything else counts for nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return None
    return float(value)


def due_at(start: datetime, *, priority: str, agreed_hours: float | None) -> datetime:
    """Return when the clock of a ticket runs out: by priority, tightened by what the link agreed (hours)."""
    hours = HOURS[priority] if agreed_hours is None else min(HOURS[priority], agreed_hours)
    return start + timedelta(hours=hours)


def may_become(status: str, wanted: str) -> bool:
    """Return whether a ticket in `status` may be brought to `wanted`."""
    return wanted in STEPS[status]
