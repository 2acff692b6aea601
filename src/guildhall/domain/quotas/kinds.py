"""The kinds of calls, and how many of each fit into how much time (API.md, “Limits”).

The standard may be set for an installation; staff may give one partner its own quota (`domain/partners/quotas.py`).
"""

from collections.abc import Mapping

from msgspec import Struct


class Rate(Struct, frozen=True):
    """At most `calls` in any `seconds`."""

    calls: int
    seconds: int


# What a partner's calls are counted as; each kind has a quota of its own.
OF_PARTNER = ("list", "detail", "write", "export")
# Lists over several tenants at once: counted as lists too, with half of their quota.
ACROSS = "across"
TENANT, PLATFORM = "tenant", "platform"
COUNTERS = (*OF_PARTNER, ACROSS, TENANT, PLATFORM)
STANDARD: Mapping[str, Rate] = {
    "list": Rate(100, 60),
    "detail": Rate(200, 60),
    "write": Rate(50, 60),
    "export": Rate(10, 3600),
    TENANT: Rate(500, 60),
    PLATFORM: Rate(600, 60),
}
MOST = 1_000_000
_set: dict[str, int] = {}


def install(standard: Mapping[str, int]) -> None:
    """Have `standard` count in this process, by kind; what it does not name stays as in `STANDARD`."""
    _set.clear()
    _set.update(standard)


def standard(kind: str) -> Rate:
    """Return what the installation allows of a kind."""
    usual = STANDARD[kind]
    return Rate(_set.get(kind, usual.calls), usual.seconds)


def across(lists: int) -> int:
    """Return how many of `lists` may go over several tenants: half, and never none (as in counting.sql)."""
    return (lists + 1) // 2
