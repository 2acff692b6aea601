"""The routes of a person's own account, mounted by each surface with pages."""

from litestar import get, post
from litestar.datastructures import Cookie
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from guildhall.core import db
from guildhall.core.errors import Invalid
from guildhall.domain.people import own_passkeys, preferences, recovery_codes, sessions
from guildhall.surfaces import browsers
from guildhall.surfaces.account import email_links, security, sign_in, welcome
from guildhall.surfaces.account import passkeys as passkey_routes
from guildhall.surfaces.account import sessions as own_sessions
from guildhall.surfaces.entry import Who, origin_of, own, public
from guildhall.surfaces.html import (
    LANGUAGE_COOKIE,
    Page,
    Web,
    local_path,
    page,
    redirect,
    site_of,
    typed,
)
from guildhall.surfaces.kit import i18n
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.shell import THEME_COOKIE
from guildhall.surfaces.kit.tables import Option

YEAR = 31_536_000  # seconds


@get("/account", **own("own sessions and settings"))
async def account(request: Web, actor: Who) -> Page:
    """Return the person's own page: ways to sign in, sessions, language and zone."""
    async with db.transaction(actor) as connection:
        live = await sessions.list_own(connection, actor)
        ways = await own_passkeys.ways(connection, actor)
        passkeys = await own_passkeys.list_own(connection, actor)
        codes_left = await recovery_codes.left(connection, actor)
    return await page(
        request,
        "account/account.html",
        sessions=live,
        ways=ways,
        passkeys=passkeys,
        codes_left=codes_left,
        methods=own_sessions.METHODS,
        actor=actor,
        zones=_zones(),
    )


def _zones() -> list[Option]:
    """Return the time zones as choices."""
    return [Option(zone, zone.replace("_", " ")) for zone in preferences.zones()]


@post("/account/zone", **own("own settings", at_once="no access changes"))
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
    found = await sessions.find(origin_of(request, site.surface), token=browsers.token_of(request) or "-")
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
    *sign_in.ROUTES,
    *own_sessions.ROUTES,
    *passkey_routes.ROUTES,
    *email_links.ROUTES,
    account,
    set_zone,
    set_language,
    set_theme,
    *welcome.ROUTES,
    *security.ROUTES,
]
