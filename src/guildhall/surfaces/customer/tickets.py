"""Tickets of the customer: the list, a new one, and one with its conversation (never the partner's internal notes)."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Stream

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, NotFound
from guildhall.core.ids import new_id, parse_id
from guildhall.domain.support import attaching, board, handling, tickets
from guildhall.domain.support.rules import CATEGORIES, STEPS
from guildhall.domain.tenancy.tables import PRIORITIES, TICKET_STATUSES
from guildhall.surfaces import asked
from guildhall.surfaces.downloads import download
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Pages, Sorting, sorting_of
from guildhall.surfaces.ticket_files import WITH_FILES, by_comment, refused_with, sent_files

SORTS = {"created": "created_at", "updated": "updated_at", "priority": "priority", "status": "status"}
# What a customer's person may do to the status: say that it is done, or that it is not.
OWN_STEPS = ("open", "closed")


@get("/tickets", **needs("customer.tickets.read"))
async def ticket_list(request: Web, actor: Who) -> Page:
    """Return one page of the customer's tickets."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("created", descending=True))
    number = asked.page_number(request)
    wanted = board.Filter(
        status=asked.chosen(request, "status", TICKET_STATUSES),
        priority=asked.chosen(request, "priority", PRIORITIES),
        category=asked.chosen(request, "category", CATEGORIES),
        search=asked.words(request),
        sort_by=SORTS[sorting.key],  # type: ignore[arg-type]  # the values are the domain's
        sort_order="desc" if sorting.descending else "asc",
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        found = await board.listed(connection, actor, wanted, now=clock.now())
    pages = Pages(
        shown=len(found.items),
        page=number,
        size=asked.PAGE_SIZE,
        total=found.total if found.total is not None else found.total_at_least,
    )
    return await page(
        request,
        "tickets/list.html",
        rows=found.items,
        pages=pages,
        sorting=sorting,
        statuses=TICKET_STATUSES,
        priorities=PRIORITIES,
        categories=CATEGORIES,
        may_open=actor.may("customer.tickets.create"),
    )


@get("/tickets/new", **needs("customer.tickets.create"))
async def new_ticket(request: Web) -> Page:
    """Return the form of a new ticket."""
    return await _form(request, Form())


async def _form(request: Web, state: Form, status_code: int = 200) -> Page:
    return await page(
        request,
        "tickets/new.html",
        status_code=status_code,
        form=state,
        form_key=state.text("form_key") or str(new_id()),
        priorities=PRIORITIES,
        categories=CATEGORIES,
    )


@post("/tickets/new", **WITH_FILES, **needs("customer.tickets.create"))
async def open_ticket(request: Web, actor: Who) -> Response[Any]:
    """Open a ticket; the partners with support access can answer it."""
    values = {name: asked.clean(text) for name, text in (await typed(request)).items()}
    sent = await sent_files(request)
    draft = handling.Draft(
        subject=values.get("subject", "").strip(),
        description=values.get("description", "").strip(),
        priority=values.get("priority", "normal"),
        category=values.get("category", "other"),
    )
    try:
        made = await handling.open_ticket(
            actor,
            tenant_id=own_tenant(actor),
            draft=draft,
            sent=sent,
            form=parse_id(values.get("form_key")),
            now=clock.now(),
        )
    except Invalid as refusal:
        return await _form(request, form(values, refused_with(sent, refusal)), status_code=422)
    return redirect(f"/tickets/{made.id}", gettext("Ticket #%(number)s is open.", number=made.number))


def own_tenant(actor: Actor) -> UUID:
    """Return the tenant in which the person is signed in."""
    if actor.tenant_id is None:
        raise NotFound
    return actor.tenant_id


@get("/tickets/{ticket_id:uuid}", **needs("customer.tickets.read"))
async def ticket_page(request: Web, ticket_id: FromPath[UUID], actor: Who) -> Page:
    """Return one ticket with its conversation."""
    return await _ticket(request, actor, ticket_id, Form())


async def _ticket(request: Web, actor: Actor, ticket_id: UUID, state: Form) -> Page:
    async with db.transaction(actor) as connection:
        ticket = await tickets.get(connection, actor, ticket_id, now=clock.now())
        comments = await tickets.comments(connection, actor, ticket_id)
        files = await attaching.listed(connection, actor, ticket_id)
    return await page(
        request,
        "tickets/ticket.html",
        status_code=422 if state.errors else 200,
        ticket=ticket,
        comments=comments,
        files=by_comment(files),
        form=state,
        may_comment=actor.may("customer.tickets.comment"),
        steps=[step for step in OWN_STEPS if step in STEPS[ticket.status]],
    )


@post("/tickets/{ticket_id:uuid}/comment", **WITH_FILES, **needs("customer.tickets.comment"))
async def comment(request: Web, ticket_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Answer in a ticket."""
    values = {name: asked.clean(text) for name, text in (await typed(request)).items()}
    sent = await sent_files(request)
    answer = handling.Answer(content=values.get("content", "").strip())
    try:
        change = handling.Change(comment=answer)
        await handling.update(actor, ticket_id=ticket_id, change=change, sent=sent, now=clock.now())
    except Invalid as refusal:
        return await _ticket(request, actor, ticket_id, form(values, refused_with(sent, refusal)))
    return redirect(f"/tickets/{ticket_id}", gettext("Your answer was added."))


@get("/tickets/{ticket_id:uuid}/files/{file_id:uuid}", **needs("customer.tickets.read"))
async def ticket_file(ticket_id: FromPath[UUID], file_id: FromPath[UUID], actor: Who) -> Stream:
    """Send a file of a ticket."""
    return await download(await attaching.fetch(actor, ticket_id=ticket_id, attachment_id=file_id, now=clock.now()))


@post("/tickets/{ticket_id:uuid}/status", **needs("customer.tickets.update"))
async def set_status(request: Web, ticket_id: FromPath[UUID], actor: Who) -> Redirect:
    """Close a ticket, or open it again."""
    wanted = (await typed(request)).get("status", "")
    if wanted not in OWN_STEPS:
        raise Invalid
    try:
        await handling.update(actor, ticket_id=ticket_id, change=handling.Change(status=wanted), now=clock.now())
    except Conflict as refusal:
        return redirect(f"/tickets/{ticket_id}", told(refusal), "warning")
    said = gettext("The ticket is closed.") if wanted == "closed" else gettext("The ticket is open again.")
    return redirect(f"/tickets/{ticket_id}", said)


ROUTES = [ticket_list, new_ticket, open_ticket, ticket_page, ticket_file, comment, set_status]
