"""Webhooks of the partner: the endpoints, one with its secrets and its log, and one delivery with its tries."""

from uuid import UUID

from litestar import get
from litestar.params import FromPath

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.domain.webhooks import endpoints
from guildhall.domain.webhooks.endpoints import NEEDS, STATES
from guildhall.domain.webhooks.events import KINDS
from guildhall.domain.webhooks.tables import STATUSES
from guildhall.surfaces import asked
from guildhall.surfaces.console.words import event_label
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Filter, Option, Pages
from guildhall.surfaces.words import state_options


@get("/webhooks", **needs(NEEDS))
async def webhook_list(request: Web, actor: Who) -> Page:
    """Return one page of the partner's endpoints, in trouble first."""
    number, state = asked.page_number(request), asked.choice(request, "state", STATES)
    offset = (number - 1) * asked.PAGE_SIZE
    async with db.transaction(actor) as connection:
        rows, total = await endpoints.listed(connection, actor, state=state, limit=asked.PAGE_SIZE, offset=offset)
    return await page(
        request,
        "webhooks/list.html",
        rows=rows,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        filters=[Filter("state", gettext("State"), state_options("webhook", STATES))],
    )


@get("/webhooks/{endpoint_id:uuid}", **needs(NEEDS))
async def webhook_page(request: Web, endpoint_id: FromPath[UUID], actor: Who) -> Page:
    """Return one endpoint with its log."""
    return await shown(request, actor, endpoint_id)


async def shown(request: Web, actor: Actor, endpoint_id: UUID, *, secret: str = "", fresh: bool = False) -> Page:
    """Return the page of one endpoint; a new `secret` is shown on it this once, `fresh` with one that is new."""
    number = asked.page_number(request)
    wanted = endpoints.Filter(
        status=asked.choice(request, "status", STATUSES),
        kind=asked.choice(request, "kind", KINDS),
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        found = await endpoints.get(connection, actor, endpoint_id)
        live = await endpoints.secrets(connection, endpoint_id)
        rows, total = await endpoints.deliveries(connection, endpoint_id, wanted)
        failed = await endpoints.failed_since(connection, endpoint_id, None)
    return await page(
        request,
        "webhooks/endpoint.html",
        endpoint=found,
        secrets=live,
        rows=rows,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        filters=[
            Filter("status", gettext("State"), state_options("webhook_delivery", STATUSES)),
            Filter("kind", gettext("Event"), [Option(kind, event_label(kind)) for kind in KINDS]),
        ],
        failed=failed,
        audit=actor.may("partner.audit.read"),
        secret=secret,
        fresh=fresh,
    )


@get("/webhooks/{endpoint_id:uuid}/deliveries/{delivery_id:uuid}", **needs(NEEDS))
async def delivery_page(request: Web, endpoint_id: FromPath[UUID], delivery_id: FromPath[UUID], actor: Who) -> Page:
    """Return one delivery: what was posted, and what came back at each try."""
    async with db.transaction(actor) as connection:
        found = await endpoints.get(connection, actor, endpoint_id)
        delivery, body, tries = await endpoints.get_delivery(connection, actor, endpoint_id, delivery_id)
    return await page(request, "webhooks/delivery.html", endpoint=found, delivery=delivery, body=body, tries=tries)


ROUTES = [webhook_list, webhook_page, delivery_page]
