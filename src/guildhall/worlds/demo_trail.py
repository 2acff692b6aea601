"""The trail of the demo: what people did to bring the world to where it is, in the chains of both sides."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from msgspec import Struct

from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.domain.audit.blocking import append
from guildhall.domain.audit.trail import Action, Target
from guildhall.worlds.demo_customers import WITHOUT_APPROVER
from guildhall.worlds.demo_links import Link
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.demo_partners import PEOPLE, PartnerPerson, person_of
from guildhall.worlds.demo_tenants import Tenant
from guildhall.worlds.demo_tickets import Ticket
from guildhall.worlds.ground import Connection, made_id

_TICKETS = 40
_ASKED = {"requested": (), "scheduled": (Action.LINK_APPROVED,), "active": (Action.LINK_APPROVED,)}
# What happened to a link after it was asked for, by the state it is in now.
_HISTORY: dict[str, tuple[Action, ...]] = {
    **_ASKED,
    "paused": (Action.LINK_APPROVED, Action.LINK_PAUSED),
    "expired": (Action.LINK_APPROVED, Action.LINK_EXPIRED),
    "revoked": (Action.LINK_APPROVED, Action.LINK_REVOKED),
    "ended": (Action.LINK_APPROVED, Action.LINK_ENDED),
    "declined": (Action.LINK_DECLINED,),
    "countered": (Action.LINK_COUNTERED,),
    "withdrawn": (Action.LINK_WITHDRAWN,),
    "lapsed": (Action.LINK_LAPSED,),
}
_BY_PARTNER = {Action.LINK_ENDED, Action.LINK_WITHDRAWN}
_BY_CLOCK = {Action.LINK_EXPIRED, Action.LINK_LAPSED}


class Event(Struct, frozen=True):
    """One act, before it is written."""

    actor: Actor
    action: Action
    target: Target
    partner_id: UUID | None = None
    tenant_id: UUID | None = None
    changes: dict[str, Any] = {}
    reason: str = ""


def seed_trail(connection: Connection, cast: list[Tenant], links: list[Link], tickets: list[Ticket]) -> None:
    """Write the trail; its entries carry the database's time."""
    known = {tenant.slug: tenant for tenant in cast}
    for number, event in enumerate((*_sign_ins(), *_links(links, known), *_work(links, tickets))):
        append(
            connection,
            event.actor,
            action=event.action,
            target=event.target,
            partner_id=event.partner_id,
            tenant_id=event.tenant_id,
            changes=event.changes,
            reason=event.reason,
            event=made_id("event", number),
        )


def _partner_actor(person: PartnerPerson) -> Actor:
    return Actor(
        kind=Kind.PARTNER_USER,
        surface=Surface.CONSOLE,
        role=DbRole.PARTNER,
        name=person.name,
        user_id=person.id,
        partner_id=person.partner.id,
        partner_name=person.partner.name,
        ip="192.0.2.17",
        user_agent="Demo",
    )


def _customer_actor(tenant: Tenant) -> Actor:
    email = f"admin@{tenant.slug}.example"
    return Actor(
        kind=Kind.CUSTOMER_USER,
        surface=Surface.CUSTOMER,
        role=DbRole.CUSTOMER,
        name=full_name(email),
        user_id=made_id("customer_user", email),
        tenant_id=tenant.id,
        tenant_name=tenant.name,
        ip="198.51.100.8",
        user_agent="Demo",
    )


def _clock() -> Actor:
    return Actor(kind=Kind.SYSTEM, surface=Surface.WORKER, role=DbRole.WORKER, name="link clock")


def _sign_ins() -> Iterator[Event]:
    for person in PEOPLE:
        if person.status == "active":
            yield Event(
                _partner_actor(person),
                Action.SIGNED_IN,
                Target("partner_user", person.id),
                partner_id=person.partner.id,
            )


def _links(links: list[Link], known: dict[str, Tenant]) -> Iterator[Event]:
    for link in links:
        asker = _partner_actor(person_of(link.partner.slug, "msp_full", "principal"))
        tenant, target = known.get(link.slug), Target("link", link.id)
        wish = {"access_role": link.role, "operating_model": link.model}
        place = (link.partner.id, tenant.id if tenant else None)
        yield Event(asker, Action.LINK_REQUESTED, target, *place, wish)
        for action in _HISTORY[link.status]:
            by = asker if action in _BY_PARTNER or tenant is None else _customer_actor(tenant)
            yield Event(_clock() if action in _BY_CLOCK else by, action, target, *place, {"status": link.status})


def _work(links: list[Link], tickets: list[Ticket]) -> Iterator[Event]:
    """Yield visits to tenants, and the latest tickets that partners and customers opened."""
    for link in links:
        if link.live and link.tenant and link.slug != WITHOUT_APPROVER:
            helper = _partner_actor(person_of(link.partner.slug, "msp_full", "auditor", "principal"))
            place = (link.partner.id, link.tenant.id)
            yield Event(helper, Action.TENANT_ENTERED, Target("tenant", link.tenant.id), *place)
    opened = [one for one in tickets if one.opener.kind == "partner_user"]
    people = {person.id: person for person in PEOPLE}
    for ticket in sorted(opened, key=lambda one: one.created)[-_TICKETS:]:
        if ticket.opener.id is not None:
            person = people[ticket.opener.id]
            yield Event(
                _partner_actor(person),
                Action.TICKET_OPENED,
                Target("ticket", ticket.id),
                person.partner.id,
                ticket.tenant.id,
                {"priority": ticket.priority, "subject": ticket.subject},
            )
