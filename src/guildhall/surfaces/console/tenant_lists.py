"""A customer's invoices, subscribers and usage."""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from litestar import get
from litestar.params import FromPath

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.domain.reports import customer, tenant_lists
from guildhall.domain.reports.tenant_lists import UsageDay
from guildhall.domain.tenancy.tables import INVOICE_STATUSES, SUBSCRIBER_STATUSES
from guildhall.surfaces import asked
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.console.tenants import opens, tenant_page
from guildhall.surfaces.entry import Where, Who, needs
from guildhall.surfaces.html import Page, Web
from guildhall.surfaces.kit.charts import Chart, Series
from guildhall.surfaces.kit.formats import date, number
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Pages, Sorting, sorting_of
from guildhall.surfaces.words import metric_label

INVOICE_SORTS = {"issued": "issued_on", "due": "due_on", "amount": "amount"}
SUBSCRIBER_SORTS = {"name": "name", "since": "created_at"}
SHOWN_INVOICES = tuple(status for status in INVOICE_STATUSES if status != "draft")


def _wanted(request: Web, sorting: Sorting, columns: dict[str, str], statuses: Sequence[str]) -> tenant_lists.Filter:
    """Return what the address of a list asks for."""
    return tenant_lists.Filter(
        search=asked.words(request),
        status=asked.chosen(request, "status", statuses),
        sort_by=columns[sorting.key],
        sort_order="desc" if sorting.descending else "asc",
        limit=asked.PAGE_SIZE,
        offset=(asked.page_number(request) - 1) * asked.PAGE_SIZE,
    )


def _pages(request: Web, shown: int, total: int | None) -> Pages:
    """Return where the list stands."""
    return Pages(shown=shown, page=asked.page_number(request), size=asked.PAGE_SIZE, total=total)


def _invoice_sorts(actor: Actor) -> list[str]:
    """Return the columns of invoices that this person may sort by."""
    return [key for key in INVOICE_SORTS if key != "amount" or actor.may("partner.money.read")]


@get("/t/{tenant_id:uuid}/billing", **needs("partner.billing.invoices.read"))
async def billing(request: Web, tenant_id: FromPath[UUID], actor: Who, tenant: Where) -> Page:
    """Return one page of a customer's invoices."""
    del tenant_id  # the gates took it from the path
    default = Sorting("issued", descending=True)
    sorting = sorting_of(request.query_params.get("sort"), _invoice_sorts(actor), default)
    wanted = _wanted(request, sorting, INVOICE_SORTS, SHOWN_INVOICES)
    async with framed(request, actor) as connection:
        rows, total = await tenant_lists.invoices(connection, actor, wanted, standing=tenant, today=clock.now().date())
    pages = _pages(request, len(rows), total)
    amounts = actor.may("partner.money.read")
    return await tenant_page(
        request,
        "billing",
        actor,
        tenant,
        "billing",
        rows=rows,
        pages=pages,
        sorting=sorting,
        statuses=SHOWN_INVOICES,
        amounts=amounts,
    )


@get("/t/{tenant_id:uuid}/subscribers", **needs("partner.provisioning.subscribers.list"))
async def subscribers(request: Web, tenant_id: FromPath[UUID], actor: Who, tenant: Where) -> Page:
    """Return one page of a customer's subscribers."""
    del tenant_id
    sorting = sorting_of(request.query_params.get("sort"), SUBSCRIBER_SORTS, Sorting("name"))
    wanted = _wanted(request, sorting, SUBSCRIBER_SORTS, SUBSCRIBER_STATUSES)
    async with framed(request, actor) as connection:
        found = await tenant_lists.subscribers(connection, actor, wanted, standing=tenant)
    return await tenant_page(
        request,
        "subscribers",
        actor,
        tenant,
        "subscribers",
        rows=found.items,
        pages=_pages(request, len(found.items), found.total),
        sorting=sorting,
        statuses=SUBSCRIBER_STATUSES,
    )


@get("/t/{tenant_id:uuid}/usage", **needs("partner.reports.usage.read"))
async def usage(request: Web, tenant_id: FromPath[UUID], actor: Who, tenant: Where) -> Page:
    """Return what a customer used in the last ninety days, against its capacity."""
    del tenant_id
    today = clock.now().date()
    async with framed(request, actor) as connection:
        summary = await customer.usage_summary(connection, actor, standing=tenant, today=today)
        days = await tenant_lists.usage_days(connection, actor, standing=tenant, today=today)
        outages = await customer.outages(connection, actor, standing=tenant, limit=10)
    return await tenant_page(
        request,
        "usage",
        actor,
        tenant,
        "usage",
        summary=summary or [],
        charts=_charts(days),
        outages=outages if opens(actor, tenant, "partner.reports.sla.read") else None,
    )


def _charts(days: list[UsageDay]) -> dict[str, Chart]:
    """Return one chart for each metric."""
    return {metric: _chart(metric, list(group)) for metric, group in groupby(days, key=lambda each: each.metric)}


def _chart(metric: str, days: list[UsageDay]) -> Chart:
    """Return the chart of one metric."""
    name, last = metric_label(metric), days[-1]
    summary = gettext(
        "%(metric)s by day; %(quantity)s on %(day)s.", metric=name, quantity=number(last.quantity), day=date(last.day)
    )
    return Chart(
        kind="area",
        labels=[str(date(each.day)) for each in days],
        series=[Series(name, [each.quantity for each in days])],
        summary=summary,
    )


ROUTES = [billing, subscribers, usage]
