"""What staff do with an application: take it, hand it on, note, ask, decline, approve, send the first link again."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid
from guildhall.domain.partners import applications, approving, reviewing, tiers
from guildhall.domain.partners.application_states import DECLINE_REASONS, sources
from guildhall.domain.partners.approving import Terms
from guildhall.domain.partners.tables import COMMERCIAL_MODELS, TYPES
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Web, form, page, redirect, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Option
from guildhall.surfaces.staff.applications import shown
from guildhall.surfaces.staff.limits import limit_in
from guildhall.surfaces.staff.words import COMMERCIAL, DECLINES, tier_label
from guildhall.surfaces.words import said, state_options

_WITHOUT_COMMERCE = {"auditor", "technology_alliance"}
_DECIDE = needs(reviewing.DECIDE, at_once=GIVES_NOTHING)
_GIVE = needs(reviewing.DECIDE, fresh=True)


def _home(application_id: UUID) -> str:
    return f"/applications/{application_id}"


async def _carried_out(application_id: UUID, act: Awaitable[None], done: str) -> Redirect:
    """Carry `act` out and go back to the application with what happened; somebody else may have been first."""
    try:
        await act
    except Conflict as refusal:
        return redirect(_home(application_id), told(refusal), "warning")
    return redirect(_home(application_id), done)


@post("/applications/{application_id:uuid}/take", **_DECIDE)
async def take(application_id: FromPath[UUID], actor: Who) -> Redirect:
    """Take an application into review."""
    act = reviewing.take(actor, application_id=application_id)
    return await _carried_out(application_id, act, gettext("It is in review, and yours."))


@post("/applications/{application_id:uuid}/assign", **_DECIDE)
async def assign(request: Web, application_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Give an application to somebody, or to nobody."""
    values = await typed(request)
    try:
        act = reviewing.assign(actor, application_id=application_id, to=values.get("assigned", ""))
        return await _carried_out(application_id, act, gettext("Saved."))
    except Invalid as refusal:
        return await shown(request, actor, application_id, assigning=form(values, refusal, "assigning"))


@post("/applications/{application_id:uuid}/note", **_DECIDE)
async def note(request: Web, application_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Keep an internal note."""
    values = await typed(request)
    try:
        act = reviewing.note(actor, application_id=application_id, text=values.get("text", ""))
        return await _carried_out(application_id, act, gettext("The note is kept; the applicant never sees it."))
    except Invalid as refusal:
        return await shown(request, actor, application_id, note=form(values, refusal, "note"))


@post("/applications/{application_id:uuid}/ask", **_DECIDE)
async def ask(request: Web, application_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Ask the applicant for more."""
    values = await typed(request)
    try:
        act = reviewing.ask(actor, application_id=application_id, question=values.get("question", ""))
        return await _carried_out(application_id, act, gettext("The applicant was asked by e-mail."))
    except Invalid as refusal:
        return await shown(request, actor, application_id, question=form(values, refusal, "question"))


@get("/applications/{application_id:uuid}/decline", **_DECIDE)
async def ask_decline(request: Web, application_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Return the page that asks for the reason."""
    return await _decline_page(request, actor, application_id, Form())


async def _decline_page(request: Web, actor: Actor, application_id: UUID, state: Form) -> Response[Any]:
    async with db.transaction(actor) as connection:
        found = await applications.get(connection, actor, application_id)
    if found.status not in sources("declined", "staff"):
        return redirect(_home(application_id), gettext("It can be declined while it is in review."), "warning")
    reasons = [Option(code, said(DECLINES, code)) for code in DECLINE_REASONS]
    return await page(
        request,
        "applications/decline.html",
        status_code=422 if state.errors else 200,
        application=found,
        form=state,
        reasons=reasons,
    )


@post("/applications/{application_id:uuid}/decline", **_DECIDE)
async def decline(request: Web, application_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Decline an application."""
    values = await typed(request)
    code, words = values.get("code", ""), values.get("note", "")
    try:
        act = reviewing.decline(actor, application_id=application_id, code=code, note=words)
        return await _carried_out(application_id, act, gettext("It is declined; the applicant reads your note."))
    except Invalid as refusal:
        return await _decline_page(request, actor, application_id, form(values, refusal))


@get("/applications/{application_id:uuid}/approve", **_DECIDE)
async def ask_approve(request: Web, application_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Return the page with the terms of the new partner."""
    return await _approve_page(request, actor, application_id, None)


async def _approve_page(request: Web, actor: Actor, application_id: UUID, state: Form | None) -> Response[Any]:
    async with db.transaction(actor) as connection:
        found = await applications.get(connection, actor, application_id)
        open_tiers = [tier for tier in await tiers.listed(connection, actor) if tier.closed_at is None]
    if found.status not in sources("approved", "staff"):
        return redirect(_home(application_id), gettext("It can be approved while it is in review."), "warning")
    model = "none" if found.type in _WITHOUT_COMMERCE else "resale"
    seen = found.state_since.isoformat()
    fresh = Form({"name": found.legal_name, "type": found.type, "commercial_model": model, "seen": seen})
    return await page(
        request,
        "applications/approve.html",
        status_code=422 if state else 200,
        application=found,
        form=state or fresh,
        types=state_options("partner_type", TYPES),
        tiers=[Option(tier.code, tier_label(tier.code, tier.name), tier.description) for tier in open_tiers],
        models=[Option(code, gettext(COMMERCIAL[code][0]), gettext(COMMERCIAL[code][1])) for code in COMMERCIAL_MODELS],
    )


@post("/applications/{application_id:uuid}/approve", **_GIVE)
async def approve(request: Web, application_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Approve an application: the partner is made, and its first principal gets a letter."""
    values = await typed(request)
    try:
        partner_id = await approving.approve(
            actor,
            application_id=application_id,
            terms=_terms(values),
            seen=_moment(values.get("seen", "")),
            now=clock.now(),
        )
    except Invalid as refusal:
        return await _approve_page(request, actor, application_id, form(values, refusal))
    except Conflict as refusal:
        return redirect(_home(application_id), told(refusal), "warning")
    sentence = gettext("%(name)s is a partner now; its first principal has an e-mail.", name=values.get("name", ""))
    return redirect(f"/partners/{partner_id}", sentence)


def _terms(values: Mapping[str, str]) -> Terms:
    """Return the terms that were typed."""
    return Terms(
        name=values.get("name", ""),
        type=values.get("type", ""),
        tier=values.get("tier", ""),
        commercial_model=values.get("commercial_model", ""),
        customer_limit=limit_in(values.get("customer_limit", "")),
        people_limit=limit_in(values.get("people_limit", "")),
    )


def _moment(text: str) -> datetime | None:
    """Return the moment that a page carried; None for anything else."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


@post("/applications/{application_id:uuid}/resend", **_GIVE)
async def resend(application_id: FromPath[UUID], actor: Who) -> Redirect:
    """Send the first principal a new one-time link."""
    try:
        email = await approving.resend(actor, application_id=application_id, now=clock.now())
    except Conflict as refusal:
        return redirect(_home(application_id), told(refusal), "warning")
    sentence = gettext("A new link is on its way to %(email)s; the old one is dead.", email=email)
    return redirect(_home(application_id), sentence)


ROUTES = [take, assign, note, ask, ask_decline, decline, ask_approve, approve, resend]
