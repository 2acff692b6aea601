"""Tickets inside a customer: the list, opening one, and its page."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, NotFound
from guildhall.domain.access.gates import Standing
from guildhall.domain.support import board, handling, tickets
from guildhall.domain.support.rules import CATEGORIES, STEPS
from guildhall.domain.support.tickets import Ticket
from guildhall.domain.tenancy.tables import PRIORITIES
from guildhall.surfaces import asked
from guildhall.surfaces.console import ticket_lists
from guildhall.surfaces.console.tenants import opens, tenant_page
from guildhall.surfaces.entry import Where, Who, needs
from guildhall.surfaces.html import Page, Web, form, redirect, typed
from guildhall.surfaces.kit.formats import datetime
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Option
from guildhall.surfaces.words import category_options, state_options

UPDATE, COMMENT = "partner.support.tickets.update", "partner.support.tickets.comment"


@get("/t/{tenant_id:uuid}/tickets", **needs("partner.support.tickets.list"))
async def ticket_list(request: Web, tenant_id: FromPath[UUID], actor: Who, tenant: Where) -> Page:
    """Return one page of a customer's tickets."""
    wanted = ticket_lists.wanted(request, actor, tenant_id)
    async with db.transaction(actor) as connection:
        found = await board.listed(connection, actor, wanted, now=clock.now())
    context = ticket_lists.context(request, found)
    return await tenant_page(request, "tickets", actor, tenant, "tickets", **context)


@get("/t/{tenant_id:uuid}/tickets/new", **needs("partner.support.tickets.create"))
async def new_ticket(request: Web, tenant_id: FromPath[UUID], actor: Who, tenant: Where) -> Page:
    """Return the form that opens a ticket."""
    del tenant_id  # the gates took it from the path
    return await _form(request, actor, tenant, Form())


async def _form(request: Web, actor: Actor, tenant: Standing, state: Form, status_code: int = 200) -> Page:
    return await tenant_page(
        request,
        "ticket_new",
        actor,
        tenant,
        "tickets",
        status_code=status_code,
        form=state,
        priorities=state_options("priority", PRIORITIES),
        categories=category_options(CATEGORIES),
    )


@post("/t/{tenant_id:uuid}/tickets/new", **needs("partner.support.tickets.create"))
async def open_ticket(request: Web, tenant_id: FromPath[UUID], actor: Who, tenant: Where) -> Response[Any]:
    """Open a ticket and lead to it, or show the form again with what was typed."""
    values = await typed(request)
    draft = handling.Draft(
        subject=asked.clean(values.get("subject", "")),
        description=asked.clean(values.get("description", "")),
        priority=values.get("priority", ""),
        category=values.get("category", ""),
        tags=tuple(tag for part in asked.clean(values.get("tags", "")).split(",") if (tag := part.strip())),
        notify_customer=values.get("notify_customer") == "yes",
    )
    try:
        made = await handling.open_ticket(actor, tenant_id=tenant_id, draft=draft, now=clock.now())
    except Invalid as refusal:
        kept = values | {"notify_customer": values.get("notify_customer")}
        return await _form(request, actor, tenant, form(kept, refusal), refusal.status)
    due = datetime(made.sla_breach_at)
    said = gettext("Ticket #%(number)s is open. Its clock runs out at %(due)s.", number=made.number, due=due)
    return redirect(f"/t/{tenant_id}/tickets/{made.id}", said)


@get("/t/{tenant_id:uuid}/tickets/{ticket_id:uuid}", **needs("partner.support.tickets.read"))
async def ticket_page(
    request: Web, tenant_id: FromPath[UUID], ticket_id: FromPath[UUID], actor: Who, tenant: Where
) -> Page:
    """Return one ticket with its clock and its conversation."""
    del tenant_id
    return await shown(request, actor, tenant, ticket_id)


async def of_tenant(connection: AsyncConnection, actor: Actor, tenant: Standing, ticket_id: UUID) -> Ticket:
    """Return a ticket of this tenant; one of another answers as one that does not exist."""
    found = await tickets.get(connection, actor, ticket_id, now=clock.now())
    if found.tenant_id != tenant.tenant_id:
        raise NotFound(code="TICKET_NOT_FOUND")
    return found


async def shown(
    request: Web,
    actor: Actor,
    tenant: Standing,
    ticket_id: UUID,
    *,
    status_code: int = 200,
    answer: Form | None = None,
    change: Form | None = None,
    changed: tuple[tuple[str, str, str], ...] = (),
) -> Page:
    """Return a ticket's page, with forms as they were typed and what somebody else changed meanwhile."""
    async with db.transaction(actor) as connection:
        found = await of_tenant(connection, actor, tenant, ticket_id)
        said = await tickets.comments(connection, actor, ticket_id)
        may_change = opens(actor, tenant, UPDATE)
        people = await tickets.assignees(connection, actor, tenant_id=tenant.tenant_id) if may_change else []
    return await tenant_page(
        request,
        "ticket",
        actor,
        tenant,
        "tickets",
        status_code=status_code,
        ticket=found,
        comments=said,
        answer=answer or Form(prefix="answer"),
        change=change or Form(_values(found), {}, "change"),
        changed=changed,
        may_change=may_change,
        may_answer=opens(actor, tenant, COMMENT),
        statuses=state_options("ticket", (found.status, *STEPS[found.status])),
        priorities=state_options("priority", PRIORITIES),
        people=_people(found, [Option(str(each.id), each.name) for each in people]),
    )


def _values(found: Ticket) -> dict[str, str]:
    """Return what the form shows of a ticket before anybody changed it."""
    return {"status": found.status, "priority": found.priority, "assigned_to": str(found.assigned_to_id or "")}


def _people(found: Ticket, options: list[Option]) -> list[Option]:
    """Return whom the ticket may be given to, with whoever has it now in any case."""
    known = {option.value for option in options}
    if found.assigned_to_id is not None and str(found.assigned_to_id) not in known:
        options.append(Option(str(found.assigned_to_id), found.assigned_to_name or ""))
    return options


ROUTES = [ticket_list, new_ticket, open_ticket, ticket_page]
