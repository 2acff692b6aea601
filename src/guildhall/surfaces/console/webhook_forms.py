"""Adding an endpoint, and changing one: where it listens, and to what."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.errors import Conflict, Invalid, Refusal
from guildhall.core.ids import new_id, parse_id
from guildhall.domain.webhooks import acts, endpoints
from guildhall.domain.webhooks.acts import Draft
from guildhall.domain.webhooks.endpoints import NEEDS, Endpoint
from guildhall.domain.webhooks.events import CHOOSABLE
from guildhall.surfaces import asked
from guildhall.surfaces.console.webhooks import shown
from guildhall.surfaces.console.words import event_label
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, ticked, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Option

_WHOLE = {
    "*": N_("Everything, also events still to come"),
    "partner.link.*": N_("Every step of your links"),
    "partner.tenant.*": N_("Everything about your customers"),
}
_TWICE = N_("The form came twice and added one endpoint. If you did not see its secret, make a new one.")


@get("/webhooks/new", **needs(NEEDS))
async def new_webhook(request: Web) -> Page:
    """Return the form that adds an endpoint."""
    return await _form(request, Form())


@post("/webhooks/new", status_code=200, **needs(NEEDS, fresh=True))
async def add(request: Web, actor: Who) -> Response[Any]:
    """Add an endpoint and show its secret this once, or show the form again with what was typed."""
    values = await _values(request)
    try:
        key = parse_id(values.get("form_key"))
        made = await acts.add(actor, draft=_draft(values), form=key, now=clock.now())
    except (Invalid, Conflict) as refusal:
        return await _form(request, form(values, refusal), refusal=refusal)
    if not made.secret:
        return redirect(f"/webhooks/{made.endpoint_id}", gettext(_TWICE), "warning")
    return await shown(request, actor, made.endpoint_id, secret=made.secret, fresh=True)


@get("/webhooks/{endpoint_id:uuid}/change", **needs(NEEDS))
async def change_form(request: Web, endpoint_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form that changes an endpoint."""
    async with db.transaction(actor) as connection:
        found = await endpoints.get(connection, actor, endpoint_id)
    values = {"url": found.url, "description": found.description, "events": found.events}
    return await _form(request, Form(values), endpoint=found)


@post("/webhooks/{endpoint_id:uuid}/change", **needs(NEEDS, fresh=True))
async def change(request: Web, endpoint_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Change an endpoint, or show the form again with what was typed."""
    values = await _values(request)
    async with db.transaction(actor) as connection:
        found = await endpoints.get(connection, actor, endpoint_id)
    try:
        await acts.change(actor, endpoint_id=endpoint_id, draft=_draft(values), now=clock.now())
    except (Invalid, Conflict) as refusal:
        return await _form(request, form(values, refusal), endpoint=found, refusal=refusal)
    return redirect(f"/webhooks/{endpoint_id}", gettext("Saved. It holds from the next delivery on."))


async def _form(request: Web, state: Form, *, endpoint: Endpoint | None = None, refusal: Refusal | None = None) -> Page:
    return await page(
        request,
        "webhooks/form.html",
        status_code=refusal.status if refusal else 200,
        form=state,
        form_key=state.text("form_key") or str(new_id()),
        endpoint=endpoint,
        options=_options(endpoint.events if endpoint else ()),
    )


def _options(kept: Iterable[str]) -> list[Option]:
    """Return the events to choose from, with the patterns that an endpoint has from elsewhere."""
    offered = [Option(pattern, gettext(said), pattern) for pattern, said in _WHOLE.items()]
    offered += [Option(name, event_label(name), name) for name in CHOOSABLE]
    known = {option.value for option in offered}
    return offered + [Option(pattern, pattern) for pattern in kept if pattern not in known]


async def _values(request: Web) -> dict[str, Any]:
    """Return what was typed and ticked."""
    texts = {name: asked.clean(text) for name, text in (await typed(request)).items()}
    return texts | {"events": [asked.clean(text) for text in await ticked(request, "events")]}


def _draft(values: dict[str, Any]) -> Draft:
    return Draft(url=values.get("url", ""), description=values.get("description", ""), events=tuple(values["events"]))


ROUTES = [new_webhook, add, change_form, change]
