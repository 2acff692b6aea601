"""Tickets of all the partner's customers, or of the one in context."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from guildhall.core import db
from guildhall.core.errors import Invalid
from guildhall.domain.access.scope import named_tenants
from guildhall.domain.support import board, handling, tickets
from guildhall.domain.support.rules import Category
from guildhall.domain.tenancy.tables import Priority, TicketStatus
from guildhall.surfaces.api.operations import PREFIX, Answer, Call, Endpoint, Operation, serves
from guildhall.surfaces.api.reading import Cursor, Limit, Line, Offset, Search, SortOrder, TenantIds
from guildhall.surfaces.api.v1.ticket_shapes import TicketDetail, TicketPage, detailed, listed_as, summed
from guildhall.surfaces.entry import needs

GROUP = "Support tickets"
PATH = "/partner/support/tickets"
LIST_PERMISSION = "partner.support.tickets.list"
Tag = Annotated[str, Meta(min_length=1, max_length=40)]


class TicketsQuery(Struct, frozen=True):
    """Which tickets to list, and in which order."""

    tenant_ids: TenantIds = ()
    status: Annotated[tuple[TicketStatus, ...], Meta(description="Only tickets in these states.")] = ()
    priority: Annotated[tuple[Priority, ...], Meta(description="Only these priorities.")] = ()
    category: Annotated[tuple[Category, ...], Meta(description="Only these categories.")] = ()
    assigned_to: Annotated[
        UUID | UnsetType, Meta(description="Only tickets of this person of your own organisation.")
    ] = UNSET
    created_from: Annotated[datetime, Meta(tz=True, description="Opened at this time or later.")] | UnsetType = UNSET
    created_to: Annotated[datetime, Meta(tz=True, description="Opened before this time.")] | UnsetType = UNSET
    search: Annotated[Search, Meta(description="Part of the subject, or a ticket's number.")] = ""
    breached: Annotated[
        bool | UnsetType, Meta(description="Only tickets whose clock ran out (`true`) or did not (`false`).")
    ] = UNSET
    sort_by: Annotated[board.SortBy, Meta(description="What to sort by.")] = "created_at"
    sort_order: SortOrder = "desc"
    limit: Limit = 50
    offset: Offset = 0
    cursor: Cursor = ""


LIST = Operation(
    id="listTickets",
    method="GET",
    path=PATH,
    group=GROUP,
    summary="List tickets",
    description="Tickets of every customer whose link opens support, of those in `tenant_ids`, or of the one in "
    "`X-Active-Tenant-Id`. `aggregates` are over the whole filter, its `status` left out. `total` counts to 10,000: "
    "beyond, it is null and `total_at_least` says so.",
    mark=needs(LIST_PERMISSION),
    query=TicketsQuery,
    answer=TicketPage,
    codes=("TENANT_CONTEXT_MISMATCH",),
)


@serves(LIST)
async def list_tickets(call: Call[TicketsQuery, None]) -> TicketPage:
    """Return one page of tickets."""
    asked = call.query
    tenant_ids = call.narrowed(asked.tenant_ids)
    async with db.transaction(call.actor) as connection:
        if tenant_ids and call.tenant is None:
            await named_tenants(connection, call.actor, tenant_ids=tenant_ids, needs=LIST_PERMISSION)
        page = await board.listed(connection, call.actor, _filter(asked, tenant_ids), now=call.now)
    return TicketPage(
        items=[listed_as(item) for item in page.items],
        total=page.total,
        total_at_least=page.total_at_least,
        limit=asked.limit,
        offset=None if asked.cursor else asked.offset,
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
        aggregates=summed(page.aggregates),
    )


def _filter(asked: TicketsQuery, tenant_ids: tuple[UUID, ...]) -> board.Filter:
    """Return what was asked in the domain's words."""
    return board.Filter(
        tenant_ids=tenant_ids,
        status=asked.status,
        priority=asked.priority,
        category=asked.category,
        assigned_to=asked.assigned_to or None,
        created_from=asked.created_from or None,
        created_to=asked.created_to or None,
        search=asked.search,
        breached=None if asked.breached is UNSET else asked.breached,
        sort_by=asked.sort_by,
        sort_order=asked.sort_order,
        limit=asked.limit,
        offset=asked.offset,
        cursor=asked.cursor,
    )


GET = Operation(
    id="getTicket",
    method="GET",
    path=PATH + "/{ticket_id}",
    group=GROUP,
    summary="Read one ticket",
    description="The ticket with what was written in it, oldest first. Send its ETag with a PATCH.",
    mark=needs("partner.support.tickets.read"),
    answer=TicketDetail,
    codes=("TICKET_NOT_FOUND",),
    versioned=True,
)


@serves(GET)
async def get_ticket(call: Call[None, None]) -> Answer:
    """Return one ticket."""
    return await _shown(call, call.id("ticket_id", "TICKET_NOT_FOUND"))


async def _shown(call: Call[Any, Any], ticket_id: UUID) -> Answer:
    """Return a ticket as it stands, unless the context is another tenant's."""
    async with db.transaction(call.actor) as connection:
        found = await tickets.get(connection, call.actor, ticket_id, now=call.now)
        call.within(found.tenant_id, "TICKET_NOT_FOUND")
        said = await tickets.comments(connection, call.actor, ticket_id)
    return Answer(detailed(found, said), found.version)


class NewTicket(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ticket to be opened."""

    subject: Annotated[Line, Meta(description="What it is about, in one line.")]
    description: Annotated[str, Meta(max_length=20_000, description="What happened, in full.")] = ""
    priority: Annotated[Priority, Meta(description="Sets the clock: 1, 4, 8 or 24 hours, or what the link agreed.")] = (
        "normal"
    )
    category: Annotated[Category, Meta(description="What kind of thing it is about.")] = "other"
    customer_id: Annotated[UUID | None, Meta(description="The tenant's subscriber whom it concerns.")] = None
    tags: Annotated[tuple[Tag, ...], Meta(max_length=20, description="Words of your own, 20 at most.")] = ()
    notify_customer: Annotated[bool, Meta(description="Whether the customer hears of it.")] = True


CREATE = Operation(
    id="createTicket",
    method="POST",
    path=PATH,
    group=GROUP,
    summary="Open a ticket",
    description="Opens a ticket in the tenant that `X-Active-Tenant-Id` names; its clock starts now.",
    mark=needs("partner.support.tickets.create", write_in_tenant=True),
    status=201,
    body=NewTicket,
    answer=TicketDetail,
    codes=("TENANT_CONTEXT_REQUIRED",),
    versioned=True,
    sent={"subject": "Packet loss at the core switch", "priority": "urgent", "category": "network", "tags": ["core"]},
)


@serves(CREATE)
async def create_ticket(call: Call[None, NewTicket]) -> Answer:
    """Open a ticket in the tenant in context."""
    asked = call.body
    draft = handling.Draft(
        subject=asked.subject,
        description=asked.description,
        priority=asked.priority,
        category=asked.category,
        subscriber_id=asked.customer_id,
        tags=asked.tags,
        notify_customer=asked.notify_customer,
    )
    try:
        made = await handling.open_ticket(call.actor, tenant_id=call.standing.tenant_id, draft=draft, now=call.now)
    except Invalid as wrong:
        raise Invalid(errors={_ours(name): said for name, said in wrong.errors.items()}) from None
    return Answer(detailed(made, []), made.version, {"Location": f"{PREFIX}{PATH}/{made.id}"})


def _ours(name: str) -> str:
    """Return the name that callers use for a field of the domain."""
    return {"subscriber_id": "customer_id"}.get(name, name)


class NewComment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to write in a ticket; an internal note never reaches the customer."""

    content: Annotated[str, Meta(min_length=1, max_length=20_000, description="What to write.")]
    is_internal: bool = False
    notify_customer: bool = True


class TicketChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays. `assigned_to` null gives the ticket back to nobody."""

    status: Annotated[TicketStatus, Meta(description="The next state, if the present one allows it.")] | UnsetType = (
        UNSET
    )
    priority: Annotated[Priority, Meta(description="Moves the clock.")] | UnsetType = UNSET
    assigned_to: (
        Annotated[UUID, Meta(description="Somebody of your own organisation; null for nobody.")] | UnsetType | None
    ) = UNSET
    comment: Annotated[NewComment | None, Meta(description="Something to write in it.")] = None


UPDATE = Operation(
    id="updateTicket",
    method="PATCH",
    path=PATH + "/{ticket_id}",
    group=GROUP,
    summary="Change or answer a ticket",
    description="All of it is one act. A comment needs `partner.support.tickets.comment`, every other field "
    "`partner.support.tickets.update`. An internal note alone leaves ETag and `updated_at` as they are.",
    mark=needs("partner.support.tickets.update", "partner.support.tickets.comment", write_in_tenant=True),
    body=TicketChange,
    answer=TicketDetail,
    codes=("TICKET_NOT_FOUND", "CONFLICT", "TENANT_CONTEXT_REQUIRED"),
    versioned=True,
    sent={"status": "pending", "comment": {"content": "Waiting for the spare part."}},
)


@serves(UPDATE)
async def update_ticket(call: Call[None, TicketChange]) -> Answer:
    """Change a ticket of the tenant in context, answer it, or both."""
    ticket_id = call.id("ticket_id", "TICKET_NOT_FOUND")
    async with db.transaction(call.actor) as connection:
        current = await tickets.get(connection, call.actor, ticket_id, now=call.now)
    call.within(current.tenant_id, "TICKET_NOT_FOUND")
    asked = call.body
    await handling.update(
        call.actor,
        ticket_id=ticket_id,
        change=handling.Change(
            status=asked.status,
            priority=asked.priority,
            assigned_to=asked.assigned_to,
            comment=None if asked.comment is None else _comment(asked.comment),
        ),
        if_version=None if call.matches is None else call.expects(current.version),
        now=call.now,
    )
    return await _shown(call, ticket_id)


def _comment(asked: NewComment) -> handling.Answer:
    """Return a comment in the domain's words."""
    return handling.Answer(content=asked.content, is_internal=asked.is_internal, notify_customer=asked.notify_customer)


ENDPOINTS: tuple[Endpoint, ...] = (list_tickets, get_ticket, create_ticket, update_ticket)
