"""Switching between the customers that one person works for."""

from litestar import get, post
from litestar.response import Redirect

from guildhall.core import db
from guildhall.core.errors import NotFound
from guildhall.core.ids import parse_id
from guildhall.domain.people import memberships
from guildhall.surfaces.entry import Who, own
from guildhall.surfaces.html import Page, Web, page, redirect, typed
from guildhall.surfaces.kit.i18n import gettext


@get("/switch", **own("own memberships"))
async def choose(request: Web, actor: Who) -> Page:
    """Return the customers that the person works for."""
    async with db.transaction(actor) as connection:
        mine = await memberships.own(connection)
    return await page(request, "switch/choose.html", memberships=mine, actor=actor)


@post("/switch", **own("own memberships", at_once="the person belongs there already"))
async def switch(request: Web, actor: Who) -> Redirect:
    """Bring the session into another customer of the person."""
    wanted = parse_id((await typed(request)).get("tenant_id", ""))
    if wanted is None:
        raise NotFound
    await memberships.switch(actor, tenant_id=wanted)
    return redirect("/", gettext("You work for another customer now; the name at the left says which."))


ROUTES = [choose, switch]
