"""Tickets of the demo, with their SLA clocks: every status and priority, some breached, some due soon."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

from msgspec import Struct

from guildhall.domain.support.rules import HOURS, due_at, response_hours
from guildhall.worlds.demo_links import Link
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.demo_partners import PartnerPerson, person_of
from guildhall.worlds.demo_subscribers import Subscriber
from guildhall.worlds.demo_tenants import Tenant
from guildhall.worlds.ground import Connection, chance, copy, made_id, midnight

_SUBJECTS = (
    ("Slow speeds in the evening", "network"),
    ("No signal after the storm", "network"),
    ("Router loses its settings", "hardware"),
    ("Invoice shows the wrong plan", "billing"),
    ("Move of address next month", "account"),
    ("Static address wanted", "account"),
    ("Calls drop after ten minutes", "voice"),
    ("Packet loss towards the data centre", "network"),
    ("Firewall rule for a new office", "security"),
    ("Suspicious sign-ins from abroad", "security"),
    ("Backup line did not take over", "network"),
    ("Duplicate payment", "billing"),
    ("Certificate of the portal expires", "security"),
    ("New employee needs remote access", "account"),
)
_TAGS = ("vip", "repeat", "field-visit", "escalated", "weather")


class Party(Struct, frozen=True):
    """Who opens or answers a ticket, with names as the ticket copies them."""

    kind: str
    id: UUID | None
    name: str
    partner_id: UUID | None = None
    partner_name: str | None = None


class Ticket(Struct, frozen=True):
    """One ticket. `rank` is its place among the tenant's tickets, from 1; `helper` answers it."""

    id: UUID
    tenant: Tenant
    subscriber: Subscriber | None
    rank: int
    subject: str
    category: str
    tags: tuple[str, ...]
    status: str
    priority: str
    opener: Party
    helper: Party | None
    created: datetime
    due: datetime
    breached: bool
    resolved: datetime | None
    answers: tuple[datetime, ...]


def customer(slug: str) -> Party:
    """Return the customer's own person who opens tickets."""
    email = f"admin@{slug}.example"
    return Party("customer_user", made_id("customer_user", email), full_name(email))


def of_partner(person: PartnerPerson) -> Party:
    """Return a person of a partner as a party of a ticket."""
    return Party("partner_user", person.id, person.name, person.partner.id, person.partner.name)


PLATFORM = Party("platform", None, "Halcyon Cloud monitoring")


def tickets(cast: list[Tenant], made: list[Subscriber], links: list[Link], today: date) -> list[Ticket]:
    """Return every tenant's tickets, oldest first."""
    by_tenant = {tenant.slug: [one for one in made if one.tenant is tenant] for tenant in cast}
    return [
        ticket
        for tenant in cast
        for ticket in _of(
            tenant,
            by_tenant[tenant.slug],
            [link for link in links if link.live and link.tenant is tenant],
            midnight(today),
        )
    ]


def _of(tenant: Tenant, people: list[Subscriber], links: list[Link], now: datetime) -> Iterator[Ticket]:
    luck = chance("tickets", tenant.slug)
    agreed = response_hours({"response_hours": link.response_hours} for link in links)
    helpers = [
        of_partner(person_of(link.partner.slug, "msp_support", "technical"))
        for link in links
        if "partner.support.tickets.comment" in link.permissions
    ]
    age = (now - midnight(tenant.since)).days
    moments = sorted(now - timedelta(minutes=luck.randint(1440, age * 1440)) for _ in range(4 + age // 14))
    for rank, created in enumerate((*moments, *[now] * luck.randint(1, 3)), 1):
        yield _ticket(tenant, people, rank, created, agreed, helpers, now, luck)


def _ticket(
    tenant: Tenant,
    people: list[Subscriber],
    rank: int,
    created: datetime,
    agreed: float | None,
    helpers: list[Party],
    now: datetime,
    luck: Random,
) -> Ticket:
    subject, category = luck.choice(_SUBJECTS)
    priority = luck.choices(tuple(HOURS), weights=(1, 3, 6, 3))[0]
    allowed = due_at(created, priority=priority, agreed_hours=agreed) - created
    if created == now:  # fresh: its clock has not run out yet
        created = now - allowed * luck.uniform(0.05, 0.85)
    status, resolved = _outcome(created, allowed, now, luck)
    helper = luck.choice(helpers) if helpers else None
    opener = luck.choices((customer(tenant.slug), helper or PLATFORM, PLATFORM), weights=(6, 2, 1))[0]
    return Ticket(
        made_id("ticket", tenant.slug, rank),
        tenant,
        luck.choice(people) if luck.random() < 0.7 else None,  # noqa: PLR2004
        rank,
        subject,
        category,
        tuple(luck.sample(_TAGS, luck.choice((0, 0, 0, 1, 2)))),
        status,
        priority,
        opener,
        helper,
        created,
        created + allowed,
        created + allowed < (resolved or now),
        resolved,
        tuple(_answers(created, resolved or now, status, luck)),
    )


def _outcome(created: datetime, allowed: timedelta, now: datetime, luck: Random) -> tuple[str, datetime | None]:
    """Return status and, once it is done, the moment: mostly in time, sometimes late."""
    days = (now - created).days
    late = luck.random() < (0.25 if days < 30 else 0.12)  # noqa: PLR2004
    done = created + allowed * (1.1 + 3 * luck.random() if late else 0.1 + 0.85 * luck.random())
    stuck = luck.random() < (0.09 if 0 < days < 20 else 0.002)  # noqa: PLR2004
    if stuck or done >= now or created + allowed > now:
        return luck.choices(("open", "pending"), weights=(3, 1))[0], None
    return ("resolved" if days < 25 else "closed"), done  # noqa: PLR2004


def _answers(created: datetime, until: datetime, status: str, luck: Random) -> Iterator[datetime]:
    """Yield the moments of the answers: at least one where the ticket is not simply open."""
    count = luck.randint(0, 1) if status == "open" else luck.randint(1, 3)
    span = min(until - created, timedelta(days=3))
    return (created + span * part for part in sorted(luck.uniform(0.05, 0.98) for _ in range(count)))


def seed_tickets(connection: Connection, made: list[Ticket]) -> None:
    """Write the tickets."""
    copy(
        connection,
        "tenancy.ticket",
        "id tenant_id subscriber_id external_id number subject description status priority category tags"
        " created_by_kind created_by_id created_by_name created_by_partner_id created_by_partner_name assigned_to_id"
        " assigned_to_name sla_breach_at sla_breached_at resolved_at last_response_at response_count created_at"
        " updated_at",
        (_row(one) for one in made),
    )


def catch_up(connection: Connection, today: date) -> None:
    """Move what is open and in time from midnight to the database's clock, so that its SLA is still ahead.

    Does nothing where `today` is not the day of that clock.
    """
    by = "date_trunc('minute', now()) - %(midnight)s"
    fresh = (
        "status IN ('open', 'pending') AND sla_breached_at IS NULL"
        " AND %(midnight)s BETWEEN now() - interval '1 day' AND now()"
    )
    values = {"midnight": midnight(today)}
    for said in ("ticket_comment", "ticket_file"):
        connection.execute(
            f"UPDATE tenancy.{said} AS c SET created_at = c.created_at + ({by}) FROM tenancy.ticket AS t"
            f" WHERE t.id = c.ticket_id AND {fresh}".encode(),
            values,
        )
    connection.execute(
        f"UPDATE tenancy.ticket SET created_at = created_at + ({by}), updated_at = updated_at + ({by}),"
        f" sla_breach_at = sla_breach_at + ({by}), last_response_at = last_response_at + ({by}) WHERE {fresh}",
        values,
    )


def _row(one: Ticket) -> tuple[object, ...]:
    latest = one.answers[-1] if one.answers else None
    return (
        one.id,
        one.tenant.id,
        one.subscriber.id if one.subscriber else None,
        f"K-{one.rank}" if one.opener.kind == "platform" else None,
        one.rank,
        one.subject,
        f"{one.subject}. Seen at {one.subscriber.name if one.subscriber else one.tenant.name}.",
        one.status,
        one.priority,
        one.category,
        list(one.tags),
        one.opener.kind,
        one.opener.id,
        one.opener.name,
        one.opener.partner_id,
        one.opener.partner_name,
        one.helper.id if one.helper else None,
        one.helper.name if one.helper else None,
        one.due,
        one.due if one.breached else None,
        one.resolved,
        latest,
        len(one.answers),
        one.created,
        max(moment for moment in (one.created, latest, one.resolved) if moment),
    )
