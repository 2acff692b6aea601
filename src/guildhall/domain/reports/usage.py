"""The usage report: what the tenants measured, by day, week, month or tenant (API.md, GET /partner/reports/usage)."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.core.text import storable
from guildhall.domain.access.links import must
from guildhall.domain.reports.portfolio_sql import SUBSCRIBERS
from guildhall.domain.reports.report_scope import (
    Part,
    ReportCoverage,
    ReportPeriod,
    coverage,
    parts,
    values,
)
from guildhall.domain.reports.usage_sql import COLUMNS, PERMISSION, Shape, statement

GroupBy = Literal["day", "week", "month", "tenant"]
# Metrics that say how much there is, not how much went by: their sum over days means nothing, their mean day does.
LEVELS = frozenset({"active_subscribers"})
MOST_METRICS = 20
_FOUR = Decimal("0.0001")


class Filter(Struct, frozen=True, kw_only=True):
    """What the report is about. `tenant_ids` passed the gates; None is every tenant that opens usage reports.

    `metrics` empty is all. `limit` and `offset` page `by_tenant`: the largest in the metric `rank_by` first, by name
    without it. `compare` brings figures of as many days before.
    """

    period: ReportPeriod
    tenant_ids: tuple[UUID, ...] | None = None
    metrics: tuple[str, ...] = ()
    rank_by: str = ""
    group_by: GroupBy = "day"
    compare: bool = False
    limit: int = 50
    offset: int = 0


class UsageFigure(Struct, frozen=True, kw_only=True):
    """One metric over the period: its sum, and what an average measured day came to.

    `daily_average` of several tenants divides by the days on which any of them was measured. The `previous_` ones are
    of the period before; None where nothing was measured then, or no comparison was asked for.
    """

    metric: str
    total: Decimal
    daily_average: Decimal
    previous_total: Decimal | None
    previous_daily_average: Decimal | None


class UsageSummary(UsageFigure, frozen=True, kw_only=True):
    """One metric over all tenants of the report; on one day up to `measured_tenants` of them measured it."""

    measured_tenants: int


class TenantUsage(Struct, frozen=True, kw_only=True):
    """One tenant's figures; `metrics` is empty where nothing was measured.

    The subscribers are those of now; None where link or person does not open them.
    """

    tenant_id: UUID
    tenant_name: str
    metrics: list[UsageFigure]
    active_subscribers: int | None
    suspended_subscribers: int | None


class UsagePoint(Struct, frozen=True, kw_only=True):
    """One metric in one day, week or month that begins with `from_date`, or with the period if that is later."""

    metric: str
    from_date: date
    total: Decimal
    daily_average: Decimal


class UsageReport(Struct, frozen=True, kw_only=True):
    """The report. `time_series` is None where it is grouped by tenant."""

    coverage: ReportCoverage
    summary: list[UsageSummary]
    by_tenant: list[TenantUsage]
    time_series: list[UsagePoint] | None


async def report(connection: AsyncConnection, actor: Actor, wanted: Filter) -> UsageReport:
    """Return the report in one statement.

    Raises Forbidden without partner.reports.usage.read, Invalid for metrics that cannot be.
    """
    must(actor, PERMISSION)
    if len(wanted.metrics) > MOST_METRICS or not storable("".join((*wanted.metrics, wanted.rank_by))):
        raise Invalid(errors={"metrics": f"Name at most {MOST_METRICS} metrics"})
    shape = Shape(
        group_by=wanted.group_by,
        named=wanted.tenant_ids is not None,
        metrics=bool(wanted.metrics),
        ranked=bool(wanted.rank_by),
        subscribers=actor.may(SUBSCRIBERS),
    )
    given = values(actor, tenant_ids=wanted.tenant_ids, limit=wanted.limit, offset=wanted.offset)
    days = wanted.period
    given |= {"first": days.from_date, "last": days.to_date}
    given |= {"metrics": list(wanted.metrics), "rank_by": wanted.rank_by}
    given["earliest"] = days.previous.from_date if wanted.compare else days.from_date
    found = await parts(connection, statement(shape), given, tuple(COLUMNS))
    return UsageReport(
        coverage=coverage(found["covered"][0]),
        summary=[_summary(part) for part in found["summary"]],
        by_tenant=_tenants(found["tenant"]),
        time_series=None if wanted.group_by == "tenant" else [_point(part) for part in found["series"]],
    )


def _figure(part: Part) -> UsageFigure:
    """Return the figures of one metric."""
    return UsageFigure(
        metric=part["metric"],
        total=part["total"] or Decimal(0),
        daily_average=_rounded(part["average"]) or Decimal(0),
        previous_total=part["previous_total"],
        previous_daily_average=_rounded(part["previous_average"]),
    )


def _rounded(value: Decimal | None) -> Decimal | None:
    """Return a mean to four decimals, as quantities are kept."""
    return None if value is None else value.quantize(_FOUR)


def _summary(part: Part) -> UsageSummary:
    """Return the figures of one metric over all tenants."""
    figure = _figure(part)
    return UsageSummary(
        **{name: getattr(figure, name) for name in UsageFigure.__struct_fields__}, measured_tenants=part["included"]
    )


def _tenants(found: Iterable[Part]) -> list[TenantUsage]:
    """Return the tenants of the page, each with its metrics."""
    grouped = (list(rows) for _, rows in groupby(found, key=lambda part: part["place"]))
    return [
        TenantUsage(
            tenant_id=rows[0]["tenant_id"],
            tenant_name=rows[0]["tenant_name"],
            metrics=[_figure(part) for part in rows if part["metric"] is not None],
            active_subscribers=rows[0]["active"],
            suspended_subscribers=rows[0]["suspended"],
        )
        for rows in grouped
    ]


def _point(part: Part) -> UsagePoint:
    """Return one point of the time series."""
    return UsagePoint(
        metric=part["metric"],
        from_date=part["starts"],
        total=part["total"],
        daily_average=part["average"].quantize(_FOUR),
    )
