"""The sign-in page: password and code; the other ways in start from it."""

from typing import Any

from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from guildhall.core import clock
from guildhall.core.actor import Surface
from guildhall.core.errors import Forbidden, Invalid, Refusal, TooManyRequests, Unauthorized
from guildhall.domain.people import methods
from guildhall.domain.people.sign_in import sign_in
from guildhall.surfaces import browsers
from guildhall.surfaces.entry import origin_of, public
from guildhall.surfaces.html import Page, Web, form, local_path, page, redirect, site_of, speech_of, typed
from guildhall.surfaces.kit import i18n
from guildhall.surfaces.kit.forms import Form


@get("/sign-in", **public("nobody is signed in yet"))
async def sign_in_page(request: Web) -> Page:
    """Return the form."""
    return await _form(request, Form({"next": local_path(request.query_params.get("next"))}))


@post("/sign-in", **public("nobody is signed in yet"))
async def sign_in_submit(request: Web) -> Response[Any]:
    """Open a session, or say in one sentence that it did not work; the address stays typed."""
    site, values = site_of(request), await typed(request)
    email = values.get("email", "")
    try:
        opened = await sign_in(
            origin_of(request, site.surface),
            email=email,
            password=values.get("password", ""),
            code=values.get("code", ""),
            now=clock.now(),
            known=browsers.knows(request, email),
        )
    except (Invalid, Unauthorized, TooManyRequests, Forbidden) as refusal:
        return await refused(request, values, refusal)
    answer = redirect(local_path(values.get("next")))
    browsers.signed_in(request, answer, opened, email=email)
    return answer


async def refused(request: Web, values: dict[str, str], refusal: Refusal) -> Page:
    """Return the form again with what was typed, secrets apart."""
    i18n.speak(speech_of(request, None))
    kept = {"email": values.get("email", ""), "next": local_path(values.get("next"))}
    answer = await _form(request, form(kept, refusal), status_code=refusal.status)
    if refusal.retry_after:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


async def _form(request: Web, state: Form, status_code: int = 200) -> Page:
    surface = site_of(request).surface
    return await page(
        request,
        "account/sign_in.html",
        framed=False,
        status_code=status_code,
        form=state,
        ways=methods.offered(surface),
        may_apply=surface is Surface.CONSOLE,
    )


ROUTES: list[ControllerRouterHandler] = [sign_in_page, sign_in_submit]
