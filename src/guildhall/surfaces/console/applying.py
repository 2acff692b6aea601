"""Applying to become a partner: a form for everybody, and the page behind the signed link of an application."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core.actor import Surface
from guildhall.core.errors import Conflict, Invalid, NotFound, Refusal, TooManyRequests
from guildhall.core.ids import new_id, parse_id
from guildhall.domain.partners import applying
from guildhall.domain.partners.applying import Own
from guildhall.domain.partners.tables import TYPES
from guildhall.surfaces.countries import country_label, country_options
from guildhall.surfaces.entry import origin_of, public
from guildhall.surfaces.html import Page, Web, form, page, redirect, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext, speech
from guildhall.surfaces.words import state_options

_NO_ACCOUNT = "whoever applies has no account"
_FIELDS = ("legal_name", "website", "country", "type", "contact_name", "email", "expected_customers", "note")


@get("/apply", **public(_NO_ACCOUNT))
async def apply_page(request: Web) -> Page:
    """Return the form."""
    return await _form(request, Form())


@post("/apply", **public(_NO_ACCOUNT))
async def apply_submit(request: Web) -> Response[Any]:
    """Take an application and lead to its page, or say beside the field what is wrong."""
    values = await typed(request)
    try:
        token = await applying.submit(
            origin_of(request, Surface.CONSOLE),
            form=parse_id(values.get("form")) or new_id(),
            typed=values,
            consent=values.get("consent") == "yes",
            language=speech().language,
        )
    except (Invalid, TooManyRequests) as refusal:
        return await _form(request, form(values, refusal), refusal)
    return redirect(f"/application/{token}", gettext("Your application has arrived. Nothing more is needed for now."))


async def _form(request: Web, state: Form, refusal: Refusal | None = None) -> Page:
    """Return the form with what was typed."""
    answer = await page(
        request,
        "apply/form.html",
        framed=False,
        status_code=refusal.status if refusal else 200,
        form=state,
        form_id=parse_id(state.text("form")) or new_id(),
        **_choices(),
    )
    if refusal is not None and refusal.retry_after:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


def _choices() -> dict[str, Any]:
    return {"countries": country_options(), "types": state_options("partner_type", TYPES)}


@get("/application/{token:str}", **public(_NO_ACCOUNT))
async def application_page(request: Web, token: FromPath[str]) -> Page:
    """Return where an application stands; while staff wait for the applicant, with the form to correct it."""
    try:
        found = await applying.find(origin_of(request, Surface.CONSOLE), token)
    except NotFound:
        return await page(request, "apply/unknown.html", framed=False, status_code=404)
    return await _status(request, token, found, Form({name: getattr(found, name) for name in _FIELDS}))


@post("/application/{token:str}", **public(_NO_ACCOUNT))
async def application_answer(request: Web, token: FromPath[str]) -> Response[Any]:
    """Send the corrected application back, or say beside the field what is wrong."""
    values, origin = await typed(request), origin_of(request, Surface.CONSOLE)
    try:
        await applying.answer(origin, token=token, typed=values)
    except NotFound:
        return await page(request, "apply/unknown.html", framed=False, status_code=404)
    except Invalid as refusal:
        return await _status(request, token, await applying.find(origin, token), form(values, refusal))
    except Conflict:
        return redirect(f"/application/{token}", gettext("This application does not wait for you"), "info")
    return redirect(f"/application/{token}", gettext("Thank you. The application is with us again."))


async def _status(request: Web, token: str, found: Own, state: Form) -> Page:
    """Return the page of one application."""
    answer = await page(
        request,
        "apply/status.html",
        framed=False,
        status_code=422 if state.errors else 200,
        application=found,
        token=token,
        form=state,
        country=country_label(found.country),
        **_choices(),
    )
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


ROUTES = [apply_page, apply_submit, application_page, application_answer]
