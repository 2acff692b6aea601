"""The time of day. Rules take `now` as an argument; only doors (surfaces, jobs, CLI) ask this module."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)
