"""Many tickets at once: a page that names what would come of each, then one act after the other."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from msgspec import UNSET, Struct, UnsetType

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.core.ids import parse_id
from guildhall.domain.support import bulk, tickets
from guildhall.domain.support.bulk import Done, Plan
from guildhall.domain.support.drafts import Change
from guildhall.domain.support.tickets import TicketItem
from guildhall.surfaces.console import ticket_lists
from guildhall.surfaces.console.ticket_acts import version_of
from guildhall.surfaces.console.ticket_lists import ME, NOBODY
from guildhall.surfaces.console.ticket_views import back_of
from guildhall.surfaces.console.tickets import UPDATE
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, ticked, told, typed
from guildhall.surfaces.kit.i18n import N_, gettext, ngettext

_REASONS: Mapping[str, str] = {
    "link": N_("The customer's link does not allow changing tickets"),
    "step": N_("A ticket in this status cannot come to that one"),
    "reach": N_("Whom it would be given to does not reach this customer"),
    "same": N_("It is so already"),
    "changed": N_("Somebody changed it meanwhile"),
    "absent": N_("You do not see it any more"),
}
_INCOMPLETE = N_("The form is incomplete. Reload the page and try again.")


class Row(Struct, frozen=True):
    """One ticket on the page, and why it is left out."""

    ticket: TicketItem
    why: str = ""


@get("/tickets/bulk", **needs(UPDATE))
async def ask_change(request: Web, actor: Who) -> Response[Any]:
    """Return the page that names every ticket and customer concerned, and what would come of each."""
    query = request.query_params
    back = back_of(query.get("back"))
    chosen: list[UUID] = []
    try:
        chosen = _ids(query.getall("ticket", []))
        wish = _wish(actor, query.get("status", ""), query.get("to", ""))
        async with db.transaction(actor) as connection:
            plan = await bulk.planned(connection, actor, ticket_ids=chosen, change=wish, now=clock.now())
    except Invalid as refusal:
        if 0 < len(chosen) <= bulk.MOST:
            return await _again(request, actor, chosen, refusal, back)
        return redirect(back, told(refusal), "warning")
    return await page(request, "tickets/bulk.html", **_asked(plan, wish), back=back)


async def _again(request: Web, actor: Actor, chosen: Sequence[UUID], refusal: Invalid, back: str) -> Page:
    """Return the chosen tickets, ticked, with the question and what was wrong with its answer."""
    query = request.query_params
    async with db.transaction(actor) as connection:
        rows = await tickets.several(connection, actor, chosen, now=clock.now())
        people = await ticket_lists.colleagues(connection, actor)
    errors = {{"assigned_to": "to"}.get(name, name): said for name, said in refusal.errors.items()}
    typed_in = {name: query.get(name, "") for name in ("status", "to")}
    return await page(
        request,
        "tickets/bulk_again.html",
        status_code=refusal.status,
        rows=rows,
        people=people,
        wish=form(typed_in, Invalid(refusal.detail, errors=errors), "bulk"),
        back=back,
    )


def _ids(texts: Sequence[str]) -> list[UUID]:
    """Return the ids that were ticked; raises Invalid for what is none."""
    found = [parse_id(text) for text in texts]
    if None in found:
        raise Invalid(_INCOMPLETE)
    return list(dict.fromkeys(each for each in found if each is not None))


def _wish(actor: Actor, status: str, to: str) -> Change:
    """Return what is to become of the tickets: "" leaves a field as it is."""
    person: UUID | UnsetType | None = UNSET
    if to:
        person = actor.user_id if to == ME else None if to == NOBODY else parse_id(to)
        if person is None and to != NOBODY:
            raise Invalid(_INCOMPLETE)
    return Change(status=status or UNSET, assigned_to=person)


def _asked(plan: Plan, wish: Change) -> dict[str, Any]:
    """Return what the page shows of a plan."""
    changed = [each.ticket for each in plan.items if each.reason is None]
    return {
        "changed": changed,
        "customers": len({each.tenant_id for each in changed}),
        "left": [Row(each.ticket, gettext(_REASONS[each.reason])) for each in plan.items if each.reason],
        "absent": plan.absent,
        "status": None if wish.status is UNSET else wish.status,
        "gives": wish.assigned_to is not UNSET,
        "to": str(wish.assigned_to) if wish.assigned_to not in {UNSET, None} else NOBODY,
        "person": plan.person.name if plan.person else gettext("Nobody"),
    }


@post("/tickets/bulk", **needs(UPDATE))
async def change(request: Web, actor: Who) -> Response[Any]:
    """Change the tickets one by one, and say what came of it."""
    values = await typed(request)
    back = back_of(values.get("back"))
    versions = [_version(text) for text in await ticked(request, "ticket")]
    wish = _wish(actor, values.get("status", ""), values.get("to", ""))
    done = await bulk.carry_out(actor, versions=versions, change=wish, now=clock.now())
    count = sum(each.reason is None for each in done)
    if count == len(done):
        return redirect(back, ngettext("%(num)s ticket was changed.", "%(num)s tickets were changed.", count))
    rows, absent = await _left(actor, done)
    return await page(request, "tickets/bulk_done.html", count=count, left=rows, absent=absent, back=back)


def _version(text: str) -> tuple[UUID, int]:
    """Return a ticket and the version that the page was made from; raises Invalid for what is none."""
    ticket, _, version = text.partition(":")
    found = parse_id(ticket)
    if found is None:
        raise Invalid(_INCOMPLETE)
    return found, version_of({"version": version})


async def _left(actor: Actor, done: Sequence[Done]) -> tuple[list[Row], int]:
    """Return the tickets that were not changed, each with the reason, and how many are not there any more."""
    why = {each.ticket_id: each.reason for each in done if each.reason}
    async with db.transaction(actor) as connection:
        found = await tickets.several(connection, actor, list(why), now=clock.now())
    return [Row(each, gettext(_REASONS[why[each.id]])) for each in found], len(why) - len(found)


ROUTES = [ask_change, change]
