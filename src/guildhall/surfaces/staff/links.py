"""Links over all partners: the list, the page of one, a beta link made by staff, and stopping one."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, NotFound
from guildhall.core.ids import parse_id
from guildhall.domain.access import links, oversight, pausing
from guildhall.domain.access.states import STANDING, STATES
from guildhall.domain.access.tables import OPERATING_MODELS, RELATIONSHIP_TYPES
from guildhall.domain.access.terms import Terms
from guildhall.domain.audit import reading
from guildhall.domain.audit.reading import Chain
from guildhall.domain.partners import directory as partners
from guildhall.domain.rbac.registry import LINK_ROLES, Area
from guildhall.domain.tenancy import directory as tenants
from guildhall.surfaces import asked
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Option, Pages, Sorting, sorting_of
from guildhall.surfaces.question import Question, answer, ask
from guildhall.surfaces.trail import told
from guildhall.surfaces.words import area_label, role_label

STATUSES = tuple(dict.fromkeys(("requested", "countered", "active", "expiring", *STATES)))
SORTS = {"partner": "partner_name", "customer": "tenant_name", "created": "created_at", "ends": "ends_at"}
_STEPS = {
    "revoke": (
        N_("Revoke this link?"),
        N_("Revoke"),
        N_("The link is revoked from the partner's next request."),
    ),
    "pause": (N_("Pause this link?"), N_("Pause"), N_("The link is paused.")),
    "resume": (N_("Resume this link?"), N_("Resume"), N_("The link works again.")),
}
_MOST = 200
_HISTORY = 20


@get("/links", **needs("staff.links.read"))
async def link_list(request: Web, actor: Who) -> Page:
    """Return one page of all links."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("created", descending=True))
    number = asked.page_number(request)
    wanted = links.Filter(
        statuses=asked.chosen(request, "state", STATUSES),
        search=asked.words(request),
        partner_id=asked.identity(request, "partner"),
        tenant_id=asked.identity(request, "tenant"),
        sort_by=SORTS[sorting.key],
        sort_order="desc" if sorting.descending else "asc",
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        rows, total = await links.listed(connection, actor, wanted)
    pages = Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total)
    return await page(request, "links/list.html", rows=rows, pages=pages, sorting=sorting, states=STATUSES, actor=actor)


@get("/links/{link_id:uuid}", **needs("staff.links.read"))
async def link_page(request: Web, link_id: FromPath[UUID], actor: Who) -> Page:
    """Return one link with its terms and its history in the partner's chain."""
    async with db.transaction(actor) as connection:
        link = await links.get(connection, actor, link_id)
        chain = Chain("partner", link.partner_id)
        wanted = reading.Filter(chain=chain, text=str(link_id), action="link", limit=_HISTORY)
        history = await reading.listed(connection, actor, wanted)
    return await page(
        request,
        "links/link.html",
        link=link,
        history=told(history.items),
        areas=[(area_label(area), area in link.areas) for area in Area],
        steps=[step for step in _STEPS if _fits(actor, link, step)],
        labels={name: step[1] for name, step in _STEPS.items()},
        actor=actor,
    )


def _fits(actor: Actor, link: links.Link, step: str) -> bool:
    """Return whether this person may take a step on the link now."""
    if not actor.may("staff.links.revoke") or link.status not in STANDING or link.shown_status == "expired":
        return False
    if step == "resume":
        return link.status == "paused" and link.paused_by == "staff"
    return step == "revoke" or link.status == "active"


def _question(link_id: UUID, step: str) -> Question:
    """Return what is asked before a step; raises NotFound for one that there is not."""
    if step not in _STEPS:
        raise NotFound
    title, label, done = _STEPS[step]
    return Question(
        title=gettext(title),
        text=gettext("It binds on the next request. Both sides read your reason in their trail."),
        label=gettext(label),
        back=f"/links/{link_id}",
        done=gettext(done),
        reason=step != "resume",
        kind="primary" if step == "resume" else "danger-solid",
    )


@get("/links/{link_id:uuid}/{step:str}", **needs("staff.links.revoke"))
async def ask_step(request: Web, link_id: FromPath[UUID], step: FromPath[str], actor: Who) -> Page:
    """Return the page that asks before a link is stopped or resumed."""
    async with db.transaction(actor) as connection:
        await links.get(connection, actor, link_id)
    return await ask(request, _question(link_id, step))


@post(
    "/links/{link_id:uuid}/{step:str}",
    **needs("staff.links.revoke", fresh=("revoke", "resume"), at_once=GIVES_NOTHING),
)
async def take_step(request: Web, link_id: FromPath[UUID], step: FromPath[str], actor: Who) -> Response[Any]:
    """Revoke, pause or resume a link, with a reason."""

    async def act(reason: str) -> None:
        if step == "revoke":
            await oversight.revoke(actor, link_id=link_id, reason=reason, now=clock.now())
        elif step == "pause":
            await pausing.pause(actor, link_id=link_id, reason=reason)
        else:
            await pausing.resume(actor, link_id=link_id, now=clock.now())

    return await answer(request, _question(link_id, step), act)


@get("/links/new", **needs("staff.links.create"))
async def new_link(request: Web, actor: Who) -> Page:
    """Return the form of a beta link."""
    return await _form(request, actor, Form({"domain": asked.words(request, "domain")}))


async def _form(request: Web, actor: Actor, state: Form) -> Page:
    async with db.transaction(actor) as connection:
        found, _ = await partners.partners(connection, actor, partners.Filter(status="active", limit=_MOST))
    return await page(
        request,
        "links/new.html",
        status_code=422 if state.errors else 200,
        form=state,
        partners=[Option(str(each.id), each.name) for each in found],
        roles=[Option(role, role_label(role)) for role in LINK_ROLES if role != "delegate"],
        models=OPERATING_MODELS,
        relationships=RELATIONSHIP_TYPES,
    )


@post("/links/new", **needs("staff.links.create", fresh=True))
async def create_link(request: Web, actor: Who) -> Response[Any]:
    """Create an active link for a beta partner; the customer is told and can revoke it."""
    values = {name: asked.clean(text) for name, text in (await typed(request)).items()}
    try:
        async with db.transaction(actor) as connection:
            tenant_id = await _tenant_of(connection, actor, values.get("domain", ""))
        made = await oversight.create_beta(
            actor, partner_id=_partner(values), tenant_id=tenant_id, terms=_terms(values), now=clock.now()
        )
    except Conflict as refusal:
        return await _form(request, actor, form(values, Invalid(errors={"domain": refusal.detail})))
    except Invalid as refusal:
        names = {"tenant_id": "domain", "custom_permissions": "access_role"}
        errors = {names.get(name, name): said for name, said in refusal.errors.items()}
        return await _form(request, actor, form(values, Invalid(errors=errors)))
    return redirect(f"/links/{made}", gettext("The link is live. The customer was told and can revoke it."))


async def _tenant_of(connection: AsyncConnection, actor: Actor, domain: str) -> UUID:
    """Return the customer with this domain; raises Invalid where there is none."""
    wanted = domain.strip().lower()
    found, _ = await tenants.tenants(connection, actor, tenants.Filter(search=wanted, limit=_MOST))
    for each in found:
        if wanted and each.domain == wanted:
            return each.id
    raise Invalid(errors={"domain": N_("No customer has this domain")})


def _partner(values: dict[str, str]) -> UUID:
    """Return the partner that was chosen; raises Invalid where none was."""
    partner_id = parse_id(values.get("partner_id", ""))
    if partner_id is None:
        raise Invalid(errors={"partner_id": N_("Choose one of the list")})
    return partner_id


def _terms(values: dict[str, str]) -> Terms:
    """Return the terms that were typed."""
    return Terms(
        access_role=values.get("access_role", ""),
        operating_model=values.get("operating_model", ""),
        relationship_type=values.get("relationship_type", ""),
        ends_at=_end(values.get("ends_at", "")),
        reason=values.get("reason", "").strip(),
    )


def _end(text: str) -> datetime | None:
    """Return the end of the day that was typed; raises Invalid for what is none."""
    try:
        day = asked.day_in(text)
        return asked.start_of(day + timedelta(days=1)) if day else None
    except (Invalid, OverflowError):
        raise Invalid(errors={"ends_at": N_("Write the last day as year-month-day")}) from None


ROUTES = [link_list, new_link, create_link, link_page, ask_step, take_step]
