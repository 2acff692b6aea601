"""A person's own password, authenticator and recovery codes; and the way back for who forgot the password."""

from typing import Any

from litestar import Response, get, post

from guildhall.core import clock
from guildhall.core.errors import Invalid, Refusal, TooManyRequests
from guildhall.domain.people import changing, factors, forgetting, recovery_codes
from guildhall.surfaces.account.pictures import file_of, picture_of
from guildhall.surfaces.entry import Who, origin_of, own, public
from guildhall.surfaces.html import Page, Web, form, page, redirect, site_of, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext


@get("/account/password", **own("own password"))
async def password_page(request: Web) -> Page:
    """Return the form."""
    return await page(request, "account/password.html", form=Form())


@post("/account/password", **own("own password", at_once="the old password is asked for; without one the act asks"))
async def change_password(request: Web, actor: Who) -> Response[Any]:
    """Set a new password and end every other session."""
    values = await typed(request)
    old, new = values.get("old_password", ""), values.get("password", "")
    try:
        await changing.change_password(actor, old=old, new=new, now=clock.now())
    except (Invalid, TooManyRequests) as refusal:
        return await _refused(request, "account/password.html", form({}, refusal), refusal)
    return redirect("/account", gettext("Your password has changed; every other session has ended."))


@get("/account/authenticator", **own("own second factor"))
async def authenticator_page(request: Web) -> Page:
    """Return what replacing the authenticator means, and the button that begins it."""
    return await page(request, "account/authenticator.html", secret="", form=Form())


@post("/account/authenticator", **own("own second factor", fresh=True))
async def replace_authenticator(request: Web, actor: Who) -> Response[Any]:
    """Offer a new secret, then take its first code; both need a fresh second factor of before."""
    values, now = await typed(request), clock.now()
    sealed = values.get("sealed", "")
    secret = changing.secret_in(actor, sealed) if sealed else None
    if secret is None:
        secret, sealed = changing.offered(actor, now=now)
        return await _authenticator(request, actor, secret, sealed, Form())
    try:
        await changing.replace_factor(actor, secret=secret, code=values.get("code", ""), now=now)
    except Invalid as refusal:
        return await _authenticator(request, actor, secret, sealed, form({}, refusal))
    return redirect("/account", gettext("Your new authenticator works; the old one no longer does."))


async def _authenticator(request: Web, actor: Who, secret: str, sealed: str, state: Form) -> Page:
    """Return the step with the secret as a picture and as text."""
    brand = site_of(request).settings.brand
    uri = factors.provisioning_uri(secret, email=await changing.address(actor), issuer=brand)
    return await page(
        request,
        "account/authenticator.html",
        status_code=422 if state.errors else 200,
        secret=secret,
        sealed=sealed,
        picture=picture_of(uri),
        form=state,
    )


@get("/account/recovery-codes", **own("own recovery codes"))
async def codes_page(request: Web) -> Page:
    """Return what new codes mean, and the button that shows them."""
    return await page(request, "account/recovery_codes.html", codes=(), form=Form())


@post("/account/recovery-codes", **own("own recovery codes", fresh=True))
async def make_codes(request: Web, actor: Who) -> Response[Any]:
    """Show ten new codes, then, once they are kept, let them take the place of those of before."""
    values, now = await typed(request), clock.now()
    sealed = values.get("draft", "")
    codes = recovery_codes.codes_in(actor, sealed) if sealed else None
    if codes is None:
        codes, sealed = recovery_codes.offered(actor, now=now)
        return await _codes(request, codes, sealed, Form())
    if values.get("kept") != "yes":
        missing = Invalid(errors={"kept": "Keep the codes first, then tick this"})
        return await _codes(request, codes, sealed, form({}, missing))
    await recovery_codes.keep(actor, codes, now=now)
    return redirect("/account", gettext("Your new recovery codes work; those of before no longer do."))


async def _codes(request: Web, codes: list[str], sealed: str, state: Form) -> Page:
    """Return the page that shows codes, this once."""
    return await page(
        request,
        "account/recovery_codes.html",
        status_code=422 if state.errors else 200,
        codes=codes,
        draft=sealed,
        file=file_of(site_of(request).settings.brand, codes),
        form=state,
    )


@get("/forgotten", **public("who forgot the password cannot sign in"))
async def forgotten_page(request: Web) -> Page:
    """Return the form."""
    return await page(request, "account/forgotten.html", framed=False, form=Form(), sent=False)


@post("/forgotten", **public("who forgot the password cannot sign in"))
async def forgotten(request: Web) -> Page:
    """Have a link sent, and say the same whoever asks."""
    values = await typed(request)
    email = values.get("email", "")
    try:
        await forgetting.ask_reset(origin_of(request, site_of(request).surface), email=email, now=clock.now())
    except (Invalid, TooManyRequests) as refusal:
        return await _refused(
            request, "account/forgotten.html", form(values, refusal), refusal, framed=False, sent=False
        )
    return await page(request, "account/forgotten.html", status_code=200, framed=False, form=Form(), sent=True)


async def _refused(
    request: Web, name: str, state: Form, refusal: Refusal, *, framed: bool = True, **context: Any
) -> Page:
    """Return a form again with what is wrong with it."""
    answer = await page(request, name, status_code=refusal.status, framed=framed, form=state, **context)
    if refusal.retry_after:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


ROUTES = [
    password_page,
    change_password,
    authenticator_page,
    replace_authenticator,
    codes_page,
    make_codes,
    forgotten_page,
    forgotten,
]
