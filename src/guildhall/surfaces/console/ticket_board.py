"""Tickets over every customer: the list and the board. A ticket is opened through its customer's own page."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import clock, db
from guildhall.core.errors import Conflict, PreconditionFailed
from guildhall.domain.support import board, bulk, columns, handling, views
from guildhall.domain.support.drafts import Change
from guildhall.domain.support.rules import STEPS
from guildhall.surfaces.console import ticket_lists
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.console.ticket_acts import version_of
from guildhall.surfaces.console.ticket_views import LIST, address, back_of, leads, view_tabs
from guildhall.surfaces.console.tickets import UPDATE, of_tenant
from guildhall.surfaces.entry import Where, Who, needs
from guildhall.surfaces.html import Page, Web, page, redirect, told, typed
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.states import state_label


@get("/tickets", **needs(LIST))
async def ticket_list(request: Web, actor: Who) -> Response[Any]:
    """Return one page of the tickets of all customers whose link opens support.

    Without anything asked for, the person's own first view comes instead, where there is one.
    """
    async with framed(request, actor) as connection:
        saved = await views.listed(connection, actor)
        first = next((view for view in saved if view.is_default), None)
        if first is not None and not request.query_params:
            return redirect(address(first))
        found = await board.listed(connection, actor, ticket_lists.wanted(request, actor), now=clock.now())
        people = await ticket_lists.colleagues(connection, actor)
    context = ticket_lists.context(request, found, people)
    return await page(
        request,
        "tickets/list.html",
        views=view_tabs(request, saved),
        leads=leads(request),
        people=people,
        may_change=actor.may(UPDATE),
        **context,
    )


@get("/tickets/board", **needs(LIST))
async def ticket_board(request: Web, actor: Who) -> Page:
    """Return the board: a column for each status, with the tickets that the filters leave."""
    async with framed(request, actor) as connection:
        saved = await views.listed(connection, actor)
        found = await columns.columns(connection, actor, ticket_lists.wanted(request, actor), now=clock.now())
        people = await ticket_lists.colleagues(connection, actor)
        customers = {card.tenant_id for column in found.columns for card in column.items}
        opened = await bulk.opening(connection, actor, customers) if actor.may(UPDATE) else set()
    return await page(
        request,
        "tickets/board.html",
        views=view_tabs(request, saved),
        leads=leads(request),
        columns=found.columns,
        counted=found.aggregates,
        filters=ticket_lists.filters(people),
        opened=opened,
        steps=STEPS,
    )


@post("/t/{tenant_id:uuid}/tickets/{ticket_id:uuid}/move", **needs(UPDATE))
async def move(
    request: Web, tenant_id: FromPath[UUID], ticket_id: FromPath[UUID], actor: Who, tenant: Where
) -> Redirect:
    """Bring a ticket to another column of the board, unless somebody changed it since the board was shown."""
    del tenant_id
    values = await typed(request)
    back, wish = back_of(values.get("back")), Change(status=values.get("status", ""))
    async with db.transaction(actor) as connection:
        await of_tenant(connection, actor, tenant, ticket_id)
    try:
        moved = await handling.update(
            actor, ticket_id=ticket_id, change=wish, if_version=version_of(values), now=clock.now()
        )
    except PreconditionFailed:
        said = gettext("Somebody changed this ticket meanwhile. The board shows it as it is now; nothing was moved.")
        return redirect(back, said, "warning")
    except Conflict as refusal:
        return redirect(back, told(refusal), "warning")
    status = state_label("ticket", moved.status)
    said = gettext(
        "Ticket #%(number)s of %(tenant)s: %(status)s.", number=moved.number, tenant=moved.tenant_name, status=status
    )
    return redirect(back, said)


ROUTES = [ticket_list, ticket_board, move]
