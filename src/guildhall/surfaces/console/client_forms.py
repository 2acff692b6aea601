"""Setting an API client up, and changing one: what it may do, for whom, from where, until when."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, Refusal
from guildhall.core.ids import new_id, parse_id
from guildhall.domain.people import client_acts, clients
from guildhall.domain.people.client_acts import NEEDS
from guildhall.domain.people.client_rules import LONGEST_LIFE, USUAL_LIFE, Draft
from guildhall.domain.people.clients import Client
from guildhall.surfaces import asked, scopes
from guildhall.surfaces.client_fields import DAY, day_of, end_of, networks_in
from guildhall.surfaces.console.clients import shown
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, ticked, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Option

_TWICE = N_("The form came twice and set up one client. If you did not see its secret, make a new one.")


@get("/clients/new", **needs(NEEDS))
async def new_client(request: Web, actor: Who) -> Page:
    """Return the form that sets a client up."""
    return await _form(request, actor, Form({"expires_at": day_of(clock.now() + USUAL_LIFE)}))


@post("/clients/new", status_code=200, **needs(NEEDS, fresh=True))
async def set_up(request: Web, actor: Who) -> Response[Any]:
    """Set a client up and show its secret this once, or show the form again with what was typed."""
    values = await _values(request)
    try:
        key = parse_id(values.get("form_key"))
        made = await client_acts.set_up(actor, draft=_draft(values), form=key, now=clock.now())
    except (Invalid, Conflict) as refusal:
        return await _form(request, actor, form(values, refusal), refusal=refusal)
    if not made.secret:
        return redirect(f"/clients/{made.client_id}", gettext(_TWICE), "warning")
    return await shown(request, actor, made.client_id, secret=made.secret, fresh=True)


@get("/clients/{client_id:uuid}/change", **needs(NEEDS))
async def change_form(request: Web, client_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form that changes a client."""
    async with db.transaction(actor) as connection:
        found = await clients.get(connection, actor, client_id)
        limited = await clients.tenant_ids(connection, client_id)
    if not found.standing:
        raise Conflict("This client was revoked")
    values = {
        "name": found.name,
        "purpose": found.purpose,
        "scopes": found.scopes,
        "tenant_scope": found.tenant_scope,
        "tenant_ids": [str(tenant_id) for tenant_id in limited],
        "networks": "\n".join(found.networks),
        "expires_at": day_of(max(found.expires_at - DAY, clock.now())),
    }
    return await _form(request, actor, Form(values), client=found)


@post("/clients/{client_id:uuid}/change", **needs(NEEDS, fresh=True))
async def change(request: Web, client_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Change a client, or show the form again with what was typed."""
    values = await _values(request)
    async with db.transaction(actor) as connection:
        found = await clients.get(connection, actor, client_id)
    try:
        await client_acts.change(actor, client_id=client_id, draft=_draft(values), now=clock.now())
    except (Invalid, Conflict) as refusal:
        return await _form(request, actor, form(values, refusal), client=found, refusal=refusal)
    return redirect(f"/clients/{client_id}", gettext("Saved. It holds from the client's next request on."))


async def _form(
    request: Web, actor: Actor, state: Form, *, client: Client | None = None, refusal: Refusal | None = None
) -> Page:
    async with db.transaction(actor) as connection:
        names = await clients.nameable(connection, client.id if client else None)
    return await page(
        request,
        "clients/form.html",
        status_code=refusal.status if refusal else 200,
        form=state,
        form_key=state.text("form_key") or str(new_id()),
        client=client,
        groups=scopes.groups(actor.permissions),
        tenants=[Option(str(tenant_id), name) for tenant_id, name in names],
        soonest=day_of(clock.now()),
        latest=day_of(clock.now() + LONGEST_LIFE),
    )


async def _values(request: Web) -> dict[str, Any]:
    """Return what was typed and ticked."""
    many = {name: await ticked(request, name) for name in ("scopes", "tenant_ids")}
    return {name: asked.clean(text) for name, text in (await typed(request)).items()} | many


def _draft(values: dict[str, Any]) -> Draft:
    """Return what was typed as the domain takes it; raise Invalid for a day that is none."""
    ids = [parse_id(text) for text in values["tenant_ids"]]
    return Draft(
        name=values.get("name", ""),
        purpose=values.get("purpose", ""),
        scopes=frozenset(values["scopes"]),
        tenant_scope=values.get("tenant_scope", "all"),
        tenant_ids=frozenset(each or UUID(int=0) for each in ids),
        networks=networks_in(values.get("networks", "")),
        expires_at=end_of(values.get("expires_at", "")),
    )


ROUTES = [new_client, set_up, change_form, change]
