"""The usage report: what customers measured, by day, week, month or customer, against the period before."""

from decimal import Decimal

from litestar import get
from litestar.response import Stream
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.domain.reports import usage
from guildhall.domain.reports.report_scope import LONGEST_PAGE
from guildhall.domain.reports.usage import LEVELS, UsageFigure, UsageReport
from guildhall.domain.reports.usage_sql import PERMISSION
from guildhall.surfaces import asked, sheets
from guildhall.surfaces.console import reports
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.charts import Chart, Series
from guildhall.surfaces.kit.formats import date, number
from guildhall.surfaces.kit.i18n import N_, gettext, speech
from guildhall.surfaces.kit.tables import Filter, Option, query_link
from guildhall.surfaces.words import metric_label

GROUPS = {"day": N_("By day"), "week": N_("By week"), "month": N_("By month"), "tenant": N_("By customer")}
FIRST = "active_subscribers"
_LONGEST = 100  # letters of a metric's name
_BARS = 15  # customers in a chart
_HEAD = (
    N_("Customer"),
    N_("Metric"),
    N_("Sum"),
    N_("Average day"),
    N_("Sum of the period before"),
    N_("Average day of the period before"),
    N_("Active subscribers now"),
    N_("Suspended subscribers now"),
)


class Tile(Struct, frozen=True, kw_only=True):
    """One metric over all customers, with how it changed."""

    label: str
    value: Decimal
    note: str
    href: str


@get("/reports/usage", **needs(PERMISSION))
async def usage_page(request: Web, actor: Who) -> Page:
    """Return the usage report."""
    wished = request.query_params.get("metric", "")[:_LONGEST]
    group_by = asked.choice(request, "by", tuple(GROUPS)) or "day"
    days = reports.shown_period(request)
    async with framed(request, actor) as connection:
        wanted = await reports.narrowed(request, connection, actor, PERMISSION, days)
        found = await usage.report(
            connection,
            actor,
            usage.Filter(
                period=wanted.period,
                tenant_ids=wanted.tenant_ids,
                rank_by=asked.clean(wished) or (FIRST if group_by == "tenant" else ""),
                group_by=group_by,  # type: ignore[arg-type]  # one of GROUPS
                compare=True,
                limit=asked.PAGE_SIZE,
                offset=wanted.offset,
            ),
        )
    metrics = [each.metric for each in found.summary]
    metric = next((name for name in (wished, FIRST) if name in metrics), metrics[0] if metrics else "")
    return await page(
        request,
        "reports/usage.html",
        found=found,
        tabs=reports.tabs(request, actor),
        wanted=wanted,
        filters=_filters(metrics),
        tiles=[_tile(request, each, wanted.period.days) for each in found.summary],
        metric=metric,
        level=metric in LEVELS,
        rows=[(each, _of(each.metrics, metric)) for each in found.by_tenant],
        value=_value,
        before=_before,
        chart=_chart(found, metric, group_by) if metric else None,
        pages=reports.pages(wanted, len(found.by_tenant), found.coverage.included),
        left_out=reports.left_out(found.coverage),
        file=reports.file_link(request),
    )


def _filters(metrics: list[str]) -> list[Filter]:
    """Return the choices above the report."""
    return [
        Filter("metric", gettext("Metric"), [Option(name, metric_label(name)) for name in metrics]),
        Filter("by", gettext("Grouping"), [Option(code, gettext(label)) for code, label in GROUPS.items()]),
    ]


def _value(figure: UsageFigure) -> Decimal:
    """Return what is read of a metric: its average day where it is a level, else its sum."""
    return figure.daily_average if figure.metric in LEVELS else figure.total


def _before(figure: UsageFigure) -> Decimal | None:
    """Return the same of the period before."""
    return figure.previous_daily_average if figure.metric in LEVELS else figure.previous_total


def _tile(request: Web, figure: UsageFigure, days: int) -> Tile:
    """Return a metric's tile, which leads to the metric."""
    label = metric_label(figure.metric)
    query = request.query_params.multi_items()
    return Tile(
        label=gettext("%(metric)s, average day", metric=label) if figure.metric in LEVELS else label,
        value=round(_value(figure), 1),
        note=reports.change(_value(figure), _before(figure), days),
        href=query_link(request.url.path, query, {"metric": figure.metric}),
    )


def _of(figures: list[UsageFigure], metric: str) -> UsageFigure | None:
    """Return the figures of one metric."""
    return next((each for each in figures if each.metric == metric), None)


def _chart(found: UsageReport, metric: str, group_by: str) -> Chart | None:
    """Return the picture of one metric; None where nothing was measured."""
    name, level = metric_label(metric), metric in LEVELS
    if found.time_series is None:
        measured = [(each.tenant_name, _of(each.metrics, metric)) for each in found.by_tenant]
        bars = [(label, _value(figure)) for label, figure in measured if figure is not None][:_BARS]
        summary = gettext("%(metric)s by customer, the largest first.", metric=name)
        return _drawn("bars-flat", bars, name, summary)
    series = [each for each in found.time_series if each.metric == metric]
    points = [(str(date(each.from_date)), each.daily_average if level else each.total) for each in series]
    if not points:
        return None
    summary = gettext(
        "%(metric)s over time; %(quantity)s on %(day)s.",
        metric=name,
        quantity=number(points[-1][1]),
        day=points[-1][0],
    )
    return _drawn("area" if group_by == "day" else "bars", points, name, summary)


def _drawn(kind: str, points: list[tuple[str, Decimal]], name: str, summary: str) -> Chart | None:
    """Return a chart of labelled values."""
    if not points:
        return None
    series = Series(name, [value for _, value in points])
    return Chart(kind=kind, labels=[label for label, _ in points], series=[series], summary=summary)  # type: ignore[arg-type]  # a kind


@get("/reports/usage/csv", **needs(PERMISSION))
async def usage_file(request: Web, actor: Who) -> Stream:
    """Send every customer's usage of the period as CSV, a line for each metric."""
    days = reports.period(request)
    async with db.transaction(actor) as connection:
        wanted = await reports.narrowed(request, connection, actor, PERMISSION, days)

    async def read(connection: AsyncConnection, offset: int) -> tuple[reports.Lines, int]:
        found = await usage.report(
            connection,
            actor,
            usage.Filter(
                period=wanted.period,
                tenant_ids=wanted.tenant_ids,
                group_by="tenant",
                compare=True,
                limit=LONGEST_PAGE,
                offset=offset,
            ),
        )
        lines: reports.Lines = [
            (
                each.tenant_name,
                one.metric,
                one.total,
                one.daily_average,
                one.previous_total,
                one.previous_daily_average,
                each.active_subscribers,
                each.suspended_subscribers,
            )
            for each in found.by_tenant
            for one in each.metrics
        ]
        return lines, found.coverage.included

    lines = reports.file_lines(_HEAD, actor, speech(), read)
    return sheets.sent(lines, name=f"usage-{wanted.period.from_date}-{wanted.period.to_date}-{clock.now():%Y%m%d}")


ROUTES = [usage_page, usage_file]
