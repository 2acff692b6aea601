"""Adding an endpoint, and changing one: where it listens, and to what."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from guildhall.core import clock, db
from guildhall.core.errors import Conflict, Invalid, Refusal
from guildhall.core.ids import new_id, parse_id
from guildhall.domain.webhooks import acts, endpoints
from guildhall.domain.webhooks.acts import Draft
from guildhall.domain.webhooks.endpoints import Endpoint
from guildhall.domain.webhooks.events import choosable
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, ticked, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Option
from guildhall.surfaces.webhooks.pages import event_label, shown

_EVERYTHING = N_("Everything, also events still to come")
# Whether they are the platform's -> patterns that choose many events at once.
_WHOLE = {
    False: {
        "*": _EVERYTHING,
        "partner.link.*": N_("Every step of your links"),
        "partner.tenant.*": N_("Everything about your customers"),
    },
    True: {
        "*": _EVERYTHING,
        "platform.link.*": N_("Every link that begins, rests or ends"),
        "platform.subscriber.*": N_("Subscribers activated or suspended here"),
        "platform.ticket.*": N_("Everything about tickets"),
    },
}
_TWICE = N_("The form came twice and added one endpoint. If you did not see its secret, make a new one.")


async def new_webhook(request: Web, actor: Who) -> Page:
    """Return the form that adds an endpoint."""
    return await _form(request, actor, Form())


async def add(request: Web, actor: Who) -> Response[Any]:
    """Add an endpoint and show its secret this once, or show the form again with what was typed."""
    values = await _values(request)
    try:
        key = parse_id(values.get("form_key"))
        made = await acts.add(actor, draft=_draft(values), form=key, now=clock.now())
    except (Invalid, Conflict) as refusal:
        return await _form(request, actor, form(values, refusal), refusal=refusal)
    if not made.secret:
        return redirect(f"/webhooks/{made.endpoint_id}", gettext(_TWICE), "warning")
    return await shown(request, actor, made.endpoint_id, secret=made.secret, fresh=True)


async def change_form(request: Web, endpoint_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form that changes an endpoint."""
    async with db.transaction(actor) as connection:
        found = await endpoints.own(connection, actor, endpoint_id)
    values = {"url": found.url, "description": found.description, "events": found.events}
    return await _form(request, actor, Form(values), endpoint=found)


async def change(request: Web, endpoint_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Change an endpoint, or show the form again with what was typed."""
    values = await _values(request)
    async with db.transaction(actor) as connection:
        found = await endpoints.own(connection, actor, endpoint_id)
    try:
        await acts.change(actor, endpoint_id=endpoint_id, draft=_draft(values), now=clock.now())
    except (Invalid, Conflict) as refusal:
        return await _form(request, actor, form(values, refusal), endpoint=found, refusal=refusal)
    return redirect(f"/webhooks/{endpoint_id}", gettext("Saved. It holds from the next delivery on."))


async def _form(
    request: Web, actor: Who, state: Form, *, endpoint: Endpoint | None = None, refusal: Refusal | None = None
) -> Page:
    platform = actor.partner_id is None
    return await page(
        request,
        "webhooks/form.html",
        status_code=refusal.status if refusal else 200,
        form=state,
        form_key=state.text("form_key") or str(new_id()),
        endpoint=endpoint,
        options=_options(endpoint.events if endpoint else (), platform=platform),
        platform=platform,
    )


def _options(kept: Iterable[str], *, platform: bool) -> list[Option]:
    """Return the events to choose from, with the patterns that an endpoint has from elsewhere."""
    offered = [Option(pattern, gettext(said), pattern) for pattern, said in _WHOLE[platform].items()]
    offered += [Option(name, event_label(name), name) for name in choosable(platform=platform)]
    known = {option.value for option in offered}
    return offered + [Option(pattern, pattern) for pattern in kept if pattern not in known]


async def _values(request: Web) -> dict[str, Any]:
    """Return what was typed and ticked."""
    texts = {name: asked.clean(text) for name, text in (await typed(request)).items()}
    return texts | {"events": [asked.clean(text) for text in await ticked(request, "events")]}


def _draft(values: dict[str, Any]) -> Draft:
    return Draft(url=values.get("url", ""), description=values.get("description", ""), events=tuple(values["events"]))


def routes(manage: str) -> list[ControllerRouterHandler]:
    """Return the routes of a surface on which `manage` is what changes endpoints."""
    new, changing = "/webhooks/new", "/webhooks/{endpoint_id:uuid}/change"
    return [
        get(new, **needs(manage))(new_webhook),
        post(new, status_code=200, **needs(manage, fresh=True))(add),
        get(changing, **needs(manage))(change_form),
        post(changing, **needs(manage, fresh=True))(change),
    ]
