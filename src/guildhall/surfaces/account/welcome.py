"""One-time links on every surface: GET looks and consumes nothing; password, second factor, recovery codes, signed in.

The second factor is an authenticator, or where the person may sign in with one a passkey, which needs a script.

Each step is the same address with another form. What was chosen so far travels sealed with it, so that a step can be
sent again, and nothing is kept before the last one.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock
from guildhall.core.errors import Conflict, Invalid, NotFound, Refusal, TooManyRequests
from guildhall.domain.people import enrolling, enrolment_drafts, factors, own_passkeys
from guildhall.domain.people import passkeys as proofs
from guildhall.domain.people.enrolling import Link
from guildhall.domain.people.enrolment_drafts import Draft
from guildhall.surfaces import passkeys
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


@get("/welcome/{token:str}/passkey", **public(_BECAUSE))
async def ask_to_add(request: Web, token: FromPath[str]) -> Response[str]:
    """Return what the browser is asked so that it makes the holder's passkey; raises NotFound where none may be."""
    link = await enrolling.find(origin_of(request, site_of(request).surface), token)
    if link.state != "open" or link.purpose == "reset" or not link.by_passkey:
        raise NotFound

    def options(relying: proofs.Relying, octets: bytes) -> str:
        # None is known: a newcomer has none, and a recovery removes those of before.
        user_id = link.login["user_id"]
        return proofs.asked_to_add(relying, octets, user_id=user_id, email=link.email, name=link.name, known=[])

    return passkeys.asked(request, "add", options)


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
        draft = await enrolment_drafts.choose_password(
            origin, token=token, password=password, personal=link.personal, now=clock.now()
        )
    except (Invalid, TooManyRequests) as refusal:
        return await _password(request, token, link, form({}, refusal), refusal)
    return await _factor(request, token, link, draft, Form())


async def _take_factor(request: Web, token: str, link: Link, values: dict[str, str]) -> Response[Any]:
    """Check the first code of the authenticator."""
    draft = enrolment_drafts.drafted(token, values.get("draft", ""), now=clock.now())
    if draft is None:
        return await _again(request, token, link)
    try:
        draft = enrolment_drafts.confirm_factor(draft, code=values.get("code", ""), now=clock.now())
    except Invalid as refusal:
        return await _factor(request, token, link, draft, form({}, refusal))
    return await _codes(request, token, link, draft, Form())


async def _take_passkey(request: Web, token: str, link: Link, values: dict[str, str]) -> Response[Any]:
    """Take the passkey that the browser has made in place of an authenticator."""
    draft = enrolment_drafts.drafted(token, values.get("draft", ""), now=clock.now())
    if draft is None:
        return await _again(request, token, link)
    if not link.by_passkey:
        return await _again(request, token, link, enrolling.changed())
    origin, name = origin_of(request, site_of(request).surface), values.get("name", "")
    try:
        called = own_passkeys.called(name)  # first: the answer is taken once, the name may be typed again
        new = await passkeys.added(request, origin, values.get(passkeys.FIELD, ""))
    except Invalid as refusal:
        return await _factor(request, token, link, draft, form({"name": name}, refusal))
    draft = enrolment_drafts.confirm_passkey(draft, new, name=called)
    return await _codes(request, token, link, draft, Form())


async def _take_codes(request: Web, token: str, link: Link, values: dict[str, str]) -> Response[Any]:
    """Write everything, once the recovery codes are kept, and let the person in."""
    draft = enrolment_drafts.drafted(token, values.get("draft", ""), now=clock.now())
    if draft is None or draft.factor is None:
        return await _again(request, token, link)
    if values.get("kept") != "yes":
        missing = Invalid(errors={"kept": "Keep the codes first, then tick this"})
        return await _codes(request, token, link, draft, form({}, missing))
    origin = origin_of(request, site_of(request).surface)
    try:
        opened = await enrolling.enrol(origin, link, token=token, draft=draft, now=clock.now())
    except Conflict as refusal:
        return await _again(request, token, await enrolling.find(origin, token), refusal)
    if link.by_passkey and not link.by_password and draft.factor != "passkey":
        text = gettext("You are signed in. Add a passkey now: with it you sign in from now on.")
        return signed_in(request, opened.token, "/account/passkeys/new", text)
    return signed_in(request, opened.token, "/", gettext("You are set up and signed in."))


_STEPS: dict[str, Step] = {"factor": _take_factor, "passkey": _take_passkey, "codes": _take_codes}


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


async def _again(request: Web, token: str, link: Link, refusal: Refusal | None = None) -> Page:
    """Return the first step with a sentence: why, or that the forms were left for too long or are another link's."""
    why = refusal or Invalid("This took too long, so begin again. Nothing was changed.")
    return await _password(request, token, link, form({}, why), why)


async def _closed(request: Web, link: Link) -> Page:
    """Return the page of a link that does not work."""
    status = _STATUS[link.state]
    return await page(request, "welcome/closed.html", framed=False, status_code=status, link=link)


async def _password(request: Web, token: str, link: Link, state: Form, refusal: Refusal | None = None) -> Page:
    """Return the step of the password: of a newcomer, or of somebody who forgot it. Without passwords, the next one."""
    if link.state != "open":
        return await _closed(request, link)
    if not link.by_password:
        return await _factor(request, token, link, enrolment_drafts.begin(token, now=clock.now()), state)
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
        draft=enrolment_drafts.sealed(draft),
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
        draft=enrolment_drafts.sealed(draft),
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


ROUTES = [welcome, ask_to_add, onward]
