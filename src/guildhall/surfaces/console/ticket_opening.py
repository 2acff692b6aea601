"""Opening a ticket inside a customer, about one of its subscribers if wanted."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec.structs import replace

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, Invalid
from guildhall.core.ids import new_id, parse_id
from guildhall.domain.access.gates import Standing
from guildhall.domain.audit.looks import looked
from guildhall.domain.provisioning.subscribers import Subscriber
from guildhall.domain.rbac.registry import PARTNER
from guildhall.domain.reports import tenant_lists
from guildhall.domain.support import handling
from guildhall.domain.support.rules import CATEGORIES
from guildhall.domain.tenancy.tables import PRIORITIES
from guildhall.surfaces import asked
from guildhall.surfaces.console.tenants import opens, tenant_page
from guildhall.surfaces.entry import Where, Who, needs
from guildhall.surfaces.html import Page, Web, form, redirect, typed
from guildhall.surfaces.kit.formats import datetime
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Option
from guildhall.surfaces.ticket_files import WITH_FILES, refused_with, sent_files
from guildhall.surfaces.words import category_options, state_options

SUBSCRIBERS = "partner.provisioning.subscribers.list"
_MOST = 20  # subscribers to choose among
_LONGEST = 200
_NOBODY = N_("No subscriber of this customer has this name or e-mail")
_SEVERAL = N_("Several subscribers fit. Choose one of them.")


@get("/t/{tenant_id:uuid}/tickets/new", **needs("partner.support.tickets.create"))
async def new_ticket(request: Web, tenant_id: FromPath[UUID], actor: Who, tenant: Where) -> Page:
    """Return the form that opens a ticket."""
    del tenant_id  # the gates took it from the path
    return await _form(request, actor, tenant, Form())


async def _form(
    request: Web,
    actor: Actor,
    tenant: Standing,
    state: Form,
    status_code: int = 200,
    *,
    fitting: tuple[Subscriber, ...] = (),
) -> Page:
    """Return the form; `fitting` are the subscribers that what was typed may mean."""
    return await tenant_page(
        request,
        "ticket_new",
        actor,
        tenant,
        "tickets",
        status_code=status_code,
        form=state,
        form_key=state.text("form_key") or str(new_id()),
        priorities=state_options("priority", PRIORITIES),
        categories=category_options(CATEGORIES),
        names_subscribers=opens(actor, tenant, SUBSCRIBERS),
        fitting=[Option(str(each.id), f"{each.name} ({each.email})") for each in fitting],
    )


@post(
    "/t/{tenant_id:uuid}/tickets/new",
    **WITH_FILES,
    **needs("partner.support.tickets.create"),
)
async def open_ticket(request: Web, tenant_id: FromPath[UUID], actor: Who, tenant: Where) -> Response[Any]:
    """Open a ticket and lead to it, or show the form again with what was typed."""
    values = {name: asked.clean(text) for name, text in (await typed(request)).items()}
    sent, fitting = await sent_files(request), await _fitting(actor, tenant, values)
    try:
        draft = replace(_draft(values), subscriber_id=_subscriber(values, fitting))
        made = await handling.open_ticket(
            actor, tenant_id=tenant_id, draft=draft, sent=sent, form=parse_id(values.get("form_key")), now=clock.now()
        )
    except Invalid as refusal:
        errors = {_shown(name): said for name, said in refusal.errors.items()}
        kept = values | {"notify_customer": values.get("notify_customer")}
        state = form(kept, refused_with(sent, Invalid(refusal.detail, errors=errors)))
        return await _form(request, actor, tenant, state, refusal.status, fitting=fitting)
    due = datetime(made.sla_breach_at)
    said = gettext("Ticket #%(number)s is open. Its clock runs out at %(due)s.", number=made.number, due=due)
    return redirect(f"/t/{tenant_id}/tickets/{made.id}", said)


def _draft(values: Mapping[str, str]) -> handling.Draft:
    """Return what was typed as a draft."""
    return handling.Draft(
        subject=values.get("subject", ""),
        description=values.get("description", ""),
        priority=values.get("priority", ""),
        category=values.get("category", ""),
        tags=tuple(tag for part in values.get("tags", "").split(",") if (tag := part.strip())),
        notify_customer=values.get("notify_customer") == "yes",
    )


def _shown(name: str) -> str:
    """Return the field beside which an error about `name` is shown."""
    return {"subscriber_id": "subscriber"}.get(name, name)


async def _fitting(actor: Actor, tenant: Standing, values: Mapping[str, str]) -> tuple[Subscriber, ...]:
    """Return the subscribers whose name or address holds what was typed; one whose address it is, alone.

    Searching is a look at the customer's subscribers like their own page, and noted as one.
    Raises Forbidden where a subscriber is named and the link does not open them.
    """
    search = values.get("subscriber", "").strip()[:_LONGEST]
    named = bool(search or values.get("subscriber_id"))
    if named and not opens(actor, tenant, SUBSCRIBERS):
        raise Forbidden
    if not search:
        return ()
    await looked(actor, tenant_id=tenant.tenant_id, area=PARTNER[SUBSCRIBERS].area, now=clock.now())
    wanted = tenant_lists.Filter(search=search, sort_by="name", limit=_MOST)
    async with db.transaction(actor) as connection:
        found = (await tenant_lists.subscribers(connection, actor, wanted, standing=tenant)).items
    exact = tuple(each for each in found if search.casefold() in {each.email.casefold(), each.name.casefold()})
    return exact if len(exact) == 1 else tuple(found)


def _subscriber(values: Mapping[str, str], fitting: tuple[Subscriber, ...]) -> UUID | None:
    """Return the subscriber that is meant, None where none was named; raises Invalid where it is not clear."""
    chosen = values.get("subscriber_id", "")
    if not values.get("subscriber", "").strip() and not chosen:
        return None
    fits = {str(each.id): each.id for each in fitting}
    if chosen in fits:
        return fits[chosen]
    if len(fits) == 1 and not chosen:
        return next(iter(fits.values()))
    raise Invalid(errors={"subscriber": _SEVERAL if fits else _NOBODY})


ROUTES = [new_ticket, open_ticket]
