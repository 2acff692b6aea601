"""Links to read: the list of all that ever were, and the page of one with its terms and its history."""

from uuid import UUID

from litestar import get
from litestar.params import FromPath

from guildhall.core import db
from guildhall.domain.access import links, watching
from guildhall.domain.access.states import STATES
from guildhall.domain.audit import reading
from guildhall.surfaces import asked
from guildhall.surfaces.customer.acts import offered
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.tables import Pages, Sorting, sorting_of
from guildhall.surfaces.trail import told

STATUSES = tuple(dict.fromkeys(("requested", "countered", "active", "expiring", *STATES)))
SORTS = {"partner": "partner_name", "status": "status", "created": "created_at", "ends": "ends_at"}
_HISTORY, _ACTS = 30, 8


@get("/links", **needs("customer.links.read"))
async def link_list(request: Web, actor: Who) -> Page:
    """Return one page of every link the customer has or had."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("created", descending=True))
    number = asked.page_number(request)
    wanted = links.Filter(
        statuses=asked.chosen(request, "state", STATUSES),
        search=asked.words(request),
        sort_by=SORTS[sorting.key],
        sort_order="desc" if sorting.descending else "asc",
        offset=(number - 1) * asked.PAGE_SIZE,
        limit=asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        rows, total = await links.listed(connection, actor, wanted)
    pages = Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total)
    return await page(request, "links/list.html", rows=rows, pages=pages, sorting=sorting, states=STATUSES)


@get("/links/{link_id:uuid}", **needs("customer.links.read"))
async def link_page(request: Web, link_id: FromPath[UUID], actor: Who) -> Page:
    """Return one link: what it opens, who uses it, what happened, and what can be done."""
    async with db.transaction(actor) as connection:
        link = await links.get(connection, actor, link_id)
        offers = await links.offers(connection, link_id)
        people = (await watching.people(connection)).get(link_id, [])
        history = await reading.listed(
            connection, actor, reading.Filter(text=str(link_id), action="link", limit=_HISTORY)
        )
        acts = await reading.listed(connection, actor, reading.Filter(partner_id=link.partner_id, limit=_ACTS))
    return await page(
        request,
        "links/link.html",
        link=link,
        offer=next((offer for offer in offers if offer.status == "open"), None),
        people=people,
        history=told(history.items),
        acts=told(acts.items),
        possible=offered(actor, link, offers),
        actor=actor,
    )


ROUTES = [link_list, link_page]
