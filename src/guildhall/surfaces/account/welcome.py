"""One-time links on every surface: GET looks and consumes nothing; password, second factor, recovery codes, signed in.

Each step is the same address with another form. What was chosen so far travels sealed with it, so that a step can be
sent again, and nothing is kept before the last one.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock
from guildhall.core.errors import Conflict, Invalid, Refusal, TooManyRequests
from guildhall.domain.people import enrolling, factors
from guildhall.domain.people.enrolling import Draft, Link
from guildhall.surfaces.account.cookies import signed_in
from guildhall.surfaces.account.pictures import file_of, picture_of
from guildhall.surfaces.entry import origin_of, public
from guildhall.surfaces.html import Page, Web, form, page, redirect, site_of, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext

_STATUS = {"open": 200, "enrolled": 200, "used": 410, "expired": 410, "shut": 410, "unknown": 404}
_BECAUSE = "whoever holds the link cannot sign in yet"
Step = Callable[[Web, str, Link, dict[str, str]], Awaitable[Response[Any]]]


@get("/welcome/{token:str}", **public(_BECAUSE))
async def welcome(request: Web, token: FromPath[str]) -> Page:
    """Return the first step, or why the link does not work."""
    link = await enrolling.find(origin_of(request, site_of(request).surface), token)
    return await _password(request, token, link, Form())


@post("/welcome/{token:str}", **public(_BECAUSE))
async def onward(request: Web, token: FromPath[str]) -> Response[Any]:
    """Take one step, or say beside the field what is wrong."""
    values = await typed(request)
    link = await enrolling.find(origin_of(request, site_of(request).surface), token)
    if link.state != "open":
        return await _closed(request, link)
    if link.purpose == "reset":
        return await _reset(request, token, link, values)
    step = _STEPS.get(values.get("step", ""), _take_password)
    return await step(request, token, link, values)


async def _take_password(request: Web, token: str, link: Link, values: dict[str, str]) -> Response[Any]:
    """Keep the password for the next step."""
    if not link.by_password:
        return await _password(request, token, link, Form())
    origin, password = origin_of(request, site_of(request).surface), values.get("password", "")
    try:
        draft = await enrolling.choose_password(origin, link, token=token, password=password, now=clock.now())
    except (Invalid, TooManyRequests) as refusal:
        return await _password(request, token, link, form({}, refusal), refusal)
    return await _factor(request, token, link, draft, Form())


async def _take_factor(request: Web, token: str, link: Link, values: dict[str, str]) -> Response[Any]:
    """Check the first code of the authenticator."""
    draft = enrolling.drafted(token, values.get("draft", ""), now=clock.now())
    if draft is None:
        return await _again(request, token, link)
    try:
        draft = enrolling.confirm_factor(draft, code=values.get("code", ""), now=clock.now())
    except Invalid as refusal:
        return await _factor(request, token, link, draft, form({}, refusal))
    return await _codes(request, token, link, draft, Form())


async def _take_codes(request: Web, token: str, link: Link, values: dict[str, str]) -> Response[Any]:
    """Write everything, once the recovery codes are kept, and let the person in."""
    draft = enrolling.drafted(token, values.get("draft", ""), now=clock.now())
    if draft is None or draft.step is None:
        return await _again(request, token, link)
    if values.get("kept") != "yes":
        missing = Invalid(errors={"kept": "Keep the codes first, then tick this"})
        return await _codes(request, token, link, draft, form({}, missing))
    origin = origin_of(request, site_of(request).surface)
    try:
        opened = await enrolling.enrol(origin, link, token=token, draft=draft, now=clock.now())
    except Conflict:
        return await _closed(request, await enrolling.find(origin, token))
    if link.by_passkey and not link.by_password:
        text = gettext("You are signed in. Add a passkey now: with it you sign in from now on.")
        return signed_in(request, opened.token, "/account/passkeys/new", text)
    return signed_in(request, opened.token, "/", gettext("You are set up and signed in."))


_STEPS: dict[str, Step] = {"factor": _take_factor, "codes": _take_codes}


async def _reset(request: Web, token: str, link: Link, values: dict[str, str]) -> Response[Any]:
    """Set a new password, with the second factor that the person has."""
    origin = origin_of(request, site_of(request).surface)
    password, code = values.get("password", ""), values.get("code", "")
    try:
        opened = await enrolling.reset(origin, link, token=token, password=password, code=code, now=clock.now())
    except Conflict:
        return await _closed(request, await enrolling.find(origin, token))
    except (Invalid, TooManyRequests) as refusal:
        return await _password(request, token, link, form({}, refusal), refusal)
    done = gettext("Your password has changed; every other session has ended.")
    return redirect("/sign-in", done) if opened is None else signed_in(request, opened.token, "/", done)


async def _again(request: Web, token: str, link: Link) -> Page:
    """Return the first step with a sentence: the forms were left for too long, or are another link's."""
    late = Invalid("This took too long, so begin again. Nothing was changed.")
    return await _password(request, token, link, form({}, late), late)


async def _closed(request: Web, link: Link) -> Page:
    """Return the page of a link that does not work."""
    status = _STATUS[link.state]
    return await page(request, "welcome/closed.html", framed=False, status_code=status, link=link)


async def _password(request: Web, token: str, link: Link, state: Form, refusal: Refusal | None = None) -> Page:
    """Return the step of the password: of a newcomer, or of somebody who forgot it. Without passwords, the next one."""
    if link.state != "open":
        return await _closed(request, link)
    if not link.by_password:
        return await _factor(request, token, link, enrolling.begin(token, now=clock.now()), state)
    name = "welcome/reset.html" if link.purpose == "reset" else "welcome/password.html"
    answer = await _step(request, name, token, link, state, refusal.status if refusal else 200)
    if refusal is not None and refusal.retry_after:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


async def _factor(request: Web, token: str, link: Link, draft: Draft, state: Form) -> Page:
    """Return the step of the second factor: the secret as a picture and as text."""
    uri = factors.provisioning_uri(draft.secret, email=link.email, issuer=site_of(request).settings.brand)
    return await _step(
        request,
        "welcome/factor.html",
        token,
        link,
        state,
        422 if state.errors else 200,
        draft=enrolling.sealed(draft),
        secret=draft.secret,
        picture=picture_of(uri),
    )


async def _codes(request: Web, token: str, link: Link, draft: Draft, state: Form) -> Page:
    """Return the step of the recovery codes, which are shown on no other page."""
    return await _step(
        request,
        "welcome/codes.html",
        token,
        link,
        state,
        422 if state.errors else 200,
        draft=enrolling.sealed(draft),
        codes=draft.codes,
        file=file_of(site_of(request).settings.brand, draft.codes),
    )


async def _step(request: Web, name: str, token: str, link: Link, state: Form, status_code: int, **context: Any) -> Page:
    """Return one step as a page.

    Its address is the secret. The policy of every page, `same-origin`, tells it to no other site; a stricter one would
    make the browser send its form without an origin, which is refused.
    """
    return await page(
        request, name, framed=False, status_code=status_code, token=token, link=link, form=state, **context
    )


ROUTES = [welcome, onward]
