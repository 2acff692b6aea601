"""Clients of the vendor's own platform: set up, changed, given new secrets and revoked by leads of staff."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, NotFound, Refusal
from guildhall.core.ids import new_id, parse_id
from guildhall.domain.people import platform_clients
from guildhall.domain.people.client_rules import LONGEST_LIFE, USUAL_LIFE
from guildhall.domain.people.platform_clients import MANAGE, READ, Client, Draft
from guildhall.surfaces import asked
from guildhall.surfaces.client_fields import DAY, day_of, end_of, networks_in, overlap_of, overlaps
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.question import Question, answer, ask

_TWICE = N_("The form came twice and set up one client. If you did not see its secret, make a new one.")
_STAYS = N_("Its next request is refused, whatever token it holds; what it sent stays. This cannot be undone.")


@get("/clients", **needs(READ))
async def client_list(request: Web, actor: Who) -> Page:
    """Return the platform's clients."""
    async with db.transaction(actor) as connection:
        rows = await platform_clients.listed(connection, actor)
    return await page(request, "platform/list.html", rows=rows, may_manage=actor.may(MANAGE))


@get("/clients/{client_id:uuid}", **needs(READ))
async def client_page(request: Web, client_id: FromPath[UUID], actor: Who) -> Page:
    """Return one client."""
    return await _shown(request, actor, client_id)


async def _shown(request: Web, actor: Actor, client_id: UUID, *, secret: str = "", fresh: bool = False) -> Page:
    """Return the page of one client; a new `secret` is shown on it this once, `fresh` with a client that is new."""
    async with db.transaction(actor) as connection:
        found = await platform_clients.get(connection, actor, client_id)
        secrets = await platform_clients.secrets(connection, client_id)
    return await page(
        request,
        "platform/client.html",
        client=found,
        secrets=secrets,
        secret=secret,
        fresh=fresh,
        may_manage=actor.may(MANAGE) and found.standing,
        api=request.app.state.site.settings.origin("api"),
    )


@get("/clients/new", **needs(MANAGE))
async def new_client(request: Web) -> Page:
    """Return the form that sets a client up."""
    return await _form(request, Form({"expires_at": day_of(clock.now() + USUAL_LIFE)}))


@post("/clients/new", status_code=200, **needs(MANAGE, fresh=True))
async def set_up(request: Web, actor: Who) -> Response[Any]:
    """Set a client up and show its secret this once, or show the form again with what was typed."""
    values = await typed(request)
    try:
        key = parse_id(values.get("form_key"))
        made = await platform_clients.set_up(actor, draft=_draft(values), form=key, now=clock.now())
    except (Invalid, Conflict) as refusal:
        return await _form(request, form(values, refusal), refusal=refusal)
    if not made.secret:
        return redirect(f"/clients/{made.client_id}", gettext(_TWICE), "warning")
    return await _shown(request, actor, made.client_id, secret=made.secret, fresh=True)


@get("/clients/{client_id:uuid}/change", **needs(MANAGE))
async def change_form(request: Web, client_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form that changes a client."""
    found = await _standing(actor, client_id)
    values = {
        "name": found.name,
        "purpose": found.purpose,
        "networks": "\n".join(found.networks),
        "expires_at": day_of(max(found.expires_at - DAY, clock.now())),
    }
    return await _form(request, Form(values), client=found)


@post("/clients/{client_id:uuid}/change", **needs(MANAGE, fresh=True))
async def change(request: Web, client_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Change a client, or show the form again with what was typed."""
    values = await typed(request)
    found = await _standing(actor, client_id)
    try:
        await platform_clients.change(actor, client_id=client_id, draft=_draft(values), now=clock.now())
    except (Invalid, Conflict) as refusal:
        return await _form(request, form(values, refusal), client=found, refusal=refusal)
    return redirect(f"/clients/{client_id}", gettext("Saved. It holds from the client's next request on."))


@get("/clients/{client_id:uuid}/secret", **needs(MANAGE))
async def ask_secret(request: Web, client_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks before a new secret is made."""
    return await _secret_question(request, await _standing(actor, client_id), Form())


async def _secret_question(request: Web, client: Client, state: Form, status_code: int = 200) -> Page:
    return await page(
        request, "platform/ask_secret.html", status_code=status_code, client=client, form=state, overlaps=overlaps()
    )


@post("/clients/{client_id:uuid}/secret", status_code=200, **needs(MANAGE, fresh=True))
async def rotate(request: Web, client_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Make a new secret and show it, this once."""
    values = await typed(request)
    found = await _standing(actor, client_id)
    try:
        made = await platform_clients.rotate(actor, client_id=client_id, overlap=overlap_of(values), now=clock.now())
    except Invalid as refusal:
        return await _secret_question(request, found, form(values, refusal), refusal.status)
    except Conflict as refusal:
        return redirect(f"/clients/{client_id}", told(refusal), "error")
    return await _shown(request, actor, client_id, secret=made.secret)


async def _end_question(actor: Actor, client_id: UUID, secret_id: UUID) -> Question:
    """Return what is asked before a secret is ended."""
    async with db.transaction(actor) as connection:
        await platform_clients.get(connection, actor, client_id)
        live = await platform_clients.secrets(connection, client_id)
    secret = next((each for each in live if each.id == secret_id), None)
    if secret is None:
        raise NotFound
    text = gettext("The secret and every token got with it are refused from the next request on.")
    if len(live) == 1:
        text += " " + gettext("It is the only one: the client cannot sign in after this.")
    return Question(
        title=gettext("End the secret …%(hint)s?", hint=secret.hint),
        text=text,
        label=gettext("End it"),
        back=f"/clients/{client_id}",
        done=gettext("The secret no longer works, nor does any token got with it."),
        reason=False,
    )


@get("/clients/{client_id:uuid}/secrets/{secret_id:uuid}/end", **needs(MANAGE))
async def ask_end(request: Web, client_id: FromPath[UUID], secret_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks before a secret is ended."""
    return await ask(request, await _end_question(actor, client_id, secret_id))


@post("/clients/{client_id:uuid}/secrets/{secret_id:uuid}/end", **needs(MANAGE, at_once=GIVES_NOTHING))
async def end_secret(request: Web, client_id: FromPath[UUID], secret_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """End one secret at once."""
    question = await _end_question(actor, client_id, secret_id)

    async def act(_reason: str) -> None:
        await platform_clients.end_secret(actor, client_id=client_id, secret_id=secret_id, now=clock.now())

    return await answer(request, question, act)


async def _revocation(actor: Actor, client_id: UUID) -> Question:
    """Return what is asked before a client is revoked."""
    async with db.transaction(actor) as connection:
        found = await platform_clients.get(connection, actor, client_id)
    return Question(
        title=gettext("Revoke the platform client %(client)s?", client=found.name),
        text=gettext(_STAYS),
        label=gettext("Revoke"),
        back=f"/clients/{client_id}",
        done=gettext("The platform client %(client)s is revoked.", client=found.name),
    )


@get("/clients/{client_id:uuid}/revoke", **needs(MANAGE))
async def ask_revoke(request: Web, client_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks first."""
    return await ask(request, await _revocation(actor, client_id))


@post("/clients/{client_id:uuid}/revoke", **needs(MANAGE, at_once=GIVES_NOTHING))
async def revoke(request: Web, client_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Revoke a client, with a reason."""
    question = await _revocation(actor, client_id)

    async def act(reason: str) -> None:
        await platform_clients.revoke(actor, client_id=client_id, reason=reason, now=clock.now())

    return await answer(request, question, act)


async def _standing(actor: Actor, client_id: UUID) -> Client:
    """Return a client; raise NotFound, and Conflict for one that was revoked."""
    async with db.transaction(actor) as connection:
        found = await platform_clients.get(connection, actor, client_id)
    if not found.standing:
        raise Conflict("This client was revoked")
    return found


async def _form(request: Web, state: Form, *, client: Client | None = None, refusal: Refusal | None = None) -> Page:
    return await page(
        request,
        "platform/form.html",
        status_code=refusal.status if refusal else 200,
        form=state,
        form_key=state.text("form_key") or str(new_id()),
        client=client,
        soonest=day_of(clock.now()),
        latest=day_of(clock.now() + LONGEST_LIFE),
    )


def _draft(values: dict[str, str]) -> Draft:
    """Return what was typed as the domain takes it; raise Invalid for a day that is none."""
    return Draft(
        name=asked.clean(values.get("name", "")),
        purpose=asked.clean(values.get("purpose", "")),
        networks=networks_in(values.get("networks", "")),
        expires_at=end_of(values.get("expires_at", "")),
    )


ROUTES = [
    client_list,
    new_client,
    client_page,
    set_up,
    change_form,
    change,
    ask_secret,
    rotate,
    ask_end,
    end_secret,
    ask_revoke,
    revoke,
]
