"""The customer's own people: who may approve, who may look."""

from litestar import get

from guildhall.core import db
from guildhall.domain.people import approvers, members
from guildhall.domain.people.members import STATES
from guildhall.domain.rbac.registry import CUSTOMER_ROLES
from guildhall.surfaces import asked
from guildhall.surfaces.customer.words import customer_role_label
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.tables import Option, Pages, Sorting, sorting_of

SORTS = {"name": "name", "active": "last_active_at"}


@get("/people", **needs("customer.people.read"))
async def people_list(request: Web, actor: Who) -> Page:
    """Return one page of the people of the customer."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("name"))
    number = asked.page_number(request)
    wanted = members.Filter(
        search=asked.words(request),
        role=asked.choice(request, "role", CUSTOMER_ROLES),
        status=asked.choice(request, "status", STATES),
        sort_by=SORTS[sorting.key],
        descending=sorting.descending,
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        rows, total = await members.listed(connection, actor, wanted)
    return await page(
        request,
        "people/list.html",
        rows=rows,
        sorting=sorting,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        actor=actor,
        leads=actor.may(approvers.NEEDS),
        changeable={row.id for row in rows if approvers.changeable(actor, row)},
        roles=[Option(code, customer_role_label(code)) for code in CUSTOMER_ROLES],
        statuses=STATES,
    )


ROUTES = [people_list]
