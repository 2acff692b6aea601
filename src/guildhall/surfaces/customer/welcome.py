"""The one-time link of a customer's person: GET looks and consumes nothing, POST sets password and factor once."""

from typing import Any

import segno
from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock
from guildhall.core.actor import Surface
from guildhall.core.errors import Conflict, Invalid
from guildhall.domain.people import enrolling, factors
from guildhall.domain.people.enrolling import Invite
from guildhall.surfaces.entry import origin_of, public
from guildhall.surfaces.html import Page, Web, form, page, redirect, site_of, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext

_STATUS = {"open": 200, "enrolled": 200, "used": 410, "expired": 410, "unknown": 404}


@get("/welcome/{token:str}", **public("whoever holds the link has no account yet"))
async def welcome(request: Web, token: FromPath[str]) -> Page:
    """Return the form, or why the link no longer works."""
    found = await enrolling.find(origin_of(request, Surface.CUSTOMER), token)
    if found.state != "open":
        return await _closed(request, found)
    secret, sealed = enrolling.offer_secret(token)
    return await _form(request, token, found, secret, sealed, Form())


async def _closed(request: Web, found: Invite) -> Page:
    """Return the page of a link that does not work."""
    return await page(request, "welcome/closed.html", framed=False, status_code=_STATUS[found.state], state=found.state)


async def _form(request: Web, token: str, found: Invite, secret: str, sealed: str, state: Form) -> Page:
    """Return the form with the secret as a picture and as text."""
    uri = factors.provisioning_uri(secret, email=found.email, issuer=site_of(request).settings.brand)
    answer = await page(
        request,
        "welcome/form.html",
        framed=False,
        status_code=422 if state.errors else 200,
        token=token,
        invite=found,
        secret=secret,
        sealed=sealed,
        picture=segno.make(uri, error="m").svg_data_uri(scale=5, border=2, light="#ffffff"),
        form=state,
    )
    answer.headers["Referrer-Policy"] = "no-referrer"  # the address is the secret
    return answer


@post("/welcome/{token:str}", **public("whoever holds the link has no account yet"))
async def enrol(request: Web, token: FromPath[str]) -> Response[Any]:
    """Set password and second factor and use the link up, or say beside the field what is wrong."""
    values, origin = await typed(request), origin_of(request, Surface.CUSTOMER)
    sealed = values.get("sealed", "")
    try:
        await enrolling.enrol(
            origin,
            token=token,
            sealed=sealed,
            password=values.get("password", ""),
            code=values.get("code", ""),
            now=clock.now(),
        )
    except Conflict:
        return await _closed(request, await enrolling.find(origin, token))
    except Invalid as refusal:
        found = await enrolling.find(origin, token)
        secret = enrolling.secret_in(token, sealed)
        if secret is None:
            secret, sealed = enrolling.offer_secret(token)
        return await _form(request, token, found, secret, sealed, form({}, refusal))
    return redirect("/sign-in", gettext("You are set up. Sign in with your password and a new code."))


ROUTES = [welcome, enrol]
