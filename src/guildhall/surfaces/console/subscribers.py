"""One subscriber of a customer, with what the link opens of it; activating and suspending it."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.domain.access.gates import Standing
from guildhall.domain.provisioning import subscribers
from guildhall.domain.provisioning.subscribers import READ, STEPS, Act
from guildhall.domain.reports import tenant_lists
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.console.tenants import opens, tenant_page
from guildhall.surfaces.entry import Where, Who, needs
from guildhall.surfaces.html import Page, Web
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.question import Question, answer, ask

INVOICES, TICKETS = "partner.billing.invoices.read", "partner.support.tickets.list"
_SHOWN = 10


@get("/t/{tenant_id:uuid}/subscribers/{subscriber_id:uuid}", **needs(READ))
async def subscriber_page(
    request: Web, tenant_id: FromPath[UUID], subscriber_id: FromPath[UUID], actor: Who, tenant: Where
) -> Page:
    """Return one subscriber."""
    wanted = tenant_lists.Filter(subscriber_id=subscriber_id, sort_by="issued_on", sort_order="desc", limit=_SHOWN)
    invoices, tickets = None, None
    async with framed(request, actor) as connection:
        found = await subscribers.get(connection, actor, subscriber_id, tenant_id=tenant_id)
        if opens(actor, tenant, INVOICES):
            today = clock.now().date()
            invoices, _ = await tenant_lists.invoices(connection, actor, wanted, standing=tenant, today=today)
        if opens(actor, tenant, TICKETS):
            tickets = await tenant_lists.subscriber_tickets(
                connection, actor, subscriber_id, standing=tenant, limit=_SHOWN
            )
    acts = [act for act, one in STEPS.items() if one.source == found.status and opens(actor, tenant, one.needs)]
    return await tenant_page(
        request, "subscriber", actor, tenant, "subscribers", found=found, invoices=invoices, tickets=tickets, acts=acts
    )


async def _question(actor: Actor, tenant: Standing, subscriber_id: UUID, act: Act) -> Question:
    """Return what is asked before a subscriber is activated or suspended."""
    async with db.transaction(actor) as connection:
        found = await subscribers.get(connection, actor, subscriber_id, tenant_id=tenant.tenant_id)
    back = f"/t/{tenant.tenant_id}/subscribers/{subscriber_id}"
    if act == "suspend":
        return Question(
            title=gettext("Suspend the subscriber %(name)s?", name=found.name),
            text=gettext("The customer is told that you did. You can activate the subscriber again."),
            label=gettext("Suspend"),
            back=back,
            done=gettext("The subscriber %(name)s is suspended; the customer is told.", name=found.name),
            reason=False,
        )
    return Question(
        title=gettext("Activate the subscriber %(name)s?", name=found.name),
        text=gettext("The customer is told that you did."),
        label=gettext("Activate"),
        back=back,
        done=gettext("The subscriber %(name)s is active; the customer is told.", name=found.name),
        reason=False,
        kind="primary",
    )


async def _carry_out(request: Web, actor: Actor, tenant: Standing, subscriber_id: UUID, act: Act) -> Response[Any]:
    """Activate or suspend, and say what happened."""
    question = await _question(actor, tenant, subscriber_id, act)

    async def step(_reason: str) -> None:
        await subscribers.step(actor, tenant_id=tenant.tenant_id, subscriber_id=subscriber_id, act=act)

    return await answer(request, question, step)


@get("/t/{tenant_id:uuid}/subscribers/{subscriber_id:uuid}/activate", **needs(STEPS["activate"].needs))
async def ask_activate(
    request: Web, tenant_id: FromPath[UUID], subscriber_id: FromPath[UUID], actor: Who, tenant: Where
) -> Page:
    """Return the page that asks before a subscriber is activated."""
    del tenant_id  # the gates took it from the path
    return await ask(request, await _question(actor, tenant, subscriber_id, "activate"))


@post("/t/{tenant_id:uuid}/subscribers/{subscriber_id:uuid}/activate", **needs(STEPS["activate"].needs))
async def activate(
    request: Web, tenant_id: FromPath[UUID], subscriber_id: FromPath[UUID], actor: Who, tenant: Where
) -> Response[Any]:
    """Activate a subscriber."""
    del tenant_id
    return await _carry_out(request, actor, tenant, subscriber_id, "activate")


@get("/t/{tenant_id:uuid}/subscribers/{subscriber_id:uuid}/suspend", **needs(STEPS["suspend"].needs))
async def ask_suspend(
    request: Web, tenant_id: FromPath[UUID], subscriber_id: FromPath[UUID], actor: Who, tenant: Where
) -> Page:
    """Return the page that asks before a subscriber is suspended."""
    del tenant_id
    return await ask(request, await _question(actor, tenant, subscriber_id, "suspend"))


@post("/t/{tenant_id:uuid}/subscribers/{subscriber_id:uuid}/suspend", **needs(STEPS["suspend"].needs))
async def suspend(
    request: Web, tenant_id: FromPath[UUID], subscriber_id: FromPath[UUID], actor: Who, tenant: Where
) -> Response[Any]:
    """Suspend a subscriber."""
    del tenant_id
    return await _carry_out(request, actor, tenant, subscriber_id, "suspend")


ROUTES = [subscriber_page, ask_activate, activate, ask_suspend, suspend]
