"""Letters of news: as each person chose, at once or in the own morning, once, never more than the portal shows."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from guildhall.core import db
from guildhall.core.actor import system
from guildhall.domain.alerts.evaluating import watch, watch_tickets
from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.office import Look
from guildhall.domain.mail.rendering import written
from guildhall.domain.notify import bell, choices, delivering, notices
from guildhall.domain.notify.sentences import SENTENCES
from guildhall.domain.notify.topics import TOPICS, Way, topic_of
from support_actors import customer_person, partner_person, staff_person
from support_mail import letters
from support_world import World

pytestmark = pytest.mark.anyio
WORKER = system("notices")
PRINCIPAL, TECHNICAL = "principal@northwind.example", "technical@northwind.example"
ALL, NONE, MAIL, DAILY = (
    Way(True, True, True),
    Way(False, False, False),
    Way(False, True, False),
    Way(False, False, True),
)
LOOK = Look("Halcyon Cloud", "#0f766e", lambda label: f"http://{label}.localhost")
MORNING = datetime(2026, 11, 27, 19, 0, tzinfo=UTC)


def quiet(world: World) -> None:
    """Let nobody want anything, and nothing wait to be told."""
    for audience, table in (("partner", "portal.partner_user"), ("staff", "portal.staff_user")):
        for topic in TOPICS[audience]:
            world.sql(f"INSERT INTO portal.delivery_choice SELECT id, %s, true, false, false FROM {table}", topic.name)
    for topic in TOPICS["tenant"]:
        world.sql(
            "INSERT INTO portal.delivery_choice SELECT id, %s, true, false, false FROM tenancy.customer_user",
            topic.name,
        )
    world.sql("UPDATE portal.notice SET told_at = now() - interval '5 days'")
    world.sql("UPDATE portal.alert SET told_at = now() - interval '5 days'")


def choose(world: World, email: str, topic: str, way: Way) -> None:
    world.sql(
        "UPDATE portal.delivery_choice SET in_app = %s, email = %s, digest = %s"
        " WHERE topic = %s AND user_id = (SELECT id FROM portal.partner_user WHERE email = %s)",
        *(way.in_app, way.email, way.digest, topic, email),
    )


def news(world: World, slug: str = "acme-fiber", kind: str = "link.changed", **said: str) -> UUID:
    """Write a notice to Northwind about one of its customers, as a cause would."""
    made = uuid4()
    world.sql(
        'INSERT INTO portal.notice (id, audience, audience_id, kind, tenant_id, area, "values", dedupe)'
        " SELECT %s, 'partner', p.id, %s, %s, %s, jsonb_build_object('tenant', %s::text, 'by', 'Ana', 'number', 7), %s"
        " FROM portal.partner AS p WHERE p.slug = 'northwind'",
        *(made, kind, world.tenant(slug), "support" if kind.startswith("ticket") else "", said.get("tenant", slug)),
        str(made),
    )
    return made


def text_of(letter: Letter) -> str:
    return written(letter, LOOK).text


@pytest.mark.parametrize(("audience", "kind"), list(SENTENCES))
def test_every_kind_of_notice_has_a_topic_of_its_own(audience: str, kind: str) -> None:
    assert topic_of(audience, kind).name != "other"


def test_what_nobody_named_yet_can_be_chosen_too() -> None:
    assert topic_of("partner", "export.ready").name == "other"


async def test_news_are_told_at_once_to_whoever_chose_so_and_once(world: World) -> None:
    quiet(world)
    choose(world, PRINCIPAL, "links_stopped", MAIL)
    news(world)
    assert [await delivering.at_once(WORKER) for _ in range(2)] == [1, 0]
    [letter] = letters(world, PRINCIPAL)
    assert letter.subject % letter.values == "Your link to acme-fiber was changed"
    assert letters(world, TECHNICAL) == []


async def test_a_worker_that_is_killed_before_the_end_has_told_nothing_and_the_next_tells_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(world)
    choose(world, PRINCIPAL, "links_stopped", ALL)
    choose(world, TECHNICAL, "links_stopped", ALL)
    world.sql("INSERT INTO portal.digest SELECT id, '2026-11-26', now() FROM portal.partner_user")
    news(world)
    real, calls = delivering.post, []

    async def dying(*given: Any) -> UUID:
        calls.append(given)
        if len(calls) == 2:
            raise ConnectionError
        return await real(*given)

    monkeypatch.setattr(delivering, "post", dying)
    with pytest.raises(ConnectionError):
        await delivering.at_once(WORKER)
    assert letters(world) == []
    monkeypatch.setattr(delivering, "post", real)
    assert await delivering.at_once(WORKER) == 2
    calls.clear()
    monkeypatch.setattr(delivering, "post", dying)
    with pytest.raises(ConnectionError):
        await delivering.daily(WORKER, now=MORNING)
    monkeypatch.setattr(delivering, "post", real)
    await delivering.daily(WORKER, now=MORNING)
    await delivering.daily(WORKER, now=MORNING)
    kinds = [letter.kind for letter in letters(world, PRINCIPAL) + letters(world, TECHNICAL)]
    assert sorted(kinds) == ["notices.at_once"] * 2 + ["notices.digest"] * 2


@pytest.mark.parametrize(
    ("zone", "day", "before", "after"),
    [
        ("Europe/Madrid", "2026-03-29", "2026-03-29T05:59", "2026-03-29T06:00"),  # 23 hours long: 8:00 is 6:00 UTC
        ("Europe/Madrid", "2026-10-25", "2026-10-25T06:59", "2026-10-25T07:00"),  # 25 hours long
        ("America/New_York", "2026-03-08", "2026-03-08T11:59", "2026-03-08T12:00"),
        ("America/New_York", "2026-11-01", "2026-11-01T12:59", "2026-11-01T13:00"),
        ("Asia/Kathmandu", "2026-11-27", "2026-11-27T02:14", "2026-11-27T02:15"),
    ],
)
async def test_the_daily_letter_comes_at_eight_of_the_own_morning_once_a_local_day(
    world: World, zone: str, day: str, before: str, after: str
) -> None:
    quiet(world)
    choose(world, PRINCIPAL, "links_stopped", DAILY)
    world.sql("UPDATE portal.partner_user SET timezone = %s WHERE email = %s", zone, PRINCIPAL)
    news(world)
    await delivering.at_once(WORKER)
    early, due = (datetime.fromisoformat(f"{text}:00+00:00") for text in (before, after))
    await delivering.daily(WORKER, now=due - timedelta(hours=20))  # the day before
    assert len(letters(world, PRINCIPAL)) == 1
    news(world)
    await delivering.at_once(WORKER)
    await delivering.daily(WORKER, now=early)
    assert len(letters(world, PRINCIPAL)) == 1
    for minutes in (0, 1, 60, 15 * 60):  # until shortly before midnight
        await delivering.daily(WORKER, now=due + timedelta(minutes=minutes))
    assert [letter.kind for letter in letters(world, PRINCIPAL)] == ["notices.digest"] * 2
    kept = world.sql(
        "SELECT day::text FROM portal.digest WHERE user_id = (SELECT id FROM portal.partner_user WHERE email = %s)",
        PRINCIPAL,
    )
    assert kept == [{"day": day}]
    await delivering.daily(WORKER, now=due + timedelta(days=1, hours=1))
    assert len(letters(world, PRINCIPAL)) == 2


async def test_a_flood_of_alerts_is_one_letter_with_a_line_for_each_kind_and_no_amount(world: World) -> None:
    quiet(world)
    for topic in TOPICS["partner"]:
        choose(world, PRINCIPAL, topic.name, MAIL)
    world.sql("DELETE FROM portal.alert")
    await watch_tickets(WORKER)
    await watch(WORKER)
    assert await delivering.at_once(WORKER) == 1
    [letter] = letters(world, PRINCIPAL)
    said = text_of(letter)
    assert said.count("Tickets past their SLA clock:") == 1
    assert "Receivables over the threshold:" in said
    assert not re.search(r"[$€£]|USD|EUR|\d[.,]\d\d\b", said)


async def test_nobody_is_told_what_the_portal_would_not_show(world: World) -> None:
    quiet(world)
    for topic in TOPICS["partner"]:
        for email in (TECHNICAL, "viewer@northwind.example", "msp_support@northwind.example"):
            choose(world, email, topic.name, MAIL)
    person = partner_person(world, TECHNICAL)
    live = world.tenants("northwind", "live")
    other = next(each for each in live if each != world.tenant("acme-fiber"))
    world.sql("DELETE FROM portal.partner_user_tenant WHERE user_id = %s", person.user_id)
    world.sql("DELETE FROM portal.partner_user_group WHERE user_id = %s", person.user_id)
    world.sql("UPDATE portal.partner_user SET tenant_scope = 'include' WHERE id = %s", person.user_id)
    world.sql("INSERT INTO portal.partner_user_tenant VALUES (%s, %s)", person.user_id, other)
    world.sql("DELETE FROM portal.alert")
    await watch_tickets(WORKER)
    await watch(WORKER)
    news(world)
    news(world, kind="ticket.opened")
    news(world, kind="account.begun")
    await delivering.at_once(WORKER)
    for letter in letters(world, TECHNICAL):
        assert "acme" not in text_of(letter).lower()
        assert "Receivables" not in text_of(letter)
    [viewers] = letters(world, "viewer@northwind.example")
    assert "SLA" not in text_of(viewers)
    assert "ticket" not in text_of(viewers)
    assert "entrusted" not in text_of(viewers)
    [support] = letters(world, "msp_support@northwind.example")
    assert "Receivables" not in text_of(support)
    assert "opened ticket #7" in text_of(support)
    assert "entrusted a subscriber" in text_of(support)


@pytest.mark.parametrize(
    "shut",
    [
        "UPDATE portal.partner_user SET status = 'deactivated' WHERE email = 'technical@northwind.example'",
        "UPDATE portal.partner SET status = 'suspended' WHERE slug = 'northwind'",
        "UPDATE portal.partner_tenant_link SET status = 'revoked' WHERE tenant_name = 'Acme Fiber'",
    ],
)
async def test_whoever_lost_the_access_is_told_nothing(world: World, shut: str) -> None:
    quiet(world)
    choose(world, TECHNICAL, "tickets", ALL)
    choose(world, TECHNICAL, "links_stopped", NONE)
    news(world, kind="ticket.opened")
    world.sql(shut)
    await delivering.at_once(WORKER)
    await delivering.daily(WORKER, now=MORNING)
    assert letters(world, TECHNICAL) == []


async def test_what_is_for_one_person_alone_is_told_to_nobody_else(world: World) -> None:
    quiet(world)
    for email in (PRINCIPAL, TECHNICAL):
        choose(world, email, "tickets_given", ALL)
    made = news(world, kind="ticket.assigned")
    world.sql("UPDATE portal.notice SET person_id = %s WHERE id = %s", partner_person(world, TECHNICAL).user_id, made)
    await delivering.at_once(WORKER)
    await delivering.daily(WORKER, now=MORNING)
    assert letters(world, PRINCIPAL) == []
    assert [letter.kind for letter in letters(world, TECHNICAL)] == ["notices.at_once", "notices.digest"]


async def test_the_letter_is_in_the_readers_language_and_what_was_typed_stays_in_its_line(world: World) -> None:
    quiet(world)
    choose(world, PRINCIPAL, "links_stopped", MAIL)
    world.sql("UPDATE portal.partner_user SET language = 'es' WHERE email = %s", PRINCIPAL)
    for name in ("Acme\nBcc: x@y.example", "<b>Bold</b> %(days)s"):
        news(world, tenant=name)
    await delivering.at_once(WORKER)
    [letter] = letters(world, PRINCIPAL)
    made = written(letter, LOOK)
    assert "Su vínculo con" in made.text
    assert "<b>" not in made.html
    assert "\nBcc" not in made.text


async def test_customers_and_staff_are_told_too(world: World) -> None:
    quiet(world)
    tenant, staff = customer_person(world), staff_person(world)
    for person, topic in ((tenant, "link_requests"), (staff, "no_approver")):
        await choices.keep(person, {topic: ALL})
    for audience, place, kind in (("tenant", tenant.tenant_id, "link.requested"), ("staff", None, "link.no_approver")):
        world.sql(
            'INSERT INTO portal.notice (id, audience, audience_id, kind, tenant_id, "values", dedupe) VALUES'
            ' (gen_random_uuid(), %s, %s, %s, %s, \'{"partner": "Northwind", "tenant": "Acme"}\', \'x\')',
            *(audience, place, kind, tenant.tenant_id),
        )
    assert await delivering.at_once(WORKER) == 2
    assert await delivering.daily(WORKER, now=MORNING) == 2
    assert letters(world, "admin@acme-fiber.example")[0].link == ("customers", "/notices")
    assert letters(world, "lead@halcyon.example")[0].link == ("staff", "/notices")


async def test_what_somebody_turned_off_is_neither_listed_nor_counted(world: World) -> None:
    quiet(world)
    world.sql("DELETE FROM portal.notice_read")
    world.sql("DELETE FROM portal.notice")
    news(world)
    news(world, kind="ticket.opened")
    actor = partner_person(world)
    await choices.keep(actor, {"tickets": NONE})
    async with db.transaction(actor) as connection:
        found, _ = await notices.listed(connection, actor)
        assert [each.kind for each in found] == ["link.changed"]
        assert (await bell.rung(connection, actor)).unread == 1
