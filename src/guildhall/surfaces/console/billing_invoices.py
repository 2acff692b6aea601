"""Invoices over every customer: a list with sums over its filter, and one invoice in full."""

from uuid import UUID

from litestar import get
from litestar.params import FromPath

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.domain.access.names import tenant_names
from guildhall.domain.access.scope import named_tenants
from guildhall.domain.billing import exports, invoices
from guildhall.domain.billing.invoices import SHOWN_STATUSES, InvoicePage
from guildhall.surfaces import asked
from guildhall.surfaces.console.billing import AGE_NAMES, currency_asked, due_between, tabs
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Filter, Option, Pages, Sorting, sorting_of
from guildhall.surfaces.words import state_options

SORTS = {"issued": "invoice_date", "due": "due_date", "amount": "amount", "status": "status"}
UNPAID = "unpaid"  # finalized and overdue: what is owed


@get("/billing/invoices", **needs(invoices.READ))
async def invoice_list(request: Web, actor: Who) -> Page:
    """Return one page of the invoices of all customers whose links open them."""
    sorting = sorting_of(request.query_params.get("sort"), _sorts(actor), Sorting("issued", descending=True))
    wanted = wanted_by(request, sorting)
    async with framed(request, actor) as connection:
        if wanted.tenant_ids:
            await named_tenants(connection, actor, tenant_ids=wanted.tenant_ids, needs=invoices.READ)
        found = await invoices.listed(connection, actor, wanted, today=clock.now().date(), covered=True)
        names = await tenant_names(connection, actor, wanted.tenant_ids)
    return await page(
        request,
        "billing/invoices.html",
        rows=found.items,
        sums=found.sums,
        sorting=sorting,
        tabs=tabs(actor, "/billing/invoices"),
        filters=_filters(request, found, names),
        reached=found.coverage,
        pages=Pages(shown=len(found.items), page=asked.page_number(request), size=asked.PAGE_SIZE, total=found.total),
        shows_money=actor.may(invoices.MONEY),
        may_export=actor.may(exports.EXPORT),
    )


def _sorts(actor: Actor) -> list[str]:
    """Return the columns that this person may sort by."""
    return [key for key in SORTS if key != "amount" or actor.may(invoices.MONEY)]


def wanted_by(request: Web, sorting: Sorting) -> invoices.Filter:
    """Return the filter that the address asks for; raises Invalid for a wrong one."""
    status, age = asked.choice(request, "status", (UNPAID, *SHOWN_STATUSES)), asked.choice(request, "age", AGE_NAMES)
    first, last = asked.shown_days(request)
    tenant_id = asked.identity(request, "tenant")
    due_from, due_to = due_between(age, clock.now().date()) if age else (None, None)
    return invoices.Filter(
        tenant_ids=(tenant_id,) if tenant_id else (),
        from_date=first,
        to_date=last,
        status=(status,) if status and status != UNPAID else (),
        owed=status == UNPAID or bool(age),
        due_from=due_from,
        due_to=due_to,
        currency=currency_asked(request),
        search=asked.words(request),
        sort_by=SORTS[sorting.key],  # type: ignore[arg-type]  # the values are the domain's
        sort_order="desc" if sorting.descending else "asc",
        limit=asked.PAGE_SIZE,
        offset=(asked.page_number(request) - 1) * asked.PAGE_SIZE,
    )


def _filters(request: Web, found: InvoicePage, names: dict[UUID, str]) -> list[Filter]:
    """Return the choices above the list; a customer is chosen where its name stands, and taken away here."""
    codes = {each.currency for each in found.items} | ({chosen} if (chosen := currency_asked(request)) else set())
    codes |= {each.currency for each in found.sums.total} if found.sums else set()
    filters = [
        Filter(
            "status",
            gettext("Status"),
            [Option(UNPAID, gettext("Unpaid")), *state_options("invoice", SHOWN_STATUSES)],
        ),
        Filter("age", gettext("Age"), [Option(code, gettext(name)) for code, name in AGE_NAMES.items()]),
        Filter("currency", gettext("Currency"), [Option(code, code) for code in sorted(codes)]),
    ]
    if names:
        filters.append(Filter("tenant", gettext("Customer"), [Option(str(id_), name) for id_, name in names.items()]))
    return filters


@get("/billing/invoices/{invoice_id:uuid}", **needs(invoices.READ))
async def invoice_page(request: Web, invoice_id: FromPath[UUID], actor: Who) -> Page:
    """Return one invoice with its lines and what was paid for it."""
    async with framed(request, actor) as connection:
        found = await invoices.get(connection, actor, invoice_id, today=clock.now().date())
    return await page(request, "billing/invoice.html", found=found, shows_money=actor.may(invoices.MONEY))


ROUTES = [invoice_list, invoice_page]
