"""One ticket, its comments, and who may be given it."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, NotFound
from guildhall.domain.support import tickets
from guildhall.domain.support.handling import Answer, Change, update
from support_actors import customer_person, partner_person, staff_person
from support_counting import statements
from support_world import World

pytestmark = pytest.mark.anyio
NOW = datetime.now(UTC)


def ticket_of(world: World, slug: str, condition: str = "true") -> UUID:
    """Return a ticket of the tenant `slug`."""
    found: UUID = world.sql(
        "SELECT t.id FROM tenancy.ticket AS t JOIN tenancy.tenant AS n ON n.id = t.tenant_id"
        f" WHERE n.slug = %s AND {condition} ORDER BY t.number LIMIT 1",
        slug,
    )[0]["id"]
    return found


async def got(actor: Actor, ticket_id: UUID) -> tickets.Ticket:
    async with db.transaction(actor) as connection:
        return await tickets.get(connection, actor, ticket_id, now=NOW)


async def said(actor: Actor, ticket_id: UUID) -> list[tickets.Comment]:
    async with db.transaction(actor) as connection:
        return await tickets.comments(connection, actor, ticket_id)


async def test_each_side_reads_the_ticket_and_knows_the_tenant_by_name(demo: World) -> None:
    ticket_id = ticket_of(demo, "acme-fiber")
    for actor in (partner_person(demo), customer_person(demo), staff_person(demo)):
        found = await got(actor, ticket_id)
        assert (found.id, found.tenant_name, found.description[:4]) == (ticket_id, "Acme Fiber", found.subject[:4])


@pytest.mark.parametrize("slug", ["maple-credit", "pinecrest", "silverbrook", "fairhaven"])
async def test_a_ticket_out_of_reach_is_as_absent(demo: World, slug: str) -> None:
    actor = partner_person(demo)
    for ticket_id in (ticket_of(demo, slug), uuid4()):
        with pytest.raises(NotFound) as refused:
            await got(actor, ticket_id)
        assert (refused.value.exact_code, refused.value.detail) == ("TICKET_NOT_FOUND", "Not found")
        assert await said(actor, ticket_id) == []


async def test_a_customer_never_reads_internal_notes(demo: World) -> None:
    noted = ticket_of(
        demo,
        "acme-fiber",
        "EXISTS (SELECT 1 FROM tenancy.ticket_comment AS c WHERE c.ticket_id = t.id AND is_internal)",
    )
    helper, own = await said(partner_person(demo), noted), await said(customer_person(demo), noted)
    assert any(comment.is_internal for comment in helper)
    assert own == [comment for comment in helper if not comment.is_internal]
    assert await said(customer_person(demo, "harborline"), noted) == []


async def test_reading_takes_the_permission(demo: World) -> None:
    ticket_id = ticket_of(demo, "acme-fiber")
    with pytest.raises(Forbidden):
        await got(partner_person(demo, "finance@northwind.example"), ticket_id)
    with pytest.raises(Forbidden):
        await said(partner_person(demo, "viewer@northwind.example"), ticket_id)


async def test_tickets_are_given_to_active_people_who_may_work_on_them_here(demo: World) -> None:
    actor = partner_person(demo)

    async def names(slug: str | None) -> set[str]:
        async with db.transaction(actor) as connection:
            tenant_id = demo.tenant(slug) if slug else None
            return {person.name for person in await tickets.assignees(connection, actor, tenant_id=tenant_id)}

    emails = demo.sql("SELECT email, name FROM portal.partner_user WHERE partner_id = %s", actor.partner_id)
    by_email = {row["email"].split("@")[0]: row["name"] for row in emails}
    everybody = {by_email[name] for name in ("principal", "technical", "msp_full", "msp_support")}
    isla, peter = by_email["isla.moreno"], by_email["peter.okoro"]
    assert await names(None) == everybody | {isla, peter}
    assert await names("acme-fiber") == everybody | {isla}
    assert await names("cedar-valley") == everybody | {peter}


async def test_one_ticket_and_its_comments_are_one_statement_each(demo: World) -> None:
    ticket_id = ticket_of(demo, "acme-fiber")
    for actor in (partner_person(demo), customer_person(demo), staff_person(demo)):
        with statements(actor) as seen:
            await got(actor, ticket_id)
            await said(actor, ticket_id)
        assert len(seen) == 2


async def test_another_partner_of_the_customer_reads_no_internal_note_of_the_first(world: World) -> None:
    first, other = partner_person(world), partner_person(world, "auditor@veritas.example")
    ticket_id = ticket_of(world, "acme-fiber")
    for internal in (True, False):
        change = Change(comment=Answer(content=f"internal: {internal}", is_internal=internal))
        await update(first, ticket_id=ticket_id, change=change, now=NOW)
    mine, theirs = await said(first, ticket_id), await said(other, ticket_id)
    assert {"internal: True", "internal: False"} <= {comment.content for comment in mine}
    assert "internal: False" in {comment.content for comment in theirs}
    assert not any(comment.is_internal and comment.author_partner_id == first.partner_id for comment in theirs)
