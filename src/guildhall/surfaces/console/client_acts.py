"""Acts on one API client: a new secret, the end of one, the end of the client. Each asks first."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.errors import Conflict, Invalid, NotFound
from guildhall.domain.people import client_acts, clients
from guildhall.domain.people.client_acts import NEEDS
from guildhall.surfaces import asked
from guildhall.surfaces.client_fields import overlap_of, overlaps
from guildhall.surfaces.console.clients import shown
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext

ASKED = frozenset({"secret", "revoke"})


@get("/clients/{client_id:uuid}/ask/{act:str}", **needs(NEEDS))
async def question(request: Web, client_id: FromPath[UUID], act: FromPath[str], actor: Who) -> Page:
    """Return the page that asks before an act."""
    if act not in ASKED:
        raise NotFound
    return await _question(request, actor, client_id, act, Form())


async def _question(request: Web, actor: Who, client_id: UUID, act: str, state: Form, status_code: int = 200) -> Page:
    async with db.transaction(actor) as connection:
        found = await clients.get(connection, actor, client_id)
    return await page(
        request,
        f"clients/ask_{act}.html",
        status_code=status_code,
        client=found,
        form=state,
        overlaps=overlaps(),
    )


@get("/clients/{client_id:uuid}/secrets/{secret_id:uuid}/end", **needs(NEEDS))
async def ask_end(request: Web, client_id: FromPath[UUID], secret_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks before a secret is ended."""
    async with framed(request, actor) as connection:
        found = await clients.get(connection, actor, client_id)
        live = await clients.secrets(connection, client_id)
    secret = next((each for each in live if each.id == secret_id), None)
    if secret is None:
        raise NotFound
    return await page(request, "clients/ask_end.html", client=found, secret=secret, alone=len(live) == 1)


@post("/clients/{client_id:uuid}/secret", status_code=200, **needs(NEEDS, fresh=True))
async def rotate(request: Web, client_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Make a new secret and show it, this once."""
    values = await typed(request)
    overlap = overlap_of(values)
    try:
        made = await client_acts.rotate(actor, client_id=client_id, overlap=overlap, now=clock.now())
    except Invalid as refusal:
        return await _question(request, actor, client_id, "secret", form(values, refusal), refusal.status)
    except Conflict as refusal:
        return redirect(f"/clients/{client_id}", told(refusal), "error")
    return await shown(request, actor, client_id, secret=made.secret)


@post("/clients/{client_id:uuid}/secrets/{secret_id:uuid}/end", **needs(NEEDS, at_once=GIVES_NOTHING))
async def end_secret(client_id: FromPath[UUID], secret_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """End one secret at once."""
    try:
        await client_acts.end_secret(actor, client_id=client_id, secret_id=secret_id, now=clock.now())
    except Conflict as refusal:
        return redirect(f"/clients/{client_id}", told(refusal), "error")
    return redirect(f"/clients/{client_id}", gettext("The secret no longer works, nor does any token got with it."))


@post("/clients/{client_id:uuid}/revoke", **needs(NEEDS, at_once=GIVES_NOTHING))
async def revoke(request: Web, client_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Revoke the client."""
    values = await typed(request)
    reason = asked.clean(values.get("reason", ""))
    try:
        await client_acts.revoke(actor, client_id=client_id, reason=reason, now=clock.now())
    except Invalid as refusal:
        return await _question(request, actor, client_id, "revoke", form(values, refusal), refusal.status)
    except Conflict as refusal:
        return redirect(f"/clients/{client_id}", told(refusal), "error")
    return redirect(f"/clients/{client_id}", gettext("The client is revoked. Its next request is refused."))


ROUTES = [question, ask_end, rotate, end_secret, revoke]
