"""Opening, answering and changing tickets; on refusal nothing has changed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from guildhall.core.actor import Actor
from guildhall.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Refusal,
    TenantAccessDenied,
)
from guildhall.domain.support import handling
from guildhall.domain.support.handling import Answer, Change, Draft
from guildhall.domain.support.tickets import Ticket
from support_actors import customer_person, partner_person, staff_person
from support_world import World

pytestmark = pytest.mark.anyio
NOW = datetime.now(UTC)
DRAFT = Draft(subject="Line is down", priority="high")


async def opened(world: World, actor: Actor, slug: str = "acme-fiber", **values: Any) -> Ticket:
    draft = msgspec.structs.replace(DRAFT, **values)
    return await handling.open_ticket(actor, tenant_id=world.tenant(slug), draft=draft, now=NOW)


async def changed(actor: Actor, ticket: Ticket, version: int | None = None, **values: Any) -> Ticket:
    return await handling.update(actor, ticket_id=ticket.id, change=Change(**values), if_version=version, now=NOW)


def traces(world: World) -> list[dict[str, Any]]:
    """Return everything that an act on tickets leaves."""
    return world.sql(
        "SELECT (SELECT count(*) FROM tenancy.ticket) AS tickets, (SELECT count(*) FROM tenancy.ticket_comment)"
        " AS comments, (SELECT count(*) FROM portal.audit_entry) AS entries,"
        " (SELECT sum(version) FROM tenancy.ticket) AS versions"
    )


def trail(world: World, ticket_id: UUID) -> list[tuple[str, str, Any]]:
    """Return chain, action and changes of every entry about a ticket, oldest first."""
    rows = world.sql(
        "SELECT kind, action, body::jsonb -> 'changes' AS changes FROM portal.audit_entry WHERE target_id = %s"
        " ORDER BY at, kind",
        str(ticket_id),
    )
    return [(row["kind"], row["action"], row["changes"]) for row in rows]


async def test_a_partner_opens_a_ticket_in_its_name_under_its_links_clock(world: World) -> None:
    actor = partner_person(world)
    ticket = await opened(world, actor, tags=("vip", " vip", "line"))
    assert (ticket.status, ticket.version, ticket.tags) == ("open", 1, ["vip", "line"])
    assert (ticket.created_by_id, ticket.created_by_partner_name) == (actor.user_id, actor.partner_name)
    assert ticket.sla_breach_at == NOW + timedelta(hours=2)  # Acme agreed two hours with Northwind
    before = world.sql("SELECT max(number) AS n FROM tenancy.ticket WHERE tenant_id = %s", ticket.tenant_id)
    assert ticket.number == before[0]["n"]
    assert {kind for kind, action, _ in trail(world, ticket.id) if action == "ticket.opened"} == {"partner", "tenant"}


async def test_a_link_without_an_agreed_time_leaves_the_priorities(world: World) -> None:
    ticket = await opened(world, partner_person(world), "cedar-valley")
    assert ticket.sla_breach_at == NOW + timedelta(hours=4)


async def test_a_customers_ticket_runs_under_the_tightest_of_its_links(world: World) -> None:
    world.sql(
        "UPDATE portal.partner_tenant_link SET sla_config = '{\"response_hours\": 1.5}' WHERE tenant_id = %s"
        " AND partner_name = 'Veritas Audit'",
        world.tenant("acme-fiber"),
    )
    ticket = await opened(world, customer_person(world))
    assert ticket.sla_breach_at == NOW + timedelta(hours=1.5)
    assert [kind for kind, _, _ in trail(world, ticket.id)] == ["tenant"]
    assert (await opened(world, partner_person(world))).sla_breach_at == NOW + timedelta(hours=2)


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("pinecrest", "TENANT_LINK_EXPIRED"),
        ("silverbrook", "TENANT_LINK_PAUSED"),
        ("juniper-foods", "TENANT_ACCESS_DENIED"),
        ("kestrel", "TENANT_ACCESS_DENIED"),
        ("fairhaven", "TENANT_ACCESS_DENIED"),
        ("maple-credit", "FORBIDDEN"),
        ("quickwater", "FORBIDDEN"),
    ],
)
async def test_a_ticket_is_opened_only_where_a_live_link_lets(world: World, slug: str, code: str) -> None:
    before = traces(world)
    with pytest.raises(Refusal) as refused:
        await opened(world, partner_person(world), slug)
    assert refused.value.exact_code == code
    assert traces(world) == before


async def test_what_row_level_security_refuses_is_a_refusal_and_not_a_fault(world: World) -> None:
    before = traces(world)
    outside = msgspec.structs.replace(customer_person(world), user_id=customer_person(world, "harborline").user_id)
    with pytest.raises(TenantAccessDenied):
        await opened(world, outside)
    world.sql(  # the link still names the permission, and no longer opens the area
        "UPDATE portal.partner_tenant_link SET areas = array_remove(areas, 'support_write') WHERE tenant_id = %s",
        world.tenant("acme-fiber"),
    )
    with pytest.raises(TenantAccessDenied):
        await opened(world, partner_person(world))
    assert traces(world) == before


async def test_neither_staff_nor_viewers_nor_foreign_customers_open_tickets(world: World) -> None:
    before = traces(world)
    for actor in (staff_person(world), partner_person(world, "viewer@northwind.example")):
        with pytest.raises(Forbidden):
            await opened(world, actor)
    with pytest.raises(TenantAccessDenied):
        await opened(world, customer_person(world, "harborline"))
    assert traces(world) == before


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"subject": "  "}, "subject"),
        ({"subject": "x" * 201}, "subject"),
        ({"subject": "a\x00b"}, "subject"),
        ({"description": "x" * 20_001}, "description"),
        ({"description": "\ud800"}, "description"),
        ({"priority": "now"}, "priority"),
        ({"category": "weather"}, "category"),
        ({"tags": ("a",) * 21}, "tags"),
        ({"tags": ("x" * 41,)}, "tags"),
        ({"tags": ("",)}, "tags"),
        ({"subscriber_id": uuid4()}, "subscriber_id"),
    ],
)
async def test_what_cannot_be_stored_is_said_beside_its_field(world: World, values: Any, field: str) -> None:
    before = traces(world)
    with pytest.raises(Invalid) as refused:
        await opened(world, partner_person(world), **values)
    assert list(refused.value.errors) == [field]
    assert traces(world) == before


async def test_a_subscriber_of_another_tenant_cannot_be_named(world: World) -> None:
    own, foreign = (
        world.sql("SELECT id FROM tenancy.subscriber WHERE tenant_id = %s LIMIT 1", world.tenant(slug))[0]["id"]
        for slug in ("acme-fiber", "harborline")
    )
    assert (await opened(world, partner_person(world), subscriber_id=own)).subscriber_id == own
    for actor in (partner_person(world), customer_person(world)):
        with pytest.raises(Invalid):
            await opened(world, actor, subscriber_id=foreign)


async def test_a_change_and_an_answer_are_one_act(world: World) -> None:
    actor, helper = partner_person(world), partner_person(world, "msp_support@northwind.example")
    ticket = await opened(world, actor)
    done = await changed(
        actor, ticket, 1, status="pending", assigned_to=helper.user_id, comment=Answer(content=" On our way ")
    )
    assert (done.status, done.assigned_to_name, done.version) == ("pending", helper.name, 2)
    assert (done.response_count, done.last_response_at) == (1, NOW)
    acts = [entry for entry in trail(world, ticket.id) if entry[1] == "ticket.changed"]
    assert [kind for kind, _, _ in acts] == ["partner", "tenant"]
    assert acts[0][2]["status"] == ["open", "pending"]
    assert acts[0][2]["assigned_to"] == [None, helper.name]
    assert "On our way" not in str(trail(world, ticket.id))


async def test_an_answer_alone_is_a_comment_and_an_internal_one_no_response(world: World) -> None:
    actor = partner_person(world)
    ticket = await opened(world, actor)
    noted = await changed(actor, ticket, comment=Answer(content="Check the splice", is_internal=True))
    assert noted == ticket, "nothing of the ticket tells the customer that there is a note"
    assert [kind for kind, action, _ in trail(world, ticket.id) if action == "ticket.commented"] == ["partner"]


async def test_a_change_with_an_internal_note_tells_the_customer_of_the_change_alone(world: World) -> None:
    actor = partner_person(world)
    ticket = await opened(world, actor)
    await changed(actor, ticket, status="pending", comment=Answer(content="Check the splice", is_internal=True))
    acts = [entry[:2] for entry in trail(world, ticket.id) if entry[1] != "ticket.opened"]
    assert sorted(acts) == [
        ("partner", "ticket.changed"),
        ("partner", "ticket.commented"),
        ("tenant", "ticket.changed"),
    ]
    assert "comment" not in str([said for kind, _, said in trail(world, ticket.id) if kind == "tenant"])


async def test_a_customer_answers_closes_and_reopens_and_gives_it_to_nobody(world: World) -> None:
    helper, own = partner_person(world), customer_person(world)
    ticket = await opened(world, helper)
    answered = await changed(own, ticket, comment=Answer(content="It works again"))
    assert (answered.response_count, answered.version) == (0, 2)
    assert [kind for kind, action, _ in trail(world, ticket.id) if action == "ticket.commented"] == [
        "partner",
        "tenant",
    ]
    before = traces(world)
    for person in (None, own.user_id, helper.user_id):
        with pytest.raises(Forbidden):
            await changed(own, ticket, assigned_to=person, status="closed")
    with pytest.raises(Invalid):
        await changed(own, ticket, comment=Answer(content="secret", is_internal=True))
    assert traces(world) == before
    assert (await changed(own, ticket, status="closed")).status == "closed"
    assert (await changed(own, ticket, status="open")).status == "open"


async def test_an_older_version_is_refused(world: World) -> None:
    actor = partner_person(world)
    ticket = await opened(world, actor)
    await changed(actor, ticket, 1, status="pending")
    before = traces(world)
    with pytest.raises(PreconditionFailed):
        await changed(actor, ticket, 1, status="closed")
    assert traces(world) == before


async def test_of_two_changes_at_once_on_one_version_one_wins(world: World) -> None:
    actor = partner_person(world)
    ticket = await opened(world, actor)
    done = await asyncio.gather(
        *(changed(actor, ticket, 1, status=status) for status in ("pending", "resolved", "closed")),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Ticket) for one in done) == 1
    assert sum(isinstance(one, PreconditionFailed) for one in done) == 2


async def test_what_is_so_already_changes_and_records_nothing(world: World) -> None:
    actor = partner_person(world)
    ticket = await opened(world, actor)
    before = traces(world)
    assert (await changed(actor, ticket, status="open", priority="high", assigned_to=None)).version == 1
    assert traces(world) == before
    with pytest.raises(Invalid):
        await changed(actor, ticket)


async def test_the_status_keeps_to_its_ways(world: World) -> None:
    actor = partner_person(world)
    ticket = await opened(world, actor)
    resolved = await changed(actor, ticket, status="resolved")
    assert resolved.resolved_at == NOW
    with pytest.raises(Conflict):
        await changed(actor, ticket, status="pending")
    closed = await changed(actor, ticket, status="closed")
    assert closed.resolved_at == NOW
    assert (await changed(actor, ticket, status="open")).resolved_at is None


async def test_a_new_priority_moves_the_clock_and_reopening_starts_it_anew(world: World) -> None:
    actor = partner_person(world)
    ticket = await opened(world, actor, "cedar-valley")
    assert (await changed(actor, ticket, priority="low")).sla_breach_at == NOW + timedelta(hours=24)
    await changed(actor, ticket, status="resolved")
    later = NOW + timedelta(days=3)
    reopened = await handling.update(actor, ticket_id=ticket.id, change=Change(status="open"), now=later)
    assert reopened.sla_breach_at == later + timedelta(hours=24)
    raised = await handling.update(actor, ticket_id=ticket.id, change=Change(priority="urgent"), now=later)
    assert raised.sla_breach_at == later + timedelta(hours=1)


async def test_what_is_resolved_late_is_breached_for_good(world: World) -> None:
    actor = partner_person(world)
    ticket = await opened(world, actor)
    late = NOW + timedelta(hours=3)
    done = await handling.update(actor, ticket_id=ticket.id, change=Change(status="resolved"), now=late)
    assert (done.sla_breached_at, done.sla_state) == (ticket.sla_breach_at, "breached")
    again = await handling.update(actor, ticket_id=ticket.id, change=Change(status="open", priority="low"), now=late)
    assert (again.sla_breached_at, again.sla_breach_at) == (ticket.sla_breach_at, ticket.sla_breach_at)


async def test_a_link_that_takes_one_string_away_takes_exactly_that(world: World) -> None:
    actor = partner_person(world)
    ticket = await opened(world, actor, "prairie-link")
    before = traces(world)
    with pytest.raises(Forbidden):  # the link lets comment, and no longer update
        await changed(actor, ticket, priority="low", comment=Answer(content="hello"))
    assert traces(world) == before
    assert (await changed(actor, ticket, comment=Answer(content="hello"))).version == 2


async def test_a_ticket_goes_only_to_somebody_who_works_here(world: World) -> None:
    actor = partner_person(world)
    ticket = await opened(world, actor)
    strangers = ("finance@northwind.example", "peter.okoro@northwind.example", "principal@alderfinch.example")
    for email in strangers:
        with pytest.raises(Invalid) as refused:
            await changed(actor, ticket, assigned_to=partner_person(world, email).user_id)
        assert list(refused.value.errors) == ["assigned_to"]


async def test_a_foreign_ticket_cannot_be_told_from_an_absent_one(world: World) -> None:
    ticket = await opened(world, partner_person(world))
    stranger = partner_person(world, "principal@alderfinch.example")
    for ticket_id in (ticket.id, uuid4()):
        with pytest.raises(NotFound) as refused:
            await handling.update(stranger, ticket_id=ticket_id, change=Change(status="closed"), now=NOW)
        assert refused.value.exact_code == "TICKET_NOT_FOUND"


async def test_a_ticket_at_home_is_read_and_not_written(world: World) -> None:
    stranger = partner_person(world, "principal@alderfinch.example")
    ticket_id = world.sql(
        "SELECT t.id FROM tenancy.ticket AS t JOIN portal.partner_account AS a ON a.subscriber_id = t.subscriber_id"
        " AND a.status = 'active' AND a.partner_id = %s LIMIT 1",
        stranger.partner_id,
    )[0]["id"]
    with pytest.raises(Forbidden):
        await handling.update(stranger, ticket_id=ticket_id, change=Change(comment=Answer(content="x")), now=NOW)


@pytest.mark.parametrize("content", ["", " ", "x" * 20_001, "a\x00"])
async def test_an_answer_that_cannot_be_stored_is_refused_by_field(world: World, content: str) -> None:
    actor = partner_person(world)
    ticket = await opened(world, actor)
    with pytest.raises(Invalid) as refused:
        await changed(actor, ticket, comment=Answer(content=content))
    assert list(refused.value.errors) == ["comment.content"]
