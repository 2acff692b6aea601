"""Webhooks of the partner: its endpoints, and each of them (`surfaces/webhooks`)."""

from uuid import UUID

from litestar import get
from litestar.params import FromPath

from guildhall.domain.webhooks import endpoints
from guildhall.domain.webhooks.endpoints import NEEDS, STATES
from guildhall.surfaces import asked
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Filter, Pages
from guildhall.surfaces.webhooks import acts, forms
from guildhall.surfaces.webhooks.pages import delivery_page, shown
from guildhall.surfaces.words import state_options


@get("/webhooks", **needs(NEEDS))
async def webhook_list(request: Web, actor: Who) -> Page:
    """Return one page of the partner's endpoints, in trouble first."""
    number, states = asked.page_number(request), asked.chosen(request, "state", STATES)
    offset = (number - 1) * asked.PAGE_SIZE
    async with framed(request, actor) as connection:
        found = await endpoints.listed(connection, actor, states=states, limit=asked.PAGE_SIZE, offset=offset)
    return await page(
        request,
        "webhooks/list.html",
        rows=found.items,
        pages=Pages(shown=len(found.items), page=number, size=asked.PAGE_SIZE, total=found.total),
        filters=[Filter("state", gettext("State"), state_options("webhook", STATES))],
    )


@get("/webhooks/{endpoint_id:uuid}", **needs(NEEDS))
async def webhook_page(request: Web, endpoint_id: FromPath[UUID], actor: Who) -> Page:
    """Return one endpoint with its log."""
    return await shown(request, actor, endpoint_id)


ROUTES = [
    webhook_list,
    webhook_page,
    get("/webhooks/{endpoint_id:uuid}/deliveries/{delivery_id:uuid}", **needs(NEEDS))(delivery_page),
    *forms.routes(NEEDS),
    *acts.routes(NEEDS),
]
