"""Which ways to sign in a partner's people may use."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.errors import Invalid
from guildhall.domain.partners import directory, ways_in
from guildhall.domain.people import methods
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, ticked
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Option

_WORDS = {
    "password": (N_("Password and one-time code"), N_("With a passkey or a recovery code in place of the code.")),
    "passkey": (N_("Passkey"), N_("Nobody can be tricked into handing one over.")),
    "email_link": (N_("Link by e-mail"), N_("Whoever reads the mailbox gets in; sessions last 30 days.")),
}


@get("/partners/{partner_id:uuid}/ways-in", **needs("staff.partners.manage"))
async def ways_page(request: Web, partner_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form with what is allowed now."""
    return await _page(request, actor, partner_id, Form())


async def _page(request: Web, actor: Who, partner_id: UUID, state: Form) -> Page:
    async with db.transaction(actor) as connection:
        found = await directory.get(connection, actor, partner_id)
        now = await ways_in.narrowed(connection, partner_id=partner_id)
    options = [Option(way, gettext(_WORDS[way][0]), gettext(_WORDS[way][1])) for way in methods.installed()]
    status = 422 if state.errors else 200
    return await page(
        request, "partners/ways_in.html", status_code=status, partner=found, allowed=now, options=options, form=state
    )


@post("/partners/{partner_id:uuid}/ways-in", **needs("staff.partners.manage", fresh=True))
async def set_ways(request: Web, partner_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Keep the choice, or say beside it what is wrong."""
    chosen = await ticked(request, "ways")
    try:
        await ways_in.narrow(actor, partner_id=partner_id, ways=chosen, now=clock.now())
    except Invalid as refusal:
        return await _page(request, actor, partner_id, form({"ways": chosen}, refusal))
    return redirect(f"/partners/{partner_id}", gettext("Saved. Whoever had come in another way is signed out."))


ROUTES = [ways_page, set_ways]
