"""Starting the recovery of a colleague who lost password, phone and codes: the page that asks, and the act."""

from typing import Any
from uuid import UUID

from litestar import Response

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid
from guildhall.domain.people import recovering
from guildhall.surfaces.html import Page, Web, form, page, redirect, site_of, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext


async def ask(request: Web, *, name: str, back: str, state: Form | None = None) -> Page:
    """Return the page that asks before a colleague called `name` gets a link that sets the sign-in anew."""
    status = 422 if state else 200
    return await page(request, "account/recover.html", status_code=status, person=name, back=back, form=state or Form())


async def start(request: Web, actor: Actor, *, user_id: UUID, name: str, back: str) -> Response[Any]:
    """Start the recovery, and say what happened."""
    values = await typed(request)
    surface, reason = site_of(request).surface, values.get("reason", "").strip()
    try:
        await recovering.start(actor, surface=surface, user_id=user_id, reason=reason, now=clock.now())
    except Invalid as refusal:
        return await ask(request, name=name, back=back, state=form(values, refusal))
    except Conflict as refusal:
        return redirect(back, told(refusal), "warning")
    return redirect(back, gettext("%(name)s was sent a link that sets the sign-in anew.", name=name))
