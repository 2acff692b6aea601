"""Asking for a link, and for other terms of one that stands."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid
from guildhall.domain.access import asking, links
from guildhall.domain.access.links import Link
from guildhall.domain.access.tables import RELATIONSHIP_TYPES
from guildhall.surfaces import asked
from guildhall.surfaces.console import link_terms
from guildhall.surfaces.console.links import name_of
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, ticked, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.words import state_options

ASK = "partner.links.request"


@get("/links/new", **needs(ASK))
async def new_link(request: Web) -> Page:
    """Return the form that asks a customer for access."""
    return await _new_form(request, Form({"domain": asked.words(request, "domain")}))


async def _new_form(request: Web, state: Form, status_code: int = 200) -> Page:
    return await page(
        request,
        "links/new.html",
        status_code=status_code,
        form=state,
        roles=link_terms.role_options(),
        models=link_terms.model_options(),
        areas=link_terms.area_options(),
        relationships=state_options("relationship", RELATIONSHIP_TYPES),
    )


@post("/links/new", **needs(ASK))
async def ask_link(request: Web, actor: Who) -> Response[Any]:
    """Ask for access, or show the form again with what was typed."""
    values = await typed(request)
    out, more = await ticked(request, "leave_out"), await ticked(request, "add")
    try:
        return await _ask(actor, values, link_terms.by_area(out, more))
    except (Invalid, Conflict) as refusal:
        shown = link_terms.beside(refusal, "add") if isinstance(refusal, Invalid) else refusal
        return await _new_form(request, form(values | {"leave_out": out, "add": more}, shown), refusal.status)


async def _ask(actor: Actor, values: dict[str, str], custom: dict[str, bool]) -> Response[Any]:
    """Send the request by the way that was chosen; the answer by domain never tells who exists."""
    now = clock.now()
    role, end = values.get("access_role", ""), link_terms.moment(values, "ends_at")
    terms = link_terms.wish(values, custom, role=role, ends_at=end)
    if values.get("way") == "code":
        code = asked.clean(values.get("code", ""))
        made = await asking.request_by_code(actor, code=code, terms=terms, now=now)
        said = gettext("The request was sent to %(tenant)s. It decides.", tenant=name_of(made))
        return redirect(f"/links/{made.id}", said)
    domain, approver = asked.clean(values.get("domain", "")), asked.clean(values.get("approver", ""))
    await asking.request_by_domain(actor, domain=domain, approver=approver, terms=terms, now=now)
    return redirect(
        "/links?group=waiting",
        gettext("If this customer and this approver are known here, the request was sent. You read the answer here."),
    )


@get("/links/{link_id:uuid}/change", **needs(ASK))
async def change_form(request: Web, link_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form that asks for other terms of a standing link."""
    link = await _link(actor, link_id)
    values = {
        "permissions": link.permissions,
        "operating_model": link.operating_model,
        "ends_at": link_terms.day_of(link.ends_at),
    }
    return await _change_form(request, link, Form(values))


async def _link(actor: Actor, link_id: UUID) -> Link:
    async with db.transaction(actor) as connection:
        return await links.get(connection, actor, link_id)


async def _change_form(request: Web, link: Link, state: Form, status_code: int = 200) -> Page:
    return await page(
        request,
        "links/change.html",
        status_code=status_code,
        form=state,
        link=link,
        customer=name_of(link),
        permissions=link_terms.permission_options(),
        models=link_terms.model_options(),
    )


@post("/links/{link_id:uuid}/change", **needs(ASK))
async def ask_change(request: Web, link_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Narrow a link at once, or ask the customer for more."""
    values, chosen = await typed(request), await ticked(request, "permissions")
    link = await _link(actor, link_id)
    try:
        return await _change(actor, link, values, chosen)
    except (Invalid, Conflict) as refusal:
        shown = link_terms.beside(refusal, "permissions") if isinstance(refusal, Invalid) else refusal
        return await _change_form(request, link, form(values | {"permissions": chosen}, shown), refusal.status)


async def _change(actor: Actor, link: Link, values: dict[str, str], chosen: list[str]) -> Response[Any]:
    """Carry a change of terms out and say which of the two it was."""
    end, model, url = link_terms.new_end(values, link), values.get("operating_model", ""), f"/links/{link.id}"
    if (set(chosen), model, end) == (set(link.permissions), link.operating_model, link.ends_at):
        return redirect(url, gettext("Nothing was changed."), "info")
    custom = link_terms.exactly(link.access_role, chosen)
    terms = link_terms.wish(values, custom, role=link.access_role, ends_at=end)
    done = await asking.ask_change(actor, link_id=link.id, terms=terms, now=clock.now())
    if done == "narrowed":
        return redirect(url, gettext("The link now opens less. %(tenant)s was told.", tenant=name_of(link)))
    return redirect(
        url, gettext("%(tenant)s was asked. Until it answers, the link stays as it is.", tenant=name_of(link))
    )


ROUTES = [new_link, ask_link, change_form, ask_change]
