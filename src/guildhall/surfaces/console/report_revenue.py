"""The revenue report: invoiced, paid and owed by month and customer, one currency at a time."""

import datetime as dt

from litestar import get
from litestar.response import Stream
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.errors import Forbidden
from guildhall.domain.reports import revenue
from guildhall.domain.reports.report_scope import LONGEST_PAGE
from guildhall.domain.reports.revenue import Revenue, RevenueMonth
from guildhall.domain.reports.revenue_sql import PERMISSION
from guildhall.surfaces import sheets
from guildhall.surfaces.asked import PAGE_SIZE
from guildhall.surfaces.console import reports
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.console.words import sum_of
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.charts import Chart, Series
from guildhall.surfaces.kit.formats import date
from guildhall.surfaces.kit.i18n import N_, gettext, speech
from guildhall.surfaces.kit.tables import Filter, Option

_HEAD = (
    N_("Customer"),
    N_("Currency"),
    N_("Recurring per month now"),
    N_("Invoiced"),
    N_("Paid"),
    N_("Outstanding"),
    N_("Invoices"),
    N_("Invoiced in the period before"),
    N_("Paid in the period before"),
)


@get("/reports/revenue", **needs(PERMISSION))
async def revenue_page(request: Web, actor: Who) -> Page:
    """Return the revenue report, of the currency asked for or of the one with most customers' invoices."""
    if not actor.may(reports.MONEY):
        raise Forbidden
    days = reports.shown_period(request, first=_year_ago(clock.now().date()))
    async with framed(request, actor) as connection:
        wanted = await reports.narrowed(request, connection, actor, PERMISSION, days)
        found = await revenue.report(
            connection,
            actor,
            revenue.Filter(
                period=wanted.period,
                tenant_ids=wanted.tenant_ids,
                compare=True,
                limit=PAGE_SIZE,
                offset=wanted.offset,
            ),
        )
    currency = _currency(request, found.summary)
    whole = next((each for each in found.summary if each.currency == currency), None)
    others = [each.currency for each in found.summary if each.currency != currency]
    return await page(
        request,
        "reports/revenue.html",
        found=found,
        tabs=reports.tabs(request, actor),
        wanted=wanted,
        filters=[_currencies(found.summary)],
        currency=currency,
        others=others,
        whole=whole,
        change=_change(whole, wanted.period.days),
        rows=[(each, _of(each.amounts, currency)) for each in found.by_tenant],
        chart=_chart([each for each in found.by_month if each.currency == currency], currency),
        pages=reports.pages(wanted, len(found.by_tenant), found.coverage.included),
        left_out=reports.left_out(found.coverage),
        file=reports.file_link(request),
    )


def _year_ago(today: dt.date) -> dt.date:
    """Return the first day of the twelve months that end with this one."""
    return dt.date(today.year - (today.month < 12), today.month % 12 + 1, 1)  # noqa: PLR2004 - months


def _currency(request: Web, summary: list[Revenue]) -> str:
    """Return the currency that the report is shown in."""
    wished = request.query_params.get("currency", "")
    known = {each.currency: each.invoice_count for each in summary}
    return wished if wished in known else max(known, key=lambda code: known[code], default="")


def _currencies(summary: list[Revenue]) -> Filter:
    """Return the choice of currency."""
    return Filter("currency", gettext("Currency"), [Option(each.currency, each.currency) for each in summary])


def _of(amounts: list[Revenue], currency: str) -> Revenue | None:
    """Return the amounts of one currency."""
    return next((each for each in amounts if each.currency == currency), None)


def _change(whole: Revenue | None, days: int) -> dict[str, str]:
    """Return how what was invoiced and paid stands against the period before."""
    if whole is None or whole.previous_invoiced is None or whole.previous_paid is None:
        return {}
    return {
        "invoiced": reports.change(whole.invoiced.amount, whole.previous_invoiced.amount, days),
        "paid": reports.change(whole.paid.amount, whole.previous_paid.amount, days),
    }


def _chart(months: list[RevenueMonth], currency: str) -> Chart | None:
    """Return what was invoiced and paid by month; None where nothing was."""
    if not months:
        return None
    last = months[-1]
    return Chart(
        kind="bars",
        labels=[str(date(each.month)) for each in months],
        series=[
            Series(gettext("Invoiced"), [each.invoiced.amount for each in months]),
            Series(gettext("Paid"), [each.paid.amount for each in months]),
        ],
        summary=gettext(
            "Invoiced and paid by month; in the month of %(day)s %(invoiced)s and %(paid)s.",
            day=date(last.month),
            invoiced=sum_of(last.invoiced),
            paid=sum_of(last.paid),
        ),
        currency=currency,
    )


@get("/reports/revenue/csv", **needs(PERMISSION))
async def revenue_file(request: Web, actor: Who) -> Stream:
    """Send every customer's amounts of the period as CSV, a line for each currency."""
    if not actor.may(reports.MONEY):
        raise Forbidden
    now = clock.now()
    days = reports.period(request, first=_year_ago(now.date()))
    async with db.transaction(actor) as connection:
        wanted = await reports.narrowed(request, connection, actor, PERMISSION, days)

    async def read(connection: AsyncConnection, offset: int) -> tuple[reports.Lines, int]:
        found = await revenue.report(
            connection,
            actor,
            revenue.Filter(
                period=wanted.period,
                tenant_ids=wanted.tenant_ids,
                compare=True,
                limit=LONGEST_PAGE,
                offset=offset,
            ),
        )
        lines: reports.Lines = [_line(each.tenant_name, one) for each in found.by_tenant for one in each.amounts]
        return lines, found.coverage.included

    lines = reports.file_lines(_HEAD, actor, speech(), read)
    return sheets.sent(lines, name=f"revenue-{wanted.period.from_date}-{wanted.period.to_date}-{now:%Y%m%d}")


def _line(name: str, one: Revenue) -> tuple[object, ...]:
    """Return one customer's amounts of one currency as they stand in the file."""
    before = (None if each is None else each.amount for each in (one.previous_invoiced, one.previous_paid))
    amounts = (one.mrr.amount, one.invoiced.amount, one.paid.amount, one.outstanding.amount)
    return (name, one.currency, *amounts, one.invoice_count, *before)


ROUTES = [revenue_page, revenue_file]
