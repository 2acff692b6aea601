"""The state machine of a link, in one table (BOUNDARY §2).

The database refuses every other step: `boundary.py` writes this table into the trigger `portal.link_guard`.
"""

from collections.abc import Iterator
from typing import Literal, get_args

Side = Literal["partner", "tenant", "staff", "system"]

State = Literal[
    "requested", "countered", "declined", "lapsed", "withdrawn", "scheduled",
    "active", "paused", "expired", "revoked", "ended",
]  # fmt: skip
Pauser = Literal["partner", "tenant", "staff"]
Shown = Literal[State, "expiring"]  # of an active link that ends within 30 days
STATES: tuple[State, ...] = get_args(State)
OPEN = ("requested", "countered")
STANDING = ("scheduled", "active", "paused")
FINAL = ("declined", "lapsed", "withdrawn", "expired", "revoked", "ended")

# From, to, and the sides that may take the step. `active` <-> `paused` is lifted by the side that set it.
STEPS: tuple[tuple[str, str, tuple[Side, ...]], ...] = (
    ("requested", "active", ("tenant",)),
    ("requested", "scheduled", ("tenant",)),
    ("requested", "declined", ("tenant",)),
    ("requested", "countered", ("tenant",)),
    ("requested", "withdrawn", ("partner", "staff")),
    ("requested", "lapsed", ("system",)),
    ("countered", "active", ("partner",)),
    ("countered", "scheduled", ("partner",)),
    ("countered", "withdrawn", ("partner", "staff")),
    ("countered", "lapsed", ("system",)),
    ("scheduled", "active", ("system",)),
    ("active", "paused", ("partner", "tenant", "staff")),
    ("paused", "active", ("partner", "tenant", "staff")),
    *((state, "revoked", ("tenant", "staff")) for state in STANDING),
    *((state, "ended", ("partner",)) for state in STANDING),
    *((state, "expired", ("partner", "tenant", "staff", "system")) for state in STANDING),
)


def steps() -> Iterator[tuple[str, str, Side]]:
    """Yield every allowed step as (from, to, side)."""
    return ((source, target, side) for source, target, sides in STEPS for side in sides)


def sources(target: str, side: Side) -> tuple[str, ...]:
    """Return the states from which `side` may bring a link to `target`."""
    return tuple(source for source, to, by in steps() if to == target and by == side)
