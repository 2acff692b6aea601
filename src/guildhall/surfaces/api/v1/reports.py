"""Reports over the partner's customers, or the one in context: usage, SLA, revenue."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.domain.access.scope import named_tenants
from guildhall.domain.reports import report_scope, revenue, revenue_sql, sla, sla_sql, usage, usage_sql
from guildhall.domain.reports.report_scope import ReportCoverage, ReportPeriod
from guildhall.surfaces.api.operations import Call, Endpoint, Operation, serves
from guildhall.surfaces.api.reading import Limit, Offset, TenantIds
from guildhall.surfaces.entry import needs

GROUP = "Reports"
FromDate = Annotated[date, Meta(description="The first day (UTC); by default so that there are 30.")]
ToDate = Annotated[date, Meta(description="The last day (UTC), today by default; two years at most.")]
Compare = Annotated[bool, Meta(description="Whether to bring figures of as many days before.")]
Metric = Annotated[str, Meta(min_length=1, max_length=100)]


class ReportQuery(Struct, frozen=True):
    """Which days, which customers, and which page of them."""

    from_date: FromDate | UnsetType = UNSET
    to_date: ToDate | UnsetType = UNSET
    tenant_ids: TenantIds = ()
    limit: Limit = 50
    offset: Offset = 0


class UsageQuery(ReportQuery, frozen=True):
    """What usage to tell."""

    group_by: Annotated[
        usage.GroupBy, Meta(description="What `time_series` goes by. Weeks begin on Monday; `tenant` leaves it out.")
    ] = "day"
    metrics: Annotated[
        tuple[Metric, ...],
        Meta(max_length=20, description="Only these metrics. With one, `by_tenant` brings the largest first."),
    ] = ()
    compare: Compare = False


class SlaQuery(ReportQuery, frozen=True):
    """What to hold uptime against."""

    target_percentage: (
        Annotated[float, Meta(gt=0, le=100, description="A target for all, in place of what each link agreed.")]
        | UnsetType
    ) = UNSET


class RevenueQuery(ReportQuery, frozen=True):
    """What revenue to tell."""

    compare: Compare = False


class UsageAnswer(Struct, frozen=True, kw_only=True):
    """The usage report. `by_tenant` is one page: `has_more` says that others follow.

    `coverage` says how many of your customers it is about; the links of the `left_out` do not open it.
    """

    period: ReportPeriod
    previous_period: ReportPeriod | None
    group_by: usage.GroupBy
    coverage: ReportCoverage
    summary: list[usage.UsageSummary]
    by_tenant: list[usage.TenantUsage]
    time_series: list[usage.UsagePoint] | None
    limit: int
    offset: int
    has_more: bool


class SlaAnswer(Struct, frozen=True, kw_only=True):
    """The SLA report. `by_tenant` is one page, the lowest uptime first: `has_more` says that others follow.

    `coverage` says how many of your customers it is about; the links of the `left_out` do not open it.
    """

    period: ReportPeriod
    coverage: ReportCoverage
    summary: sla.SlaSummary
    by_tenant: list[sla.TenantUptime]
    downtime_by_day: list[sla.DailyDowntime]
    limit: int
    offset: int
    has_more: bool


class RevenueAnswer(Struct, frozen=True, kw_only=True):
    """The revenue report. `by_tenant` is one page, by name: `has_more` says that others follow.

    `coverage` says how many of your customers it is about; the links of the `left_out` do not open it.
    """

    period: ReportPeriod
    previous_period: ReportPeriod | None
    coverage: ReportCoverage
    summary: list[revenue.Revenue]
    by_tenant: list[revenue.TenantRevenue]
    by_month: list[revenue.RevenueMonth]
    limit: int
    offset: int
    has_more: bool


USAGE = Operation(
    id="getUsageReport",
    method="GET",
    path="/partner/reports/usage",
    group=GROUP,
    summary="Read the usage report",
    description="What customers measured, by metric. `total` adds the days up; `daily_average` is what an average "
    "measured day came to, which is the figure to read for metrics that are levels, such as `active_subscribers`. In "
    "the summary it divides by the days on which any customer was measured, and `measured_tenants` is how many were on "
    "the day with most.",
    mark=needs(usage_sql.PERMISSION),
    query=UsageQuery,
    answer=UsageAnswer,
    codes=("TENANT_CONTEXT_MISMATCH",),
)


@serves(USAGE)
async def usage_report(call: Call[UsageQuery, None]) -> UsageAnswer:
    """Return the usage report."""
    asked, days = call.query, _period(call)
    async with db.transaction(call.actor) as connection:
        wanted = usage.Filter(
            period=days,
            tenant_ids=await _tenants(connection, call, usage_sql.PERMISSION),
            metrics=asked.metrics,
            rank_by=asked.metrics[0] if len(asked.metrics) == 1 else "",
            group_by=asked.group_by,
            compare=asked.compare,
            limit=asked.limit,
            offset=asked.offset,
        )
        found = await usage.report(connection, call.actor, wanted)
    return UsageAnswer(
        period=days,
        previous_period=days.previous if asked.compare else None,
        group_by=asked.group_by,
        coverage=found.coverage,
        summary=found.summary,
        by_tenant=found.by_tenant,
        time_series=found.time_series,
        limit=asked.limit,
        offset=asked.offset,
        has_more=_more(asked, found.coverage),
    )


SLA = Operation(
    id="getSlaReport",
    method="GET",
    path="/partner/reports/sla",
    group=GROUP,
    summary="Read the SLA report",
    description="Uptime from recorded outages: overlapping ones count once, one that lasts counts until now. Each "
    "customer is measured from the start of the period, of the customer or of the link, whichever is latest: "
    "`measured_from` says so. Where nothing was ever recorded `uptime_percentage` and `meets_sla` are null.",
    mark=needs(sla_sql.PERMISSION),
    query=SlaQuery,
    answer=SlaAnswer,
    codes=("TENANT_CONTEXT_MISMATCH",),
)


@serves(SLA)
async def sla_report(call: Call[SlaQuery, None]) -> SlaAnswer:
    """Return the SLA report."""
    asked, days = call.query, _period(call)
    async with db.transaction(call.actor, planned_once=True) as connection:
        wanted = sla.Filter(
            period=days,
            tenant_ids=await _tenants(connection, call, sla_sql.PERMISSION),
            target=None if asked.target_percentage is UNSET else Decimal(str(asked.target_percentage)),
            limit=asked.limit,
            offset=asked.offset,
        )
        found = await sla.report(connection, call.actor, wanted, now=call.now)
    return SlaAnswer(
        period=days,
        coverage=found.coverage,
        summary=found.summary,
        by_tenant=found.by_tenant,
        downtime_by_day=found.downtime_by_day,
        limit=asked.limit,
        offset=asked.offset,
        has_more=_more(asked, found.coverage),
    )


REVENUE = Operation(
    id="getRevenueReport",
    method="GET",
    path="/partner/reports/revenue",
    group=GROUP,
    summary="Read the revenue report",
    description="What customers invoiced, what was paid, what is owed, by currency, month and customer. `mrr` is of "
    "active subscriptions now. Needs `partner.money.read` as well.",
    mark=needs(revenue_sql.PERMISSION),
    query=RevenueQuery,
    answer=RevenueAnswer,
    codes=("TENANT_CONTEXT_MISMATCH",),
)


@serves(REVENUE)
async def revenue_report(call: Call[RevenueQuery, None]) -> RevenueAnswer:
    """Return the revenue report."""
    asked, days = call.query, _period(call)
    async with db.transaction(call.actor) as connection:
        wanted = revenue.Filter(
            period=days,
            tenant_ids=await _tenants(connection, call, revenue_sql.PERMISSION),
            compare=asked.compare,
            limit=asked.limit,
            offset=asked.offset,
        )
        found = await revenue.report(connection, call.actor, wanted)
    return RevenueAnswer(
        period=days,
        previous_period=days.previous if asked.compare else None,
        coverage=found.coverage,
        summary=found.summary,
        by_tenant=found.by_tenant,
        by_month=found.by_month,
        limit=asked.limit,
        offset=asked.offset,
        has_more=_more(asked, found.coverage),
    )


def _period(call: Call[UsageQuery, None] | Call[SlaQuery, None] | Call[RevenueQuery, None]) -> ReportPeriod:
    """Return the days that were asked for."""
    asked = call.query
    return report_scope.period(asked.from_date or None, asked.to_date or None, today=call.now.date())


async def _tenants(
    connection: AsyncConnection,
    call: Call[UsageQuery, None] | Call[SlaQuery, None] | Call[RevenueQuery, None],
    permission: str,
) -> tuple[UUID, ...] | None:
    """Return the tenants that were named, every one open for the report; None where none was."""
    tenant_ids = call.narrowed(call.query.tenant_ids)
    if tenant_ids and call.tenant is None:
        await named_tenants(connection, call.actor, tenant_ids=tenant_ids, needs=permission)
    return tenant_ids or None


def _more(asked: ReportQuery, covered: ReportCoverage) -> bool:
    """Return whether customers follow after the page."""
    return asked.offset + asked.limit < covered.included


ENDPOINTS: tuple[Endpoint, ...] = (usage_report, sla_report, revenue_report)
