"""One endpoint with its secrets and its log, and one delivery with its tries: of a partner, or of the platform.

The console has the endpoints of a partner, the staff surface those of the platform; each mounts `forms.routes` and
`acts.routes` with its own permission.
"""

from datetime import datetime, timedelta
from uuid import UUID

from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.actor import Actor, DbRole
from guildhall.domain.webhooks import endpoints
from guildhall.domain.webhooks.endpoints import MANAGE, NEEDS
from guildhall.domain.webhooks.events import KINDS, told
from guildhall.domain.webhooks.tables import STATUSES
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Filter, Option, Pages
from guildhall.surfaces.words import state_options

_AUDIT = {DbRole.PARTNER: "partner.audit.read", DbRole.STAFF: "staff.audit.read"}
_SOON = timedelta(minutes=1)


def event_label(kind: str) -> str:
    """Return what an event is about, in words; the name itself where it is a pattern or no longer told."""
    return gettext(KINDS[kind].about) if kind in KINDS else kind


def is_due(at: datetime) -> bool:
    """Return whether a delivery's next try comes within a minute; one whose time is past only waits for a worker."""
    return at - clock.now() < _SOON


def _may_manage(actor: Actor) -> bool:
    """Return whether the person changes endpoints; some of staff only read."""
    return actor.may(MANAGE) or actor.may(NEEDS)


async def shown(request: Web, actor: Actor, endpoint_id: UUID, *, secret: str = "", fresh: bool = False) -> Page:
    """Return the page of one endpoint; a new `secret` is shown on it this once, `fresh` with one that is new."""
    number, kinds = asked.page_number(request), told(platform=actor.partner_id is None)
    wanted = endpoints.Filter(
        status=asked.chosen(request, "status", STATUSES),
        kind=asked.choice(request, "kind", kinds),
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        found = await endpoints.get(connection, actor, endpoint_id)
        live = await endpoints.secrets(connection, endpoint_id)
        log = await endpoints.deliveries(connection, endpoint_id, wanted)
        failed = await endpoints.failed_since(connection, endpoint_id, None)
    return await page(
        request,
        "webhooks/endpoint.html",
        endpoint=found,
        secrets=live,
        rows=log.items,
        pages=Pages(shown=len(log.items), page=number, size=asked.PAGE_SIZE, total=log.total),
        filters=[
            Filter("status", gettext("State"), state_options("webhook_delivery", STATUSES)),
            Filter("kind", gettext("Event"), [Option(kind, event_label(kind)) for kind in kinds]),
        ],
        failed=failed,
        audit=actor.may(_AUDIT[actor.role]),
        may_manage=_may_manage(actor),
        secret=secret,
        fresh=fresh,
    )


async def delivery_page(request: Web, endpoint_id: FromPath[UUID], delivery_id: FromPath[UUID], actor: Who) -> Page:
    """Return one delivery: what was posted, and what came back at each try."""
    async with db.transaction(actor) as connection:
        found = await endpoints.get(connection, actor, endpoint_id)
        delivery, body, tries = await endpoints.read_delivery(connection, actor, endpoint_id, delivery_id)
    return await page(
        request,
        "webhooks/delivery.html",
        endpoint=found,
        delivery=delivery,
        body=body,
        tries=tries,
        may_manage=_may_manage(actor),
    )
