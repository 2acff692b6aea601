"""The routes of a person's own account, mounted by each surface with pages."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from guildhall.core import clock, db
from guildhall.core.errors import Invalid, Refusal, TooManyRequests, Unauthorized
from guildhall.domain.people import preferences, recovery_codes, sessions
from guildhall.domain.people.sign_in import sign_in
from guildhall.surfaces.account import security, welcome
from guildhall.surfaces.account.cookies import session_cookie, signed_in
from guildhall.surfaces.entry import Who, origin_of, own, public
from guildhall.surfaces.html import (
    LANGUAGE_COOKIE,
    Page,
    Web,
    form,
    local_path,
    page,
    redirect,
    site_of,
    speech_of,
    typed,
)
from guildhall.surfaces.kit import i18n
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.shell import THEME_COOKIE
from guildhall.surfaces.kit.tables import Option

YEAR = 31_536_000  # seconds


@get("/sign-in", **public("nobody is signed in yet"))
async def sign_in_page(request: Web) -> Page:
    """Return the form."""
    return await _form(request, Form({"next": local_path(request.query_params.get("next"))}))


@post("/sign-in", **public("nobody is signed in yet"))
async def sign_in_submit(request: Web) -> Response[Any]:
    """Open a session, or say in one sentence that it did not work; the address stays typed."""
    site, values = site_of(request), await typed(request)
    try:
        opened = await sign_in(
            origin_of(request, site.surface),
            email=values.get("email", ""),
            password=values.get("password", ""),
            code=values.get("code", ""),
            now=clock.now(),
        )
    except (Invalid, Unauthorized, TooManyRequests) as refusal:
        return await _refused(request, values, refusal)
    return signed_in(request, opened.token, local_path(values.get("next")))


async def _refused(request: Web, values: dict[str, str], refusal: Refusal) -> Page:
    """Return the form again with what was typed, secrets apart."""
    i18n.speak(speech_of(request, None))
    kept = {"email": values.get("email", ""), "next": local_path(values.get("next"))}
    answer = await _form(request, form(kept, refusal), status_code=refusal.status)
    if refusal.retry_after:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


async def _form(request: Web, state: Form, status_code: int = 200) -> Page:
    return await page(request, "account/sign_in.html", framed=False, status_code=status_code, form=state)


@post("/sign-out", **own("everybody may leave", leaving=True))
async def sign_out(request: Web, actor: Who) -> Redirect:
    """End the session here and in the database."""
    await sessions.end(actor)
    answer = redirect("/sign-in", gettext("You have signed out."))
    answer.set_cookie(session_cookie(request, "", 0))
    return answer


@get("/account", **own("own sessions and settings"))
async def account(request: Web, actor: Who) -> Page:
    """Return the person's own page: sessions, language and zone."""
    async with db.transaction(actor) as connection:
        live = await sessions.list_own(connection, actor)
        codes_left = await recovery_codes.left(connection, actor)
    return await page(
        request, "account/account.html", sessions=live, actor=actor, zones=_zones(), codes_left=codes_left
    )


def _zones() -> list[Option]:
    """Return the time zones as choices."""
    return [Option(zone, zone.replace("_", " ")) for zone in preferences.zones()]


@post("/account/sessions/{session_id:uuid}/end", **own("own sessions"))
async def end_session(session_id: FromPath[UUID], actor: Who) -> Redirect:
    """End one of the person's own sessions."""
    await sessions.end_session(actor, session_id=session_id)
    return redirect("/account", gettext("The session has ended."))


@post("/account/zone", **own("own settings"))
async def set_zone(request: Web, actor: Who) -> Redirect:
    """Keep the person's time zone."""
    values = await typed(request)
    await preferences.keep(actor, language=actor.language, timezone=values.get("zone", ""))
    return redirect("/account", gettext("Saved."))


@post("/language", **public("before sign-in too"))
async def set_language(request: Web) -> Redirect:
    """Keep the language in this browser, and for the person where one is signed in."""
    values = await typed(request)
    site = site_of(request)
    chosen = values.get("language", "")
    if chosen not in i18n.languages():
        raise Invalid(errors={"language": "Choose one of the list"})
    found = await sessions.find(origin_of(request, site.surface), token=request.cookies.get(site.cookie, "-"))
    if found is not None:
        await preferences.keep(found.actor, language=chosen, timezone=found.actor.timezone)
    answer = redirect(local_path(values.get("next")))
    answer.set_cookie(Cookie(LANGUAGE_COOKIE, value=chosen, path="/", max_age=YEAR, samesite="lax"))
    return answer


@post("/theme", **public("before sign-in too"))
async def set_theme(request: Web) -> Redirect:
    """Keep light, dark or the system's choice in this browser."""
    values = await typed(request)
    theme = values.get("theme", "")
    if theme not in {"light", "dark", "system"}:
        raise Invalid(errors={"theme": "Choose one of the list"})
    answer = redirect(local_path(values.get("next")))
    answer.set_cookie(Cookie(THEME_COOKIE, value=theme, path="/", max_age=YEAR, samesite="lax"))
    return answer


ROUTES: list[ControllerRouterHandler] = [
    sign_in_page,
    sign_in_submit,
    sign_out,
    account,
    end_session,
    set_zone,
    set_language,
    set_theme,
    *welcome.ROUTES,
    *security.ROUTES,
]
