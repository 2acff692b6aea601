"""The partner's API clients: the list, and one of them with its secrets, its scopes and its use."""

from uuid import UUID

from litestar import get
from litestar.params import FromPath

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.domain.people import clients
from guildhall.domain.people.client_acts import NEEDS
from guildhall.domain.people.clients import STATES
from guildhall.domain.quotas.own_use import used
from guildhall.surfaces import asked, scopes
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Filter, Pages, Sorting, sorting_of
from guildhall.surfaces.words import state_options

SORTS: dict[str, clients.SortBy] = {
    "name": "name",
    "ends": "expires_at",
    "used": "last_used_at",
    "made": "created_at",
}


@get("/clients", **needs(NEEDS))
async def client_list(request: Web, actor: Who) -> Page:
    """Return one page of the partner's clients."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("name"))
    number = asked.page_number(request)
    wanted = clients.Filter(
        search=asked.words(request),
        state=asked.choice(request, "state", STATES),
        sort_by=SORTS[sorting.key],
        descending=sorting.descending,
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with framed(request, actor) as connection:
        rows, total = await clients.listed(connection, actor, wanted)
        uses = await used(connection, actor.partner_id)
    return await page(
        request,
        "clients/list.html",
        rows=rows,
        uses=uses,
        sorting=sorting,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        filters=[Filter("state", gettext("State"), state_options("client", STATES))],
    )


@get("/clients/{client_id:uuid}", **needs(NEEDS))
async def client_page(request: Web, client_id: FromPath[UUID], actor: Who) -> Page:
    """Return one client."""
    return await shown(request, actor, client_id)


async def shown(request: Web, actor: Actor, client_id: UUID, *, secret: str = "", fresh: bool = False) -> Page:
    """Return the page of one client; a new `secret` is shown on it this once, `fresh` with a client that is new."""
    async with db.transaction(actor) as connection:
        found = await clients.get(connection, actor, client_id)
        secrets = await clients.secrets(connection, client_id)
        names = await clients.tenant_names(connection, client_id)
    return await page(
        request,
        "clients/client.html",
        client=found,
        secrets=secrets,
        groups=scopes.groups(found.scopes),
        lost=[scopes.label(name) for name in found.lost],
        tenants=[name for _, name in names],
        api=request.app.state.site.settings.origin("api"),
        audit=actor.may("partner.audit.read"),
        secret=secret,
        fresh=fresh,
    )


ROUTES = [client_list, client_page]
