"""Tickets inside a customer: the list, and the page of one."""

from uuid import UUID

from litestar import get
from litestar.params import FromPath
from litestar.response import Stream
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import NotFound
from guildhall.domain.access.gates import Standing
from guildhall.domain.support import attaching, board, tickets
from guildhall.domain.support.rules import STEPS
from guildhall.domain.support.tickets import Ticket
from guildhall.domain.tenancy.tables import PRIORITIES
from guildhall.surfaces.console import ticket_lists
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.console.tenants import opens, tenant_page
from guildhall.surfaces.downloads import download
from guildhall.surfaces.entry import Where, Who, needs
from guildhall.surfaces.html import Page, Web
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.tables import Option
from guildhall.surfaces.ticket_files import by_comment
from guildhall.surfaces.words import state_options

UPDATE, COMMENT = ticket_lists.UPDATE, "partner.support.tickets.comment"


@get("/t/{tenant_id:uuid}/tickets", **needs("partner.support.tickets.list"))
async def ticket_list(request: Web, tenant_id: FromPath[UUID], actor: Who, tenant: Where) -> Page:
    """Return one page of a customer's tickets."""
    wanted = ticket_lists.wanted(request, actor, tenant_id)
    async with framed(request, actor) as connection:
        found = await board.listed(connection, actor, wanted, now=clock.now())
        people = await ticket_lists.colleagues(connection, actor, tenant_id)
    context = ticket_lists.context(request, found, people)
    return await tenant_page(request, "tickets", actor, tenant, "tickets", **context)


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
        files = await attaching.listed(connection, actor, ticket_id)
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
        files=by_comment(files),
        answer=answer or Form(prefix="answer"),
        change=change or Form(_values(found), {}, "change"),
        changed=changed,
        may_change=may_change,
        may_answer=opens(actor, tenant, COMMENT),
        statuses=state_options("ticket", (found.status, *STEPS[found.status])),
        priorities=state_options("priority", PRIORITIES),
        people=_people(found, [Option(str(each.id), each.name) for each in people]),
    )


@get("/t/{tenant_id:uuid}/tickets/{ticket_id:uuid}/files/{file_id:uuid}", **needs("partner.support.tickets.read"))
async def ticket_file(
    tenant_id: FromPath[UUID], ticket_id: FromPath[UUID], file_id: FromPath[UUID], actor: Who
) -> Stream:
    """Send a file of a ticket."""
    fetched = await attaching.fetch(
        actor, ticket_id=ticket_id, attachment_id=file_id, tenant_id=tenant_id, now=clock.now()
    )
    return await download(fetched)


def _values(found: Ticket) -> dict[str, str]:
    """Return what the form shows of a ticket before anybody changed it."""
    return {"status": found.status, "priority": found.priority, "assigned_to": str(found.assigned_to_id or "")}


def _people(found: Ticket, options: list[Option]) -> list[Option]:
    """Return whom the ticket may be given to, with whoever has it now in any case."""
    known = {option.value for option in options}
    if found.assigned_to_id is not None and str(found.assigned_to_id) not in known:
        options.append(Option(str(found.assigned_to_id), found.assigned_to_name or ""))
    return options


ROUTES = [ticket_list, ticket_page, ticket_file]
