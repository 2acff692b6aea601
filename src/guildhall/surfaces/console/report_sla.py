"""The uptime report: what the recorded outages say of each customer, against its target and the period before."""

import datetime as dt
from decimal import Decimal, InvalidOperation

from litestar import get
from litestar.response import Stream
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.errors import Invalid
from guildhall.domain.reports import sla
from guildhall.domain.reports.report_scope import LONGEST_PAGE, ReportPeriod
from guildhall.domain.reports.sla import SlaReport
from guildhall.domain.reports.sla_sql import PERMISSION
from guildhall.surfaces import sheets
from guildhall.surfaces.asked import PAGE_SIZE
from guildhall.surfaces.console import reports
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.charts import Chart, Series
from guildhall.surfaces.kit.formats import date, number, percent
from guildhall.surfaces.kit.i18n import N_, gettext, speech
from guildhall.surfaces.kit.tables import Filter, Option

TARGETS = ("99", "99.5", "99.9", "99.95", "99.99")
_HEAD = (
    N_("Customer"),
    N_("Uptime in percent"),
    N_("Target in percent"),
    N_("Minutes of downtime"),
    N_("Minutes observed"),
    N_("Outages"),
    N_("Days below the target"),
    N_("Mean minutes to repair"),
    N_("Worst day"),
    N_("Observed from (UTC)"),
)


@get("/reports/sla", **needs(PERMISSION))
async def sla_page(request: Web, actor: Who) -> Page:
    """Return the uptime report."""
    target, now = _target(request), clock.now()
    days = reports.shown_period(request)
    async with framed(request, actor, planned_once=True) as connection:
        wanted = await reports.narrowed(request, connection, actor, PERMISSION, days)
        filtered = sla.Filter(
            period=wanted.period,
            tenant_ids=wanted.tenant_ids,
            target=target,
            compare=True,
            limit=PAGE_SIZE,
            offset=wanted.offset,
        )
        found = await sla.report(connection, actor, filtered, now=now)
    options = [Option(code, percent(Decimal(code) / 100, 2)) for code in TARGETS]
    return await page(
        request,
        "reports/sla.html",
        found=found,
        tabs=reports.tabs(request, actor),
        wanted=wanted,
        filters=[Filter("target", gettext("Target"), options)],
        before=_before(found.previous_uptime, wanted.period.days),
        chart=_chart(found, wanted.period, clock.now().date()),
        pages=reports.pages(wanted, len(found.by_tenant), found.coverage.included),
        left_out=reports.left_out(found.coverage),
        file=reports.file_link(request),
    )


def _target(request: Web) -> Decimal | None:
    """Return the target that the address asks for, None for each link's own; raises Invalid for no number."""
    text = request.query_params.get("target", "")
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        raise Invalid(N_("Write the target as a percentage, as in 99.9.")) from None


def _before(uptime: float | None, days: int) -> str:
    """Return what uptime was in the period before, in words."""
    if uptime is None:
        return ""
    told = percent(Decimal(str(uptime)) / 100, 3)
    return gettext("%(uptime)s in the %(days)s days before", uptime=told, days=number(days))


def _chart(found: SlaReport, period: ReportPeriod, today: dt.date) -> Chart | None:
    """Return downtime by day, days without any included; None where there was none."""
    if not found.downtime_by_day:
        return None
    down = {each.date: each.downtime_minutes for each in found.downtime_by_day}
    passed = (min(period.to_date, today) - period.from_date).days + 1
    days = [period.from_date + dt.timedelta(days=number_) for number_ in range(passed)]
    worst = max(down, key=lambda day: down[day])
    return Chart(
        kind="bars",
        labels=[str(date(day)) for day in days],
        series=[Series(gettext("Minutes of downtime"), [down.get(day, 0) for day in days])],
        summary=gettext(
            "Minutes of downtime by day (UTC), all customers together; most on %(day)s: %(minutes)s.",
            day=date(worst),
            minutes=number(round(down[worst], 1)),
        ),
    )


@get("/reports/sla/csv", **needs(PERMISSION))
async def sla_file(request: Web, actor: Who) -> Stream:
    """Send every customer's uptime in the period as CSV."""
    target, now = _target(request), clock.now()
    days = reports.period(request)
    async with db.transaction(actor) as connection:
        wanted = await reports.narrowed(request, connection, actor, PERMISSION, days)

    async def read(connection: AsyncConnection, offset: int) -> tuple[reports.Lines, int]:
        filtered = sla.Filter(
            period=wanted.period, tenant_ids=wanted.tenant_ids, target=target, limit=LONGEST_PAGE, offset=offset
        )
        found = await sla.report(connection, actor, filtered, now=now)
        lines: reports.Lines = [
            (
                each.tenant_name,
                each.uptime_percentage,
                each.sla_target,
                each.downtime_minutes,
                each.measured_minutes,
                each.outage_count,
                each.breach_count,
                each.mttr_minutes,
                each.worst_day.date if each.worst_day else None,
                each.measured_from.isoformat(timespec="minutes"),
            )
            for each in found.by_tenant
        ]
        return lines, found.coverage.included

    lines = reports.file_lines(_HEAD, actor, speech(), read)
    return sheets.sent(lines, name=f"uptime-{wanted.period.from_date}-{wanted.period.to_date}-{now:%Y%m%d}")


ROUTES = [sla_page, sla_file]
