"""One call of the API, counted in the statement that finds out who makes it.

So it costs no message of its own, is kept whatever becomes of the request, and holds over all processes.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import TextClause, text

from guildhall.domain.quotas.kinds import TENANT, across, standard

WINDOW = 60  # seconds in which calls in one tenant count


class Call(Struct, frozen=True):
    """What a call is counted as: its kind, whether it goes over several tenants, the one tenant that it names."""

    kind: str
    across: bool = False
    tenant_id: UUID | None = None

    def values(self) -> dict[str, Any]:
        """Return what `counted` takes."""
        rate = standard(self.kind)
        return {
            "counted_kind": self.kind,
            "counted_calls": rate.calls,
            "counted_seconds": rate.seconds,
            "counted_across": self.across,
            "counted_tenant": self.tenant_id,
            "counted_most": standard(TENANT).calls,
        }


class Count(Struct, frozen=True):
    """How a quota stands: `used` of `quota` calls; the oldest one is forgotten in `wait` seconds."""

    kind: str
    quota: int
    seconds: int
    used: int
    wait: int

    @property
    def left(self) -> int:
        """Return how many more calls fit in now."""
        return max(0, self.quota - self.used)


class Counted(Struct, frozen=True):
    """What became of a call: the caller's own counts, and in how many seconds to try again; 0 where it was let through.

    Of a tenant's count nobody learns more than that it is full: the wait is then the longest that it can take.
    """

    counts: tuple[Count, ...]
    retry_after: int = 0


def counted(found: str, subject: str) -> TextClause:
    """Return the statement that finds a session by `found` as `f` and counts the call for `subject`; null is nobody."""
    return text(
        f"SELECT f.*, c.* FROM {found} AS f CROSS JOIN LATERAL portal.count_call({subject}, :counted_kind,"
        " :counted_calls, :counted_seconds, :counted_across, :counted_tenant, :counted_most) AS c"
    )


def outcome(call: Call, row: Mapping[str, Any]) -> Counted:
    """Return what a row of `counted` says."""
    seconds = standard(call.kind).seconds
    counts = [Count(call.kind, row["quota"], seconds, row["used"], row["wait"])]
    if row["across_used"] is not None:
        counts.append(Count("across", across(row["quota"]), seconds, row["across_used"], row["across_wait"]))
    waits = {count.kind: count.wait for count in counts} | {TENANT: WINDOW}
    return Counted(tuple(counts), max(1, waits[row["full_kind"]]) if row["full_kind"] else 0)
