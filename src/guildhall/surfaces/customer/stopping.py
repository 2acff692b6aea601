"""Stop all partner access: one page that asks, one press that revokes every standing link."""

from typing import Any

from litestar import Response, get, post

from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.domain.access import consent
from guildhall.surfaces.customer.acts import STOP, reason_in
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext, ngettext


@get("/stop-all", **needs(STOP))
async def stop_all_page(request: Web, actor: Who) -> Page:
    """Return the page that asks first."""
    return await _question(request, actor, Form())


@post("/stop-all", **needs(STOP, at_once=GIVES_NOTHING))
async def stop_all(request: Web, actor: Who) -> Response[Any]:
    """Revoke every standing link of the customer, and say how many there were."""
    values = await typed(request)
    try:
        count = await consent.stop_all(actor, reason=reason_in(values))
    except Invalid as refusal:
        return await _question(request, actor, form(values, refusal))
    if not count:
        return redirect("/", gettext("No partner had access; nothing was stopped."), "info")
    said = ngettext("%(num)s partner lost access just now.", "%(num)s partners lost access just now.", count)
    return redirect("/", said)


async def _question(request: Web, actor: Actor, state: Form) -> Page:
    status = 422 if state.errors else 200
    return await page(request, "home/stop_all.html", status_code=status, form=state, actor=actor)


ROUTES = [stop_all_page, stop_all]
