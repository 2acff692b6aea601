"""Link codes: what a customer shows to a partner so that it can ask for access without knowing anybody's address."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import NotFound
from guildhall.domain.access import consent
from guildhall.surfaces.customer.acts import DECIDE
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Page, Web, page, redirect
from guildhall.surfaces.kit.i18n import gettext


@get("/codes", **needs(DECIDE))
async def code_list(request: Web, actor: Who) -> Page:
    """Return the codes that still work; a code itself is never shown again."""
    return await _codes(request, actor)


async def _codes(request: Web, actor: Actor, made: str = "") -> Page:
    async with db.transaction(actor) as connection:
        live = await consent.codes(connection, actor)
    return await page(request, "codes/list.html", codes=live, made=made, days=consent.CODE_DAYS)


@post("/codes", status_code=200, **needs(DECIDE, at_once=GIVES_NOTHING))
async def make_code(request: Web, actor: Who) -> Page:
    """Make a code and show it, this once."""
    return await _codes(request, actor, await consent.make_code(actor, now=clock.now()))


@get("/codes/{code_id:uuid}/withdraw", **needs(DECIDE))
async def withdraw_page(request: Web, code_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks first."""
    async with db.transaction(actor) as connection:
        if all(code["id"] != code_id for code in await consent.codes(connection, actor)):
            raise NotFound("There is no such code")
    return await page(request, "codes/withdraw.html", code_id=code_id)


@post("/codes/{code_id:uuid}/withdraw", **needs(DECIDE, at_once=GIVES_NOTHING))
async def withdraw(code_id: FromPath[UUID], actor: Who) -> Redirect:
    """Make a code worthless."""
    await consent.withdraw_code(actor, code_id=code_id)
    return redirect("/codes", gettext("The code no longer works."))


ROUTES = [code_list, make_code, withdraw_page, withdraw]
