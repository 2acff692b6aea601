"""Tickets over every customer: the board. A ticket is opened through its customer's own page."""

from litestar import get

from guildhall.core import clock, db
from guildhall.domain.support import board
from guildhall.surfaces.console import ticket_lists
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page


@get("/tickets", **needs("partner.support.tickets.list"))
async def ticket_board(request: Web, actor: Who) -> Page:
    """Return one page of the tickets of all customers whose link opens support."""
    async with db.transaction(actor) as connection:
        found = await board.listed(connection, actor, ticket_lists.wanted(request, actor), now=clock.now())
    return await page(request, "tickets/board.html", **ticket_lists.context(request, found))


ROUTES = [ticket_board]
