"""The portfolio: every customer with a live link, those that cannot be opened now, and the header's selector."""

from litestar import get

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.domain.access import links
from guildhall.domain.access.states import STATES
from guildhall.domain.access.tables import OPERATING_MODELS
from guildhall.domain.provisioning.accounts import LIST as ACCOUNTS
from guildhall.domain.reports import portfolio
from guildhall.domain.tenancy.tables import TENANT_STATUSES
from guildhall.surfaces import asked
from guildhall.surfaces.console.frame import CUSTOMERS, framed
from guildhall.surfaces.entry import Who, entered, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.shell import TenantOption
from guildhall.surfaces.kit.tables import Pages, Sorting, sorting_of

SORTS = {"name": "name", "balance": "outstanding_balance", "created": "created_at"}
# What a partner may not open now, though a link is or was there.
CLOSED = tuple(state for state in STATES if state != "active")
LINK_SORTS = {"name": "tenant_name", "status": "status", "created": "created_at", "ends": "ends_at"}
SUGGESTED = 8


@get("/customers", **needs(CUSTOMERS))
async def customer_list(request: Web, actor: Who) -> Page:
    """Return one page of the customers that can be opened now."""
    sorting = sorting_of(request.query_params.get("sort"), _sorts(actor), Sorting("name"))
    wanted = portfolio.Filter(
        status=asked.chosen(request, "status", TENANT_STATUSES),
        search=asked.words(request),
        operating_model=asked.chosen(request, "model", OPERATING_MODELS),
        sort_by=SORTS[sorting.key],  # type: ignore[arg-type]  # the values are the domain's
        sort_order="desc" if sorting.descending else "asc",
        offset=(asked.page_number(request) - 1) * asked.PAGE_SIZE,
        limit=asked.PAGE_SIZE,
    )
    async with framed(request, actor) as connection:
        found = await portfolio.listed(connection, actor, wanted, figures="brief")
    return await page(
        request,
        "customers/list.html",
        rows=found.items,
        hidden=found.hidden_count,
        sorting=sorting,
        pages=Pages(shown=len(found.items), page=asked.page_number(request), size=asked.PAGE_SIZE, total=found.total),
        statuses=TENANT_STATUSES,
        models=OPERATING_MODELS,
        balances=_balances(actor),
        tickets=actor.may("partner.support.tickets.list"),
        may_ask=actor.may("partner.links.request"),
        at_home=entered(request).home_tenant_id is not None and actor.may(ACCOUNTS),
    )


def _balances(actor: Actor) -> bool:
    """Return whether a column of balances means anything to this person."""
    return actor.may("partner.money.read") and actor.may("partner.billing.summary.read")


def _sorts(actor: Actor) -> tuple[str, ...]:
    """Return the columns that this person may sort by: no order tells what a column would hide."""
    return tuple(SORTS) if _balances(actor) else ("name", "created")


@get("/customers/closed", **needs("partner.links.read"))
async def closed_list(request: Web, actor: Who) -> Page:
    """Return one page of the links through which nothing can be opened now: names and terms, no tenant data."""
    sorting = sorting_of(request.query_params.get("sort"), LINK_SORTS, Sorting("created", descending=True))
    number = asked.page_number(request)
    wanted = links.Filter(
        statuses=asked.chosen(request, "state", CLOSED) or CLOSED,
        search=asked.words(request),
        sort_by=LINK_SORTS[sorting.key],
        sort_order="desc" if sorting.descending else "asc",
        offset=(number - 1) * asked.PAGE_SIZE,
        limit=asked.PAGE_SIZE,
    )
    async with framed(request, actor) as connection:
        rows, total = await links.listed(connection, actor, wanted)
    return await page(
        request,
        "customers/closed.html",
        rows=rows,
        sorting=sorting,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        states=CLOSED,
        may_ask=actor.may("partner.links.request"),
    )


@get("/tenants/options", **needs(CUSTOMERS))
async def tenant_options(request: Web, actor: Who) -> Page:
    """Return the customers that match what is being typed into the header's selector."""
    wanted = portfolio.Filter(search=asked.words(request), limit=SUGGESTED)
    async with db.transaction(actor) as connection:
        found = await portfolio.listed(connection, actor, wanted, figures="none")
    options = [
        TenantOption(row.name, f"/t/{row.tenant_id}/", row.domain, row.relationship.operating_model)
        for row in found.items
    ]
    return await page(request, "kit/tenant_options.html", framed=False, options=options, total=found.total)


ROUTES = [customer_list, closed_list, tenant_options]
