"""The person's sessions: where one is signed in, ending one, ending all."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from guildhall.domain.people import sessions
from guildhall.surfaces import browsers
from guildhall.surfaces.entry import Who, own
from guildhall.surfaces.html import Page, Web, page, redirect
from guildhall.surfaces.kit.i18n import N_, gettext, ngettext

# What opened a session -> what people call it.
METHODS = {
    "password+totp": N_("Password and one-time code"),
    "password+passkey": N_("Password and passkey"),
    "password+recovery": N_("Password and recovery code"),
    "passkey": N_("Passkey"),
    "email_link": N_("Link by e-mail"),
    "link+totp": N_("One-time link and one-time code"),
    "link+passkey": N_("One-time link and passkey"),
}


@post("/sign-out", **own("everybody may leave", leaving=True))
async def sign_out(request: Web, actor: Who) -> Redirect:
    """End the session here and in the database."""
    await sessions.end(actor)
    answer = redirect("/sign-in", gettext("You have signed out."))
    browsers.signed_out(request, answer)
    return answer


@post("/account/sessions/{session_id:uuid}/end", **own("own sessions", leaving=True))
async def end_session(session_id: FromPath[UUID], actor: Who) -> Redirect:
    """End one of the person's own sessions."""
    await sessions.end_session(actor, session_id=session_id)
    return redirect("/account", gettext("The session has ended."))


@get("/account/sessions/end-all", **own("own sessions"))
async def ask_end_all(request: Web) -> Page:
    """Return the page that asks before every session ends."""
    return await page(request, "account/end_all.html")


@post("/account/sessions/end-all", **own("own sessions", leaving=True))
async def end_all(request: Web, actor: Who) -> Redirect:
    """End every session of the person, this one too."""
    ended = await sessions.end_all(actor)
    sentence = ngettext("You have signed out of %(num)s session.", "You have signed out of %(num)s sessions.", ended)
    answer = redirect("/sign-in", sentence)
    browsers.signed_out(request, answer)
    return answer


ROUTES: list[ControllerRouterHandler] = [sign_out, end_session, ask_end_all, end_all]
