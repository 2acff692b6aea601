"""Signing in by a letter: asking for it, the code in this browser, the link in any."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from guildhall.core import clock
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, TooManyRequests, Unauthorized
from guildhall.domain.people import email_links
from guildhall.domain.people.opening import SignedIn
from guildhall.surfaces import browsers
from guildhall.surfaces.entry import origin_of, public
from guildhall.surfaces.html import Page, Web, form, local_path, page, redirect, site_of, speech_of, told, typed
from guildhall.surfaces.kit import i18n
from guildhall.surfaces.kit.forms import Form

_ASK = "account/link_ask.html"
_CODE = "account/link_code.html"
_USE = "account/link_use.html"


async def _plain(request: Web, name: str, status_code: int = 200, **context: Any) -> Page:
    """Return a page for somebody who is not signed in; refuses where this way in is not offered."""
    if not email_links.offered(site_of(request).surface):
        raise NotFound
    return await page(request, name, framed=False, status_code=status_code, **context)


@get("/sign-in/link", **public("nobody is signed in yet"))
async def ask_page(request: Web) -> Page:
    """Return the form that asks for a letter."""
    return await _plain(request, _ASK, form=Form({"next": local_path(request.query_params.get("next"))}))


@post("/sign-in/link", **public("nobody is signed in yet"))
async def ask(request: Web) -> Response[Any]:
    """Send a letter if anybody has the address, and lead to the page for its code: the same for everybody."""
    values, mark = await typed(request), browsers.mark_of(request)
    origin = origin_of(request, site_of(request).surface)
    try:
        asked = await email_links.ask(origin, email=values.get("email", ""), browser=mark, now=clock.now())
    except (Invalid, TooManyRequests) as refusal:
        i18n.speak(speech_of(request, None))
        return await _again(request, _ASK, values, refusal)
    answer = redirect("/sign-in/code")
    answer.set_cookie(browsers.keeps(request, "browser", mark, browsers.LONG))
    answer.set_cookie(browsers.keeps(request, "asked", asked, int(email_links.LIFE.total_seconds())))
    return answer


async def _again(request: Web, name: str, values: dict[str, str], refusal: Refusal) -> Page:
    """Return a form again, with the address and without any code."""
    kept = {"email": values.get("email", ""), "next": local_path(values.get("next"))}
    answer = await _plain(request, name, refusal.status, form=form(kept, refusal))
    if refusal.retry_after:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


@get("/sign-in/code", **public("nobody is signed in yet"))
async def code_page(request: Web) -> Page:
    """Return the form for the letter's code."""
    return await _plain(request, _CODE, form=Form())


@post("/sign-in/code", **public("nobody is signed in yet"))
async def use_code(request: Web) -> Response[Any]:
    """Open a session with the code of the letter that this browser asked for."""
    values, mark = await typed(request), browsers.kept(request, "browser")
    try:
        opened = await email_links.use_code(
            origin_of(request, site_of(request).surface),
            code=values.get("code", ""),
            browser=mark,
            mark=browsers.kept(request, "asked"),
            binding=browsers.binding(request, mark),
            now=clock.now(),
        )
    except (Invalid, Conflict, Unauthorized, Forbidden, TooManyRequests) as refusal:
        i18n.speak(speech_of(request, None))
        return await _again(request, _CODE, values, refusal)
    return _in(request, opened, mark)


def _in(request: Web, opened: SignedIn, mark: str) -> Response[Any]:
    """Leave the session in this browser, to which it is bound."""
    answer = redirect("/")
    browsers.signed_in(request, answer, opened, email=opened.email, mark=mark)
    return answer


@get("/sign-in/link/{token:str}", **public("the link is the proof"))
async def use_page(request: Web, token: FromPath[str]) -> Page:
    """Return the page that asks whether to sign in. Consumes nothing: mail scanners look at links."""
    found = await email_links.find(origin_of(request, site_of(request).surface), token)
    status = 200 if found.state == "open" else 410
    return await _plain(request, _USE, status, found=found, error="")


@post("/sign-in/link/{token:str}", **public("the link is the proof"))
async def use(request: Web, token: FromPath[str]) -> Response[Any]:
    """Use the link up and open a session in this browser."""
    origin, mark = origin_of(request, site_of(request).surface), browsers.mark_of(request)
    try:
        opened = await email_links.use(origin, token=token, binding=browsers.binding(request, mark), now=clock.now())
    except (Conflict, Unauthorized, Forbidden) as refusal:
        i18n.speak(speech_of(request, None))
        found = await email_links.find(origin, token)
        return await _plain(request, _USE, refusal.status, found=found, error=told(refusal))
    return _in(request, opened, mark)


ROUTES: list[ControllerRouterHandler] = [ask_page, ask, code_page, use_code, use_page, use]
