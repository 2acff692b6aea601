"""Webhook endpoints for staff: the platform's, which leads look after, and how every partner's fares."""

from uuid import UUID

from litestar import get
from litestar.params import FromPath

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.domain.partners import directory, webhook_overview
from guildhall.domain.partners.webhook_overview import WHOSE, SortBy
from guildhall.domain.webhooks import endpoints
from guildhall.domain.webhooks.endpoints import MANAGE, READ, STATES, Endpoint
from guildhall.domain.webhooks.tables import STATUSES
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Filter, Option, Pages, Sorting, sorting_of
from guildhall.surfaces.webhooks import acts, forms
from guildhall.surfaces.webhooks.pages import delivery_page, shown
from guildhall.surfaces.words import state_options

SORTS: dict[str, SortBy] = {"trouble": "failing_since", "added": "created_at"}


@get("/webhooks", **needs(READ))
async def webhook_list(request: Web, actor: Who) -> Page:
    """Return one page of every endpoint there is, those in trouble first."""
    number = asked.page_number(request)
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("trouble"))
    wanted = webhook_overview.Filter(
        search=asked.words(request),
        state=asked.choice(request, "state", STATES),
        whose=asked.choice(request, "whose", WHOSE),
        partner_id=asked.identity(request, "partner"),
        sort_by=SORTS[sorting.key],
        descending=sorting.descending,
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        rows, total = await webhook_overview.listed(connection, actor, wanted)
        one = await directory.get(connection, actor, wanted.partner_id) if wanted.partner_id else None
    whose = {"platform": gettext("The platform's"), "partner": gettext("Partners'")}
    return await page(
        request,
        "webhooks/list.html",
        rows=rows,
        sorting=sorting,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        filters=[
            Filter("state", gettext("State"), state_options("webhook", STATES)),
            Filter("whose", gettext("Whose"), [Option(code, whose[code]) for code in WHOSE]),
            *([Filter("partner", gettext("Partner"), [Option(str(one.id), one.name)])] if one else []),
        ],
        may_manage=actor.may(MANAGE),
    )


@get("/webhooks/{endpoint_id:uuid}", **needs(READ))
async def webhook_page(request: Web, endpoint_id: FromPath[UUID], actor: Who) -> Page:
    """Return one endpoint: of the platform with its log, of a partner with what became of its deliveries."""
    async with db.transaction(actor) as connection:
        found = await endpoints.get(connection, actor, endpoint_id)
    return await (shown(request, actor, endpoint_id) if found.platform else _of_partner(request, actor, found))


async def _of_partner(request: Web, actor: Actor, found: Endpoint) -> Page:
    """Return a partner's endpoint as staff see it."""
    number, status = asked.page_number(request), asked.choice(request, "status", STATUSES)
    offset = (number - 1) * asked.PAGE_SIZE
    async with db.transaction(actor) as connection:
        partner = await directory.get(connection, actor, found.partner_id) if found.partner_id else None
        rows, total = await webhook_overview.outcomes(
            connection, actor, found.id, status=status, limit=asked.PAGE_SIZE, offset=offset
        )
    return await page(
        request,
        "webhooks/of_partner.html",
        endpoint=found,
        partner=partner,
        rows=rows,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        filters=[Filter("status", gettext("State"), state_options("webhook_delivery", STATUSES))],
        may_manage=actor.may(MANAGE),
        audit=actor.may("staff.audit.read"),
    )


ROUTES = [
    webhook_list,
    webhook_page,
    get("/webhooks/{endpoint_id:uuid}/deliveries/{delivery_id:uuid}", **needs(MANAGE))(delivery_page),
    *forms.routes(MANAGE),
    *acts.routes(MANAGE),
]
