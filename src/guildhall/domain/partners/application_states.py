"""The states of an application, in one table (PRODUCT §4).

The database refuses every other step: the boundary writes this table into the trigger `portal.application_guard`.
"""

from collections.abc import Mapping
from datetime import timedelta

STATES = ("submitted", "in_review", "needs_info", "approved", "declined")
OPEN = ("submitted", "in_review", "needs_info")
WAITING = ("submitted", "in_review")  # for staff
DECLINE_REASONS = ("no_fit", "region", "duplicate", "incomplete", "unverified", "other")

# From, to, and the side that takes the step. The applicant acts on the console, so its side is the partner's.
STEPS: tuple[tuple[str, str, str], ...] = (
    ("submitted", "in_review", "staff"),
    ("in_review", "needs_info", "staff"),
    ("needs_info", "in_review", "partner"),
    ("needs_info", "in_review", "staff"),
    ("in_review", "approved", "staff"),
    ("in_review", "declined", "staff"),
)
# How long an application should stay in a state at most: what staff owe the applicant, and the applicant staff.
TARGETS: Mapping[str, timedelta] = {
    "submitted": timedelta(days=1),
    "in_review": timedelta(days=3),
    "needs_info": timedelta(days=14),
}
SOON = timedelta(hours=6)


def sources(target: str, side: str) -> tuple[str, ...]:
    """Return the states from which `side` may bring an application to `target`."""
    return tuple(source for source, to, by in STEPS if to == target and by == side)
