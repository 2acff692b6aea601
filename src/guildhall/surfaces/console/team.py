"""The people of the partner, to read."""

from litestar import get

from guildhall.core import db
from guildhall.domain.people import team
from guildhall.domain.people.tables import PERSON_STATUSES
from guildhall.domain.rbac.registry import PARTNER_ROLES
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.tables import Pages, Sorting, sorting_of

SORTS = {"name": "name", "active": "last_active_at"}


@get("/team", **needs("partner.team.read"))
async def team_list(request: Web, actor: Who) -> Page:
    """Return one page of the person's colleagues."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("name"))
    number = asked.page_number(request)
    wanted = team.Filter(
        search=asked.words(request),
        role=asked.choice(request, "role", PARTNER_ROLES),
        status=asked.choice(request, "status", PERSON_STATUSES),
        sort_by=SORTS[sorting.key],  # type: ignore[arg-type]  # the values are the domain's
        sort_order="desc" if sorting.descending else "asc",
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        rows, total = await team.listed(connection, actor, wanted)
    pages = Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total)
    return await page(
        request,
        "team/list.html",
        rows=rows,
        pages=pages,
        sorting=sorting,
        actor=actor,
        roles=PARTNER_ROLES,
        statuses=PERSON_STATUSES,
    )


ROUTES = [team_list]
