"""How many customers and people a partner may have."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid
from guildhall.domain.partners import directory, limits
from guildhall.domain.partners.application_form import whole_number
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext


def limit_in(text: str) -> int | None:
    """Return a limit as it was typed; None for no limit, and 0, which is refused, for what is no number."""
    return (whole_number(text, limits.MOST) or 0) if text.strip() else None


@get("/partners/{partner_id:uuid}/limits", **needs("staff.partners.manage"))
async def limits_page(request: Web, partner_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form with the limits of now."""
    return await _page(request, actor, partner_id, None)


async def _page(request: Web, actor: Actor, partner_id: UUID, state: Form | None) -> Page:
    async with db.transaction(actor) as connection:
        found = await directory.get(connection, actor, partner_id)
    now = Form({"customer_limit": found.customer_limit, "people_limit": found.people_limit})
    status = 422 if state else 200
    return await page(request, "partners/limits.html", status_code=status, partner=found, form=state or now)


@post("/partners/{partner_id:uuid}/limits", **needs("staff.partners.manage", fresh=True))
async def set_limits(request: Web, partner_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Keep the limits, or say beside one what is wrong."""
    values = await typed(request)
    customers, people = (limit_in(values.get(name, "")) for name in ("customer_limit", "people_limit"))
    try:
        await limits.change(actor, partner_id=partner_id, customers=customers, people=people, now=clock.now())
    except Invalid as refusal:
        return await _page(request, actor, partner_id, form(values, refusal))
    except Conflict as refusal:
        return redirect(f"/partners/{partner_id}", told(refusal), "info")
    return redirect(f"/partners/{partner_id}", gettext("Saved. It binds from the next link and invitation on."))


ROUTES = [limits_page, set_limits]
