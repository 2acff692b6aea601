"""Passkeys: signing in with one, and the person's own."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound, TooManyRequests, Unauthorized
from guildhall.domain.people import own_passkeys, passkey_sign_in
from guildhall.domain.people import passkeys as proofs
from guildhall.domain.people.own_passkeys import Passkey
from guildhall.surfaces import browsers, passkeys
from guildhall.surfaces.account.sign_in import refused
from guildhall.surfaces.entry import Who, origin_of, own, public
from guildhall.surfaces.html import Page, Web, form, local_path, page, redirect, site_of, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext

_ACT_ASKS = "the act asks; whoever has no factor yet has signed in just now"


@get("/sign-in/passkey", **public("nobody is signed in yet"))
async def ask_to_show(request: Web) -> Response[str]:
    """Return what the browser is asked so that it shows a passkey."""
    return passkeys.asked(request, "show", proofs.asked_to_show)


@post("/sign-in/passkey", **public("nobody is signed in yet"))
async def sign_in_with(request: Web) -> Response[Any]:
    """Open a session with a passkey, alone or after the password in place of the code."""
    origin, values, now = origin_of(request, site_of(request).surface), await typed(request), clock.now()
    email, password = values.get("email", ""), values.get("password", "")
    try:
        proof = await passkeys.shown(request, origin, values.get(passkeys.FIELD, ""))
        if password:
            known = browsers.knows(request, email)
            opened = await passkey_sign_in.after_password(
                origin, proof, email=email, password=password, now=now, known=known
            )
        else:
            opened = await passkey_sign_in.sign_in(origin, proof, now=now)
    except (Invalid, Unauthorized, TooManyRequests, Forbidden) as refusal:
        return await refused(request, values, refusal)
    answer = redirect(local_path(values.get("next")))
    browsers.signed_in(request, answer, opened, email=proof.email)
    return answer


@post("/account/passkeys/start", **own("own ways to sign in", at_once=_ACT_ASKS))
async def start(actor: Who) -> Redirect:
    """Ask for a second factor where one is due, before the browser makes a passkey."""
    await own_passkeys.may_add(actor, now=clock.now())
    return redirect("/account/passkeys/new")


@get("/account/passkeys/new", **own("own ways to sign in"))
async def new_page(request: Web) -> Page:
    """Return the page on which a passkey is made."""
    return await _new(request, Form())


async def _new(request: Web, state: Form) -> Page:
    status = 422 if state.errors else 200
    return await page(request, "account/passkey_new.html", status_code=status, form=state)


@get("/account/passkeys/options", **own("own ways to sign in"))
async def ask_to_add(request: Web, actor: Who) -> Response[str]:
    """Return what the browser is asked so that it makes a passkey."""
    async with db.transaction(actor) as connection:
        email, known = await own_passkeys.known_credentials(connection, actor)

    def options(relying: proofs.Relying, octets: bytes) -> str:
        user_id = _user_id(actor)
        return proofs.asked_to_add(relying, octets, user_id=user_id, email=email, name=actor.name, known=known)

    return passkeys.asked(request, "add", options)


def _user_id(actor: Actor) -> UUID:
    if actor.user_id is None:
        raise Unauthorized
    return actor.user_id


@post("/account/passkeys", **own("own ways to sign in", at_once=_ACT_ASKS))
async def add(request: Web, actor: Who) -> Response[Any]:
    """Keep the passkey that the browser has made, or show the form again with what is wrong."""
    values = await typed(request)
    try:
        new = await passkeys.added(request, actor, values.get(passkeys.FIELD, ""))
        await own_passkeys.add(actor, new, name=values.get("name", ""), now=clock.now())
    except (Invalid, Conflict) as refusal:
        return await _new(request, form({"name": values.get("name", "")}, refusal))
    return redirect("/account", gettext("The passkey is added. You can sign in with it from now on."))


async def _one(actor: Actor, passkey_id: UUID) -> Passkey:
    """Return one of the person's passkeys; raises NotFound."""
    async with db.transaction(actor) as connection:
        mine = await own_passkeys.list_own(connection, actor)
    found = next((one for one in mine if one.id == passkey_id), None)
    if found is None:
        raise NotFound
    return found


@get("/account/passkeys/{passkey_id:uuid}/rename", **own("own ways to sign in"))
async def rename_page(request: Web, passkey_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form for another name."""
    found = await _one(actor, passkey_id)
    return await page(request, "account/passkey_rename.html", passkey=found, form=Form({"name": found.name}))


@post("/account/passkeys/{passkey_id:uuid}/rename", **own("own ways to sign in", at_once="a name opens nothing"))
async def rename(request: Web, passkey_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Give a passkey another name."""
    values = await typed(request)
    try:
        await own_passkeys.rename(actor, passkey_id=passkey_id, name=values.get("name", ""))
    except Invalid as refusal:
        state = form(values, refusal)
        found = await _one(actor, passkey_id)
        return await page(request, "account/passkey_rename.html", status_code=422, passkey=found, form=state)
    return redirect("/account", gettext("Saved."))


@get("/account/passkeys/{passkey_id:uuid}/remove", **own("own ways to sign in"))
async def remove_page(request: Web, passkey_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks before a passkey is removed."""
    return await page(request, "account/passkey_remove.html", passkey=await _one(actor, passkey_id))


@post("/account/passkeys/{passkey_id:uuid}/remove", **own("own ways to sign in", fresh=True))
async def remove(passkey_id: FromPath[UUID], actor: Who) -> Redirect:
    """Remove a passkey, unless it is the last way in."""
    try:
        await own_passkeys.remove(actor, passkey_id=passkey_id, now=clock.now())
    except Conflict as refusal:
        return redirect("/account", told(refusal), "warning")
    return redirect("/account", gettext("The passkey is removed. Nobody signs in with it any more."))


ROUTES: list[ControllerRouterHandler] = [
    ask_to_show,
    sign_in_with,
    start,
    new_page,
    ask_to_add,
    add,
    rename_page,
    rename,
    remove_page,
    remove,
]
