"""The SLA report: uptime from recorded outages, never assumed (API.md, GET /partner/reports/sla; PRODUCT §8)."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.domain.access.links import must
from guildhall.domain.reports.report_scope import (
    Part,
    ReportCoverage,
    ReportPeriod,
    coverage,
    parts,
    values,
)
from guildhall.domain.reports.sla_sql import COLUMNS, PERMISSION, statement

_MINUTE = 60


class Filter(Struct, frozen=True, kw_only=True):
    """What the report is about. `tenant_ids` passed the gates; None is every tenant that opens SLA reports.

    `target` (percent) replaces what each link agreed, and 99.9 where it agreed nothing. `limit` and `offset` page
    `by_tenant`, the lowest uptime first; `compare` brings the uptime of as many days before.
    """

    period: ReportPeriod
    tenant_ids: tuple[UUID, ...] | None = None
    target: Decimal | None = None
    compare: bool = False
    limit: int = 50
    offset: int = 0


class WorstDay(Struct, frozen=True):
    """The day (UTC) with the longest downtime."""

    date: date
    downtime_minutes: float


class Uptime(Struct, frozen=True, kw_only=True):
    """Figures of some time that was observed: `measured_minutes` of it.

    `uptime_percentage` and `mttr_minutes` are None where there is nothing to tell them from. `outage_count` counts
    outages that overlap once; `breach_count` the days with more downtime than the target leaves to a day;
    `mttr_minutes` is the mean length of the outages that ended in the period, from their own beginning.
    """

    uptime_percentage: float | None
    downtime_minutes: float
    measured_minutes: float
    outage_count: int
    breach_count: int
    mttr_minutes: float | None


class TenantUptime(Uptime, frozen=True, kw_only=True):
    """One tenant. `measured_from` is later than the period where tenant or link began inside it: `is_partial`."""

    tenant_id: UUID
    tenant_name: str
    sla_target: float
    meets_sla: bool | None
    worst_day: WorstDay | None
    measured_from: datetime
    is_partial: bool


class SlaSummary(Uptime, frozen=True, kw_only=True):
    """All tenants of the report. `sla_target` is None where they have several.

    `tenants_meeting`, `_missing` and `_unrecorded` (nothing was ever recorded, or the period lies before) are all of
    them.
    """

    sla_target: float | None
    tenants_meeting: int
    tenants_missing: int
    tenants_unrecorded: int


class DailyDowntime(Struct, frozen=True):
    """The downtime of one day (UTC), over all tenants of the report; days without any are left out."""

    date: date
    downtime_minutes: float


class SlaReport(Struct, frozen=True, kw_only=True):
    """The report. `previous_uptime` (percent) is None where nothing was measured then, or no comparison asked for."""

    coverage: ReportCoverage
    summary: SlaSummary
    by_tenant: list[TenantUptime]
    downtime_by_day: list[DailyDowntime]
    previous_uptime: float | None


async def report(connection: AsyncConnection, actor: Actor, wanted: Filter, *, now: datetime) -> SlaReport:
    """Return the report in one statement; time after `now` is not counted.

    Raises Forbidden without partner.reports.sla.read, Invalid for a target that is no share of time.
    """
    must(actor, PERMISSION)
    if wanted.target is not None and not (wanted.target.is_finite() and 0 < wanted.target <= 100):  # noqa: PLR2004 - percent
        raise Invalid(errors={"target_percentage": "Give a percentage above 0, 100 at most"})
    before = wanted.period.previous.from_date if wanted.compare else wanted.period.from_date
    given = values(actor, tenant_ids=wanted.tenant_ids, limit=wanted.limit, offset=wanted.offset)
    since, until = bounds(wanted.period, now=now)
    last = (until - timedelta(microseconds=1)).astimezone(UTC).date()  # a day that ends at midnight is its own
    given |= {"since": since, "until": until, "since_before": _midnight(before)}
    given |= {"earliest": before, "first": wanted.period.from_date, "last": last}
    given |= {"midnight": _midnight(last) + timedelta(days=1)}
    given |= {"target": wanted.target}
    asked = statement(named=wanted.tenant_ids is not None, compare=wanted.compare)
    found = await parts(connection, asked, given, tuple(COLUMNS))
    covered = coverage(found["covered"][0])
    return SlaReport(
        coverage=covered,
        summary=_summary(found["summary"][0], covered.included),
        by_tenant=[_tenant(part, since=since) for part in found["tenant"]],
        downtime_by_day=[DailyDowntime(part["day"], _minutes(part["down"])) for part in found["day"]],
        previous_uptime=_percentage(found["before"][0]) if wanted.compare else None,
    )


def bounds(period: ReportPeriod, *, now: datetime) -> tuple[datetime, datetime]:
    """Return the moment at which the days of `period` begin, and the one up to which they are known: `now` at most."""
    return _midnight(period.from_date), min(_midnight(period.to_date) + timedelta(days=1), now)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _minutes(seconds: Decimal | None) -> float:
    return round(float(seconds or 0) / _MINUTE, 2)


def _percentage(part: Part) -> float | None:
    """Return the share of the measured time without downtime; None where there is none."""
    measured, down = part["measured"], part["down"] or Decimal(0)
    return round(float(100 * (measured - down) / measured), 4) if measured else None


def _uptime(part: Part) -> dict[str, Any]:
    """Return the figures that tenant and summary share."""
    return {
        "uptime_percentage": _percentage(part),
        "downtime_minutes": _minutes(part["down"]),
        "measured_minutes": _minutes(part["measured"]),
        "outage_count": part["outages"] or 0,
        "breach_count": part["breaches"] or 0,
        "mttr_minutes": _minutes(part["repair"] / part["repaired"]) if part["repaired"] else None,
    }


def _tenant(part: Part, *, since: datetime) -> TenantUptime:
    """Return one tenant's figures."""
    measured = part["measured"]
    worst = WorstDay(part["worst_day"], _minutes(part["worst"])) if part["worst_day"] else None
    return TenantUptime(
        **_uptime(part),
        tenant_id=part["tenant_id"],
        tenant_name=part["tenant_name"],
        sla_target=float(part["target"]),
        meets_sla=bool(part["meeting"]) if measured else None,
        worst_day=worst,
        measured_from=part["since"],
        is_partial=part["since"] > since,
    )


def _summary(part: Part, included: int) -> SlaSummary:
    """Return the figures over all tenants."""
    meeting, unrecorded = part["meeting"], part["unrecorded"]
    return SlaSummary(
        **_uptime(part),
        sla_target=None if part["target"] is None else float(part["target"]),
        tenants_meeting=meeting,
        tenants_missing=included - meeting - unrecorded,
        tenants_unrecorded=unrecorded,
    )
