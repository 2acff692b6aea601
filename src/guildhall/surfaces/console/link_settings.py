"""What the partner promises a customer on a link, and when it wants to be warned: one form, no approval."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, PreconditionFailed
from guildhall.core.i18n import N_
from guildhall.core.money import Money
from guildhall.domain.access import link_settings, links
from guildhall.domain.access.link_settings import CHANGE, MONEY, Settings
from guildhall.domain.access.links import Link
from guildhall.domain.access.states import STANDING
from guildhall.surfaces import asked
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.console.links import name_of
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext

_LONGEST = 10  # digits of a version
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")  # as people write one: no power of ten is worked out
_FIELDS = {"billing_threshold.amount": "amount", "billing_threshold.currency": "currency"}


@get("/links/{link_id:uuid}/settings", **needs(CHANGE))
async def settings_form(request: Web, link_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form with what is promised and watched."""
    async with framed(request, actor) as connection:
        link = await links.get(connection, actor, link_id)
    if link.status not in STANDING or link.shown_status == "expired":
        raise Conflict("The link is %(link_state)s; ask for a new one", values={"link_state": link.shown_status})
    return await _form(request, actor, link, Form(_values(link)))


def _values(link: Link) -> dict[str, object]:
    """Return the fields as they stand."""
    threshold = link.alert_config.get("billing_threshold") or {}
    return {
        "response_hours": link.sla_config.get("response_hours"),
        "uptime_target": link.sla_config.get("uptime_target"),
        "sla_breach": "yes" if link.alert_config.get("sla_breach", True) else "",
        "amount": threshold.get("amount"),
        "currency": threshold.get("currency"),
    }


async def _form(request: Web, actor: Actor, link: Link, state: Form, status_code: int = 200) -> Page:
    """Return the form; whoever sees no amount is asked for none."""
    return await page(
        request,
        "links/settings.html",
        status_code=status_code,
        form=state,
        link=link,
        customer=name_of(link),
        amounts=actor.may(MONEY),
    )


@post("/links/{link_id:uuid}/settings", **needs(CHANGE, at_once=GIVES_NOTHING))
async def set_settings(request: Web, link_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Set what was typed, or show the form again."""
    values = await typed(request)
    text = values.get("version", "")
    seen = int(text) if text.isdecimal() and len(text) < _LONGEST else 0
    async with db.transaction(actor) as connection:
        link = await links.get(connection, actor, link_id)
    try:
        wanted = _wanted(values, amounts=actor.may(MONEY))
        await link_settings.change(actor, link_id=link_id, wanted=wanted, if_version=seen)
    except PreconditionFailed:
        state = form({"sla_breach": ""} | values, Conflict("Somebody changed this link meanwhile; look at it again"))
        return await _form(request, actor, link, state, Conflict.status)
    except (Invalid, Conflict) as refusal:
        state = form({"sla_breach": ""} | values, _beside(refusal))
        return await _form(request, actor, link, state, refusal.status)
    return redirect(
        f"/links/{link_id}", gettext("Service level and alerts of %(tenant)s are set.", tenant=name_of(link))
    )


def _wanted(values: Mapping[str, str], *, amounts: bool) -> Settings:
    """Return the settings that a form holds; raises Invalid beside each field that is no number."""
    errors: dict[str, str] = {}
    hours = _number(values, "response_hours", errors)
    if hours is not None and hours != hours.to_integral_value():
        errors["response_hours"] = N_("Give 1 to 720 hours")
    target, amount = _number(values, "uptime_target", errors), _number(values, "amount", errors)
    currency = asked.clean(values.get("currency", "")).strip().upper()
    threshold = Money(amount, currency) if amount is not None else None
    wanted = Settings(
        response_hours=int(hours) if hours is not None else None,
        uptime_target=target,
        sla_breach=values.get("sla_breach") == "yes",
        billing_threshold=threshold if amounts else UNSET,
    )
    if errors:
        raise Invalid(errors=link_settings.errors(wanted) | errors)
    return wanted


def _number(values: Mapping[str, str], name: str, errors: dict[str, str]) -> Decimal | None:
    """Return the number in a field, None where it is empty; one that cannot be read is noted in `errors`."""
    text = asked.clean(values.get(name, "")).strip()
    if text and not _NUMBER.fullmatch(text):
        errors[name] = N_("Write a number, as in 99.9")
        return None
    return Decimal(text) if text else None


def _beside(refusal: Invalid | Conflict) -> Invalid | Conflict:
    """Return a refusal with what it says beside the fields of the form."""
    if isinstance(refusal, Conflict):
        return refusal
    return Invalid(refusal.detail, errors={_FIELDS.get(name, name): said for name, said in refusal.errors.items()})


ROUTES = [settings_form, set_settings]
