"""Partner accounts: the subscribers of the partner's own home tenant that it looks after."""

from uuid import UUID

from litestar import get
from litestar.params import FromPath

from guildhall.domain.provisioning import accounts
from guildhall.domain.provisioning.accounts import ACCOUNT_STATES, ENGAGEMENTS, LIST, READ
from guildhall.surfaces import asked
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.tables import Pages, Sorting, sorting_of

SORTS = ("name", "since")


@get("/accounts", **needs(LIST))
async def account_list(request: Web, actor: Who) -> Page:
    """Return one page of the partner's accounts."""
    sorting, number = sorting_of(request.query_params.get("sort"), SORTS, Sorting("name")), asked.page_number(request)
    wanted = accounts.Filter(
        search=asked.words(request),
        status=asked.choice(request, "state", ACCOUNT_STATES),
        engagement_type=asked.choice(request, "engagement", ENGAGEMENTS),
        sort_by="since" if sorting.key == "since" else "name",
        sort_order="desc" if sorting.descending else "asc",
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with framed(request, actor) as connection:
        rows, total = await accounts.listed(connection, actor, wanted)
    return await page(
        request,
        "accounts/list.html",
        rows=rows,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        sorting=sorting,
        states=ACCOUNT_STATES,
        engagements=ENGAGEMENTS,
        may_read=actor.may(READ),
    )


@get("/accounts/{account_id:uuid}", **needs(READ))
async def account_page(request: Web, account_id: FromPath[UUID], actor: Who) -> Page:
    """Return one account."""
    async with framed(request, actor) as connection:
        found = await accounts.get(connection, actor, account_id)
    return await page(request, "accounts/account.html", account=found)


ROUTES = [account_list, account_page]
