"""Notices: written by the database with their cause, to the other side, once, and telling nobody too much."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from guildhall.core import db
from guildhall.core.actor import Actor, system
from guildhall.domain.access import asking, consent, oversight, pausing
from guildhall.domain.access.terms import Terms
from guildhall.domain.access.upkeep import sweep
from guildhall.domain.notify import bell, notices
from guildhall.domain.notify.ends import warn_of_ends
from guildhall.domain.notify.sentences import SENTENCES, filled, sentence
from guildhall.domain.notify.tidying import tidy
from guildhall.domain.support.handling import Answer, Change, Draft, open_ticket, update
from support_actors import customer_person, link_id, partner_person, staff_person
from support_world import Cluster, World

pytestmark = pytest.mark.anyio
_TOLD = """
    SELECT n.audience, coalesce(p.slug, t.slug, '') AS whom, n.kind FROM portal.notice AS n
    LEFT JOIN portal.partner AS p ON p.id = n.audience_id LEFT JOIN tenancy.tenant AS t ON t.id = n.audience_id
    ORDER BY n.created_at, n.audience, whom, n.kind
"""
_NOTHING_ENDS = """
    UPDATE portal.partner_tenant_link SET ends_at = now() + interval '90 days'
    WHERE ends_at < now() + interval '40 days' AND status IN ('active', 'paused')
"""


def told(world: World) -> list[tuple[str, str, str]]:
    """Return who has been told what, and forget it."""
    found = [(row["audience"], row["whom"], row["kind"]) for row in world.sql(_TOLD)]
    for row in world.sql('SELECT audience, kind, "values" FROM portal.notice'):
        assert filled(sentence(row["audience"], row["kind"]), row["values"])
    world.sql("DELETE FROM portal.notice_read")
    world.sql("DELETE FROM portal.notice")
    return found


async def seen(actor: Actor) -> list[notices.Notice]:
    """Return what a person finds among the notices."""
    async with db.transaction(actor) as connection:
        found, _ = await notices.listed(connection, actor)
        assert (await bell.rung(connection, actor)).unread == len([each for each in found if not each.read_at])
    return found


def now() -> datetime:
    return datetime.now(UTC)


def asked(**other: object) -> Terms:
    return Terms(**{"access_role": "msp_support", "operating_model": "co_managed"} | other)


def stranger(world: World) -> str:
    """Return the slug of a tenant that Northwind has nothing to do with, and that has an approver."""
    found: str = world.sql("SELECT slug FROM tenancy.tenant WHERE id = %s", world.unlinked("northwind"))[0]["slug"]
    return found


async def test_a_request_tells_the_tenant_and_its_lapse_tells_the_partner_nothing_new(world: World) -> None:
    person, slug = partner_person(world), stranger(world)
    name = world.sql("SELECT name FROM tenancy.tenant WHERE slug = %s", slug)[0]["name"]
    for domain in (f"{slug}.example", "nobody-at-all.example"):
        await asking.request_by_domain(
            person, domain=domain, approver=f"admin@{slug}.example", terms=asked(), now=now()
        )
    assert told(world) == [("tenant", slug, "link.requested")]
    world.sql(
        "UPDATE portal.partner_tenant_link SET updated_at = now() - interval '91 days'"
        " WHERE status = 'requested' AND tenant_domain IN (%s, 'nobody-at-all.example')",
        f"{slug}.example",
    )
    for _ in range(2):
        await sweep(system("links"))
    lapsed = [each for each in await seen(person) if each.kind == "link.lapsed"]
    assert {each.values["tenant"] for each in lapsed} == {f"{slug}.example", "nobody-at-all.example"}
    assert {each.tenant_id for each in lapsed} == {None}
    assert name not in repr(lapsed)
    assert [row for row in told(world) if row[0] == "tenant"] == [("tenant", slug, "link.lapsed")]
    bodies = world.sql(
        "SELECT e.body FROM portal.audit_entry AS e JOIN portal.partner_tenant_link AS l ON e.target_id = l.id::text"
        " WHERE e.kind = 'partner' AND l.tenant_domain IN (%s, 'nobody-at-all.example') AND l.partner_id = %s",
        f"{slug}.example",
        person.partner_id,
    )
    assert len(bodies) == 4
    assert not [body for body in bodies if str(world.tenant(slug)) in body["body"] or name in body["body"]]


async def test_each_answer_of_a_tenant_tells_the_partner(world: World) -> None:
    partner, slug = partner_person(world), stranger(world)
    customer = customer_person(world, slug)
    code = await consent.make_code(customer, now=now())
    ends = now() + timedelta(days=300)
    link = (await asking.request_by_code(partner, code=code, terms=asked(ends_at=ends), now=now())).id
    await consent.counter(
        customer, link_id=link, terms=asked(operating_model="customer_managed", ends_at=ends), now=now()
    )
    await asking.accept(partner, link_id=link, now=now())
    await asking.ask_change(partner, link_id=link, terms=asked(ends_at=ends), now=now())
    await consent.approve_change(customer, link_id=link, now=now())
    await asking.ask_change(partner, link_id=link, terms=asked(ends_at=ends + timedelta(days=1)), now=now())
    await consent.decline_change(customer, link_id=link)
    await asking.ask_change(partner, link_id=link, terms=asked(ends_at=ends - timedelta(days=1)), now=now())
    await pausing.pause(customer, link_id=link)
    await pausing.resume(customer, link_id=link, now=now())
    await consent.revoke(customer, link_id=link)
    to_partner, to_tenant = ("partner", "northwind"), ("tenant", slug)
    assert told(world) == [
        (*to_tenant, "link.requested"),
        (*to_partner, "link.countered"),
        (*to_tenant, "link.accepted"),
        (*to_tenant, "link.change_asked"),
        (*to_partner, "link.change_approved"),
        (*to_tenant, "link.change_asked"),
        (*to_partner, "link.change_declined"),
        (*to_tenant, "link.narrowed"),
        (*to_partner, "link.paused"),
        (*to_partner, "link.resumed"),
        (*to_partner, "link.revoked"),
    ]


async def test_what_staff_do_is_told_to_both_sides(world: World) -> None:
    staff, slug = staff_person(world), stranger(world)
    partner = partner_person(world).partner_id
    assert partner is not None
    link = await oversight.create_beta(
        staff, partner_id=partner, tenant_id=world.tenant(slug), terms=asked(reason="beta"), now=now()
    )
    await oversight.revoke(staff, link_id=link, reason="the beta is over", now=now())
    assert told(world) == [
        ("partner", "northwind", "link.created"),
        ("tenant", slug, "link.created"),
        ("partner", "northwind", "link.revoked"),
        ("tenant", slug, "link.revoked"),
    ]


async def test_staff_are_told_where_nobody_can_approve(world: World) -> None:
    partner = partner_person(world)
    slug = stranger(world)
    world.sql("UPDATE tenancy.customer_membership SET status = 'deactivated' WHERE tenant_id = %s", world.tenant(slug))
    await asking.request_by_domain(
        partner, domain=f"{slug}.example", approver="boss@x.example", terms=asked(), now=now()
    )
    assert [each.kind for each in await seen(staff_person(world))] == ["link.no_approver"]
    assert await seen(partner) == []


async def test_a_partners_ticket_tells_the_tenant_and_an_internal_comment_never_does(world: World) -> None:
    partner, tenant = partner_person(world), world.tenant("acme-fiber")
    quiet = await open_ticket(partner, tenant_id=tenant, draft=Draft(subject="Quiet", notify_customer=False), now=now())
    loud = await open_ticket(partner, tenant_id=tenant, draft=Draft(subject="Loud"), now=now())
    assert told(world) == [("tenant", "acme-fiber", "ticket.opened")]
    for answer in (
        Answer(content="between us", is_internal=True),
        Answer(content="between us", is_internal=True, notify_customer=True),
        Answer(content="no hurry", notify_customer=False),
    ):
        await update(partner, ticket_id=quiet.id, change=Change(comment=answer), now=now())
    assert told(world) == []
    await update(partner, ticket_id=loud.id, change=Change(comment=Answer(content="Look here")), now=now())
    found = await seen(customer_person(world))
    assert [each.kind for each in found] == ["ticket.commented"]
    assert "Look here" not in repr(found)


async def test_who_is_given_a_ticket_is_told_alone_and_who_takes_one_is_not(world: World) -> None:
    lead, helper = partner_person(world), partner_person(world, "msp_support@northwind.example")
    ticket = await open_ticket(lead, tenant_id=world.tenant("acme-fiber"), draft=Draft(subject="Secret"), now=now())
    told(world)
    await update(lead, ticket_id=ticket.id, change=Change(assigned_to=lead.user_id), now=now())
    assert told(world) == []
    await update(lead, ticket_id=ticket.id, change=Change(assigned_to=helper.user_id), now=now())
    found = [each for each in await seen(helper) if each.kind == "ticket.assigned"]
    assert [(each.values["by"], each.values["number"]) for each in found] == [(lead.name, ticket.number)]
    assert "Secret" not in repr(found)
    for other in (lead, partner_person(world, "technical@northwind.example"), customer_person(world)):
        assert "ticket.assigned" not in {each.kind for each in await seen(other)}


async def test_a_tenants_ticket_tells_every_partner_whose_live_link_opens_support(world: World) -> None:
    customer = customer_person(world)
    ticket = await open_ticket(
        customer, tenant_id=world.tenant("acme-fiber"), draft=Draft(subject="Secret subject"), now=now()
    )
    await update(customer, ticket_id=ticket.id, change=Change(comment=Answer(content="Still")), now=now())
    principal = partner_person(world)
    assert {each.kind for each in await seen(principal)} == {"ticket.opened", "ticket.commented"}
    assert await seen(partner_person(world, "finance@northwind.example")) == [], "the role does not see tickets"
    assert "Secret" not in repr(await seen(principal))
    world.sql("UPDATE portal.partner_user SET tenant_scope = 'include' WHERE id = %s", principal.user_id)
    assert await seen(principal) == [], "outside of the person's limits"
    world.sql("UPDATE portal.partner_user SET tenant_scope = 'exclude' WHERE id = %s", principal.user_id)
    assert len(await seen(principal)) == 2
    world.sql("INSERT INTO portal.partner_user_tenant VALUES (%s, %s)", principal.user_id, world.tenant("acme-fiber"))
    assert await seen(principal) == []
    world.sql("DELETE FROM portal.partner_user_tenant")
    await consent.revoke(customer, link_id=link_id(world, "northwind", "acme-fiber"))
    assert [each.kind for each in await seen(principal)] == ["link.revoked"], "tickets go with the link"
    assert set(told(world)) == {
        ("partner", "northwind", "ticket.opened"),
        ("partner", "northwind", "ticket.commented"),
        ("partner", "veritas", "ticket.opened"),
        ("partner", "veritas", "ticket.commented"),
        ("partner", "northwind", "link.revoked"),
    }


@pytest.mark.parametrize(
    ("ends_in", "kind", "days"),
    [
        (30, "link.ends_soon", 30),
        (12, "link.ends_soon", 12),
        (7, "link.ends_soon", 7),
        (1, "link.ends_tomorrow", 1),
        (0, "link.ends_today", 0),
    ],
)
async def test_both_sides_are_warned_of_an_end_once(world: World, ends_in: int, kind: str, days: int) -> None:
    link = link_id(world, "northwind", "acme-fiber")
    world.sql(_NOTHING_ENDS)
    world.sql(
        "UPDATE portal.partner_tenant_link SET ends_at = (current_date + %s) + time '23:59:59' WHERE id = %s",
        ends_in,
        link,
    )
    for _ in range(2):
        await warn_of_ends(system("notices"))
    assert told(world) == [("partner", "northwind", kind), ("tenant", "acme-fiber", kind)]
    assert days == ends_in


async def test_a_link_asked_for_a_few_days_is_not_warned_of_at_once(world: World) -> None:
    link = link_id(world, "northwind", "acme-fiber")
    world.sql(_NOTHING_ENDS)
    world.sql(
        "UPDATE portal.partner_tenant_link SET starts_at = now(), ends_at = now() + interval '5 days' WHERE id = %s",
        link,
    )
    assert await warn_of_ends(system("notices")) == 0


async def test_an_expiry_is_told_to_both_sides_once(world: World) -> None:
    link = link_id(world, "northwind", "acme-fiber")
    world.sql("UPDATE portal.partner_tenant_link SET ends_at = now() - interval '1 second' WHERE id = %s", link)
    for _ in range(2):
        await sweep(system("links"))
    assert told(world) == [("partner", "northwind", "link.expired"), ("tenant", "acme-fiber", "link.expired")]


async def test_nobody_reads_or_marks_what_was_told_to_others(world: World) -> None:
    customer = customer_person(world)
    await pausing.pause(customer, link_id=link_id(world, "northwind", "acme-fiber"))
    person, other = partner_person(world), partner_person(world, "msp_full@northwind.example")
    outsider = partner_person(world, "principal@alderfinch.example")
    number: UUID = (await seen(person))[0].id
    assert (await seen(outsider), await seen(customer)) == ([], [])
    await notices.mark_read(outsider, now=now(), ids=[number])
    assert world.sql("SELECT * FROM portal.notice_read") == []
    await notices.mark_read(person, now=now(), ids=[number])
    assert (await seen(person))[0].read_at is not None
    assert (await seen(other))[0].read_at is None, "each person has marks of the own"


async def test_an_account_is_told_to_whoever_may_list_accounts_alone(world: World) -> None:
    world.sql(
        "INSERT INTO portal.notice (id, audience, audience_id, kind, dedupe)"
        " SELECT gen_random_uuid(), 'partner', id, 'account.begun', 'x' FROM portal.partner WHERE slug = 'northwind'"
    )
    (found,) = await seen(partner_person(world, "msp_support@northwind.example"))
    assert found.kind == "account.begun"
    assert await seen(partner_person(world, "viewer@northwind.example")) == []


async def test_all_is_read_in_one_row_and_what_comes_later_is_not(world: World) -> None:
    person = partner_person(world)
    await pausing.pause(customer_person(world), link_id=link_id(world, "northwind", "acme-fiber"))
    world.sql("UPDATE portal.notice SET created_at = now() - interval '1 hour'")
    await pausing.pause(customer_person(world, "harborline"), link_id=link_id(world, "northwind", "harborline"))
    for _ in range(2):
        await notices.mark_read(person, now=now())
        assert [bool(each.read_at) for each in await seen(person)] == [True, True]
    assert world.sql("SELECT count(*) AS n FROM portal.notice_read") == [{"n": 1}], "the old one has no mark"
    await pausing.resume(customer_person(world), link_id=link_id(world, "northwind", "acme-fiber", "paused"), now=now())
    async with db.transaction(person) as connection:
        unread, _ = await notices.listed(connection, person, unread_only=True)
    assert [each.kind for each in unread] == ["link.resumed"]


async def test_old_notices_go_and_new_ones_stay(world: World) -> None:
    await pausing.pause(customer_person(world), link_id=link_id(world, "northwind", "acme-fiber"))
    await pausing.pause(customer_person(world, "harborline"), link_id=link_id(world, "northwind", "harborline"))
    await notices.mark_read(partner_person(world), now=now(), ids=[(await seen(partner_person(world)))[0].id])
    assert await tidy(system("notices")) == 0
    world.sql(
        "UPDATE portal.notice SET created_at = now() - interval '181 days' WHERE tenant_id = %s",
        world.tenant("acme-fiber"),
    )
    assert await tidy(system("notices")) == 1
    assert len(await seen(partner_person(world))) == 1


async def test_what_the_owner_brings_in_is_no_news(world: World) -> None:
    world.sql("UPDATE portal.partner_tenant_link SET ends_at = ends_at - interval '1 hour', version = version + 1")
    assert told(world) == []


def test_every_sentence_uses_only_what_its_audience_may_know() -> None:
    allowed = {
        "partner": {"tenant", "days", "by", "number", "client"},
        "tenant": {"partner", "days", "by", "number", "subscriber"},
        "staff": {"partner", "tenant", "applicant"},
    }
    for (audience, kind), text in SENTENCES.items():
        assert set(re.findall(r"%\((\w+)\)s", text)) <= allowed[audience], kind


def test_the_demos_notices_have_their_sentences(cluster: Cluster, demo_database: str) -> None:
    with psycopg.connect(cluster.url(demo_database)) as connection:
        rows = connection.execute('SELECT audience, kind, "values" FROM portal.notice').fetchall()
    assert rows
    assert all(filled(sentence(audience, kind), values) for audience, kind, values in rows)
