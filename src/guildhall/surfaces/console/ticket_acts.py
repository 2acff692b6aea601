"""Answering a ticket, and changing its status, its priority or whose it is."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Response, post
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, PreconditionFailed, Refusal
from guildhall.core.ids import parse_id
from guildhall.domain.access.gates import Standing
from guildhall.domain.support import handling
from guildhall.domain.support.handling import Answer, Change
from guildhall.domain.support.tickets import Ticket
from guildhall.surfaces import asked
from guildhall.surfaces.console.tickets import COMMENT, UPDATE, of_tenant, shown
from guildhall.surfaces.entry import Where, Who, needs
from guildhall.surfaces.html import Page, Web, form, redirect, typed
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.states import state_label
from guildhall.surfaces.ticket_files import WITH_FILES, refused_with, sent_files

_NOT_A_CHOICE = N_("Choose one of the list")
_OVERTAKEN = N_("Somebody changed this ticket meanwhile. Look at it, then save again.")
_LARGEST_VERSION = 2_000_000_000


async def _of_tenant(actor: Actor, tenant: Standing, ticket_id: UUID) -> Ticket:
    """Return the ticket as it stands, if it is this tenant's."""
    async with db.transaction(actor) as connection:
        return await of_tenant(connection, actor, tenant, ticket_id)


@post("/t/{tenant_id:uuid}/tickets/{ticket_id:uuid}/comment", **WITH_FILES, **needs(COMMENT))
async def comment(
    request: Web, tenant_id: FromPath[UUID], ticket_id: FromPath[UUID], actor: Who, tenant: Where
) -> Response[Any]:
    """Write an answer to the customer, or a note for the own side."""
    values, sent = await typed(request), await sent_files(request)
    await _of_tenant(actor, tenant, ticket_id)
    internal = values.get("audience") == "internal"
    answer = Answer(
        content=asked.clean(values.get("content", "")),
        is_internal=internal,
        notify_customer=values.get("notify_customer") == "yes",
    )
    try:
        await handling.update(actor, ticket_id=ticket_id, change=Change(comment=answer), sent=sent, now=clock.now())
    except Invalid as refusal:
        state = form(values, refused_with(sent, refusal), "answer")
        return await shown(request, actor, tenant, ticket_id, status_code=refusal.status, answer=state)
    said = gettext("The note was kept; the customer does not see it.") if internal else gettext("The answer was sent.")
    return redirect(f"/t/{tenant_id}/tickets/{ticket_id}#conversation", said)


@post("/t/{tenant_id:uuid}/tickets/{ticket_id:uuid}/change", **needs(UPDATE))
async def change(
    request: Web, tenant_id: FromPath[UUID], ticket_id: FromPath[UUID], actor: Who, tenant: Where
) -> Response[Any]:
    """Change a ticket, unless somebody else did since the form was shown."""
    values = await typed(request)
    current = await _of_tenant(actor, tenant, ticket_id)
    try:
        wish = _wish(values)
        if wish == Change():
            return redirect(f"/t/{tenant_id}/tickets/{ticket_id}", gettext("Nothing was changed."), "info")
        await handling.update(actor, ticket_id=ticket_id, change=wish, if_version=version_of(values), now=clock.now())
    except PreconditionFailed as refusal:
        return await _overtaken(request, actor, tenant, current, values, refusal)
    except (Invalid, Conflict) as refusal:
        state = form(values, refusal, "change")
        return await shown(request, actor, tenant, ticket_id, status_code=refusal.status, change=state)
    return redirect(f"/t/{tenant_id}/tickets/{ticket_id}", gettext("The ticket was changed."))


def _wish(values: Mapping[str, str]) -> Change:
    """Return what was changed in the form: what differs from what it showed."""
    return Change(
        status=_changed(values, "status"),
        priority=_changed(values, "priority"),
        assigned_to=_person(_changed(values, "assigned_to")),
    )


def _changed(values: Mapping[str, str], name: str) -> str | UnsetType:
    """Return a field's new value, or UNSET where it is as it was shown."""
    value = values.get(name)
    return UNSET if value is None or value == values.get(f"was_{name}") else value


def _person(value: str | UnsetType) -> UUID | UnsetType | None:
    """Return the person chosen, None for nobody; raises Invalid for what is no id."""
    if isinstance(value, UnsetType):
        return UNSET
    found = parse_id(value)
    if value and found is None:
        raise Invalid(errors={"assigned_to": _NOT_A_CHOICE})
    return found


def version_of(values: Mapping[str, str]) -> int:
    """Return the version that the form was made from; raises Invalid for what is none."""
    text = values.get("version", "")
    if not (text.isascii() and text.isdigit() and int(text[:12]) <= _LARGEST_VERSION):
        raise Invalid(N_("The form is incomplete. Reload the page and try again."))
    return int(text)


async def _overtaken(
    request: Web, actor: Actor, tenant: Standing, current: Ticket, values: Mapping[str, str], refusal: Refusal
) -> Page:
    """Return the page again: what somebody else changed, and what was typed, ready to be sent once more."""
    return await shown(
        request,
        actor,
        tenant,
        current.id,
        status_code=refusal.status,
        change=form(
            values, Refusal(N_("Somebody changed this ticket meanwhile. Look at it, then save again.")), "change"
        ),
        changed=_differences(values, current),
    )


def _differences(values: Mapping[str, str], current: Ticket) -> tuple[tuple[str, str, str], ...]:
    """Return what changed since the form was shown, as label, before and now."""
    rows = (
        (gettext("Status"), "ticket", values.get("was_status", ""), current.status),
        (gettext("Priority"), "priority", values.get("was_priority", ""), current.priority),
    )
    found = [
        (label, state_label(family, before), state_label(family, now))
        for label, family, before, now in rows
        if before and before != now
    ]
    if values.get("was_assigned_to", "") != str(current.assigned_to_id or ""):
        nobody = gettext("Nobody")
        found.append((gettext("Assigned to"), values.get("was_name") or nobody, current.assigned_to_name or nobody))
    return tuple(found)


ROUTES = [comment, change]
