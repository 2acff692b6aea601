"""API clients of a partner, for staff: read, and revoked with a reason."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.domain.partners import directory
from guildhall.domain.people import client_acts, clients
from guildhall.domain.people.clients import STATES
from guildhall.surfaces import asked, scopes
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Filter, Pages, Sorting, sorting_of
from guildhall.surfaces.question import Question, answer, ask
from guildhall.surfaces.words import state_options

READ, REVOKE = "staff.clients.read", "staff.clients.revoke"
SORTS: dict[str, clients.SortBy] = {"name": "name", "ends": "expires_at", "used": "last_used_at"}


@get("/partners/{partner_id:uuid}/clients", **needs(READ))
async def client_list(request: Web, partner_id: FromPath[UUID], actor: Who) -> Page:
    """Return one page of a partner's clients."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("name"))
    number = asked.page_number(request)
    wanted = clients.Filter(
        partner_id=partner_id,
        search=asked.words(request),
        state=asked.choice(request, "state", STATES),
        sort_by=SORTS[sorting.key],
        descending=sorting.descending,
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        partner = await directory.get(connection, actor, partner_id)
        rows, total = await clients.listed(connection, actor, wanted)
    return await page(
        request,
        "clients/list.html",
        partner=partner,
        rows=rows,
        sorting=sorting,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        filters=[Filter("state", gettext("State"), state_options("client", STATES))],
    )


@get("/partners/{partner_id:uuid}/clients/{client_id:uuid}", **needs(READ))
async def client_page(request: Web, partner_id: FromPath[UUID], client_id: FromPath[UUID], actor: Who) -> Page:
    """Return one client of a partner."""
    async with db.transaction(actor) as connection:
        partner = await directory.get(connection, actor, partner_id)
        found = await clients.get(connection, actor, client_id, partner_id=partner_id)
        secrets = await clients.secrets(connection, client_id)
        limited = await clients.tenant_ids(connection, client_id)
    return await page(
        request,
        "clients/client.html",
        partner=partner,
        client=found,
        secrets=secrets,
        groups=scopes.groups(found.scopes),
        limited=len(limited),
        may_revoke=actor.may(REVOKE) and found.standing,
    )


async def _question(actor: Actor, partner_id: UUID, client_id: UUID) -> Question:
    """Return what is asked before a client is revoked."""
    async with db.transaction(actor) as connection:
        found = await clients.get(connection, actor, client_id, partner_id=partner_id)
    return Question(
        title=gettext("Revoke the API client %(client)s?", client=found.name),
        text=gettext(
            "From its next request on it is refused, and its secrets are worthless. The partner's principals are told."
        ),
        label=gettext("Revoke"),
        back=f"/partners/{partner_id}/clients/{client_id}",
        done=gettext("The API client %(client)s is revoked.", client=found.name),
    )


@get("/partners/{partner_id:uuid}/clients/{client_id:uuid}/revoke", **needs(REVOKE))
async def ask_revoke(request: Web, partner_id: FromPath[UUID], client_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks first."""
    return await ask(request, await _question(actor, partner_id, client_id))


@post("/partners/{partner_id:uuid}/clients/{client_id:uuid}/revoke", **needs(REVOKE, at_once=GIVES_NOTHING))
async def revoke(request: Web, partner_id: FromPath[UUID], client_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Revoke a client, with a reason."""
    question = await _question(actor, partner_id, client_id)

    async def act(reason: str) -> None:
        await client_acts.revoke(actor, client_id=client_id, partner_id=partner_id, reason=reason, now=clock.now())

    return await answer(request, question, act)


ROUTES = [client_list, client_page, ask_revoke, revoke]
