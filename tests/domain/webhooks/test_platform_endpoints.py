"""Webhooks of the platform: told what is done here, looked after by leads; a partner's own stay its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from standardwebhooks import Webhook

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from guildhall.domain.access import consent
from guildhall.domain.partners import webhook_overview
from guildhall.domain.partners.webhook_overview import Filter
from guildhall.domain.provisioning import subscribers
from guildhall.domain.support.handling import Answer, Change, Draft, open_ticket, update
from guildhall.domain.webhooks import acts, endpoints
from guildhall.domain.webhooks.acts import Draft as Wish
from guildhall.domain.webhooks.acts import Made
from support_actors import customer_person, domain_world, link_id, partner_person, staff_person
from support_receivers import Receiver, receiver
from support_smtp import deliver_over, work_off
from support_world import Cluster, World

pytestmark = pytest.mark.anyio
_STATE = "SELECT status, disabled_for, disabled_because FROM portal.webhook_endpoint WHERE id = %s"


@pytest.fixture
async def world(cluster: Cluster, anyio_backend: str) -> AsyncIterator[World]:
    async with domain_world(cluster) as made:
        made.sql(
            "TRUNCATE portal.webhook_endpoint, portal.webhook_secret, portal.webhook_event, portal.webhook_delivery,"
            " portal.webhook_attempt"
        )
        deliver_over(made, None)
        yield made


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


async def added(actor: Any, hooks: Receiver, *patterns: str) -> Made:
    return await acts.add(actor, draft=Wish(url=hooks.url, events=patterns or ("*",)), now=clock.now())


def told(hooks: Receiver) -> list[tuple[str, str]]:
    """Return kind and side of what came."""
    return sorted((each["type"], each["data"]["side"]) for each in hooks.said())


async def test_the_platform_hears_what_is_done_here_and_nothing_of_what_it_sends_or_what_is_internal(
    world: World, hooks: Receiver
) -> None:
    made = await added(staff_person(world), hooks)
    partner, customer, tenant = partner_person(world), customer_person(world), world.tenant("acme-fiber")
    ticket = await open_ticket(customer, tenant_id=tenant, draft=Draft(subject="Line is down"), now=clock.now())
    for answer in (Answer(content="between us", is_internal=True), Answer(content="We look")):
        await update(partner, ticket_id=ticket.id, change=Change(comment=answer), now=clock.now())
    await update(partner, ticket_id=ticket.id, change=Change(status="pending"), now=clock.now())
    (one,) = world.sql(
        "SELECT id FROM tenancy.subscriber WHERE tenant_id = %s AND status = 'active' ORDER BY id LIMIT 1", tenant
    )
    await subscribers.step(partner, tenant_id=tenant, subscriber_id=one["id"], act="suspend")
    await consent.revoke(customer, link_id=link_id(world, "northwind", "acme-fiber"))
    world.sql(f"SET ROLE \"{world.cluster.prefix}platform\"; UPDATE tenancy.ticket SET status = 'open'; RESET ROLE")
    await work_off(world)
    assert told(hooks) == [
        ("platform.link.revoked", "tenant"),
        ("platform.subscriber.suspended", "partner"),
        ("platform.ticket.commented", "partner"),
        ("platform.ticket.created", "tenant"),
        ("platform.ticket.updated", "partner"),
    ]
    assert "between us" not in repr(hooks.came)
    for headers, body in hooks.came:
        said = Webhook(made.secret).verify(body, headers)
        assert said["data"]["tenant_id"] == str(tenant)
        assert {"tenant_external_id", "partner_id"} <= set(said["data"])


async def test_a_partner_hears_nothing_of_the_platforms_and_cannot_ask_for_it(world: World, hooks: Receiver) -> None:
    partner = partner_person(world)
    await added(partner, hooks)
    platform = await added(staff_person(world), hooks, "platform.ticket.*")
    with pytest.raises(Invalid):
        await added(partner, hooks, "platform.ticket.*")
    with pytest.raises(Invalid):
        await added(staff_person(world), hooks, "partner.link.*")
    async with db.transaction(partner) as connection:
        found = await endpoints.listed(connection, partner)
        assert (found.total, [each.partner_id for each in found.items]) == (1, [partner.partner_id])
        with pytest.raises(NotFound):
            await endpoints.get(connection, partner, platform.endpoint_id)
    with pytest.raises(NotFound):
        await acts.disable(partner, endpoint_id=platform.endpoint_id)
    tenant = world.tenant("acme-fiber")
    await open_ticket(customer_person(world), tenant_id=tenant, draft=Draft(subject="Slow"), now=clock.now())
    await work_off(world)
    kinds = [each["type"] for each in hooks.said()]
    assert sorted(kinds) == ["partner.tenant.ticket_created", "platform.ticket.created"]
    owners = world.sql("SELECT DISTINCT partner_id FROM portal.webhook_event WHERE kind LIKE 'platform%%'")
    assert owners == [{"partner_id": None}]


async def test_staff_see_how_a_partners_endpoint_fares_and_not_what_it_was_told(world: World, hooks: Receiver) -> None:
    partner, lead = partner_person(world), staff_person(world)
    made = await added(partner, hooks)
    await acts.test(partner, endpoint_id=made.endpoint_id)
    await work_off(world)
    (delivery,) = world.sql("SELECT id FROM portal.webhook_delivery")
    async with db.transaction(lead) as connection:
        rows, total = await webhook_overview.listed(connection, lead, Filter(search="northwind", whose="partner"))
        assert (total, rows[0].partner_name, rows[0].failed) == (1, partner.partner_name, 0)
        assert rows[0].delivered_at is not None
        assert (await webhook_overview.listed(connection, lead, Filter(whose="platform"))) == ([], 0)
        log, _ = await webhook_overview.outcomes(connection, lead, made.endpoint_id, status="", limit=5, offset=0)
        assert [each.status for each in log] == ["delivered"]
        assert await endpoints.secrets(connection, made.endpoint_id) == []
        with pytest.raises(NotFound):
            await endpoints.get_delivery(connection, lead, made.endpoint_id, delivery["id"])
    before = world.sql("SELECT * FROM portal.webhook_endpoint")
    for refused in (
        acts.test(lead, endpoint_id=made.endpoint_id),
        acts.replay(lead, endpoint_id=made.endpoint_id, delivery_id=delivery["id"]),
        acts.rotate(lead, endpoint_id=made.endpoint_id, overlap=acts.USUAL_OVERLAP, now=clock.now()),
        acts.change(lead, endpoint_id=made.endpoint_id, draft=Wish(url=hooks.url, events=("*",)), now=clock.now()),
    ):
        with pytest.raises(NotFound):
            await refused
    assert world.sql("SELECT * FROM portal.webhook_endpoint") == before


async def test_who_read_an_endpoint_before_staff_locked_it_does_not_unlock_it(
    world: World, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner, lead = partner_person(world), staff_person(world)
    where = {"endpoint_id": (await added(partner, hooks)).endpoint_id}
    read = endpoints.get

    async def overtaken(*given: Any) -> endpoints.Endpoint:
        """Read the endpoint; before it is written, a lead switches it off."""
        found = await read(*given)
        monkeypatch.setattr(endpoints, "get", read)
        await acts.disable(lead, **where, reason="Floods us")
        return found

    monkeypatch.setattr(endpoints, "get", overtaken)
    with pytest.raises(PreconditionFailed):
        await acts.disable(partner, **where)
    assert world.sql(_STATE, where["endpoint_id"])[0]["disabled_for"] == "staff"


FORGOTTEN = {
    "url": "UPDATE portal.webhook_endpoint SET url = 'https://elsewhere.example/' WHERE id = :id",
    "events": "UPDATE portal.webhook_endpoint SET events = '{*}' WHERE id = :id",
    "off": "UPDATE portal.webhook_endpoint SET status = 'disabled', disabled_for = 'staff' WHERE id = :id",
    "on": "UPDATE portal.webhook_endpoint SET status = 'active', disabled_for = '' WHERE id = :id",
    "secret": "UPDATE portal.webhook_secret SET ends_at = now() WHERE endpoint_id = :id",
    "replay": "UPDATE portal.webhook_delivery SET status = 'waiting', next_at = now() WHERE endpoint_id = :id",
    "test": "SELECT 1 WHERE portal.webhook_test(:id, '{}') IS NOT NULL",
    "attempts": "SELECT 1 FROM portal.webhook_attempt AS a JOIN portal.webhook_delivery AS d ON d.id = a.delivery_id"
    " WHERE d.endpoint_id = :id",
    "data": "SELECT 1 FROM portal.webhook_delivery AS d WHERE d.endpoint_id = :id"
    " AND portal.webhook_platform_data(d.event_id) IS NOT NULL",
}


async def test_the_database_keeps_who_of_staff_may_touch_what_of_an_endpoint(world: World, hooks: Receiver) -> None:
    partner, lead, support = partner_person(world), staff_person(world), staff_person(world, "support@halcyon.example")
    owned = {"theirs": await added(partner, hooks, "partner.link.*"), "ours": await added(lead, hooks)}
    for actor, one in ((partner, "theirs"), (lead, "ours")):
        await acts.test(actor, endpoint_id=owned[one].endpoint_id)
    await work_off(world)

    async def touched(actor: Actor, one: str) -> set[str]:
        """Return which statements do something, when code forgets to ask who it is."""
        done = set()
        for name, statement in FORGOTTEN.items():
            with suppress(DBAPIError):
                async with db.transaction(actor) as connection:
                    if (await connection.execute(text(statement), {"id": owned[one].endpoint_id})).rowcount:
                        done.add(name)
        return done

    async def heads(actor: Actor) -> set[UUID | None]:
        async with db.transaction(actor) as connection:
            return set((await connection.execute(text("SELECT partner_id FROM portal.webhook_event"))).scalars())

    assert await heads(lead) == await heads(support) == {None}
    assert await heads(staff_person(world, "finance@halcyon.example")) == set(), "who may not see endpoints"
    assert await touched(support, "theirs") == await touched(support, "ours") == set()
    assert await touched(lead, "theirs") == {"off", "on"}
    assert await touched(lead, "ours") == set(FORGOTTEN)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with db.transaction(lead) as connection:
            await connection.execute(text("SELECT data FROM portal.webhook_event"))
    await acts.disable(lead, endpoint_id=owned["theirs"].endpoint_id, reason="Floods us")
    assert await touched(partner, "theirs") & {"on", "url"} == {"url"}


async def test_what_staff_switched_off_with_a_reason_staff_alone_switch_on(world: World, hooks: Receiver) -> None:
    partner, lead = partner_person(world), staff_person(world)
    where = {"endpoint_id": (await added(partner, hooks)).endpoint_id}
    with pytest.raises(Invalid):
        await acts.disable(lead, **where)
    with pytest.raises(Forbidden):
        await acts.disable(staff_person(world, "support@halcyon.example"), **where, reason="Floods us")
    assert world.sql(_STATE, where["endpoint_id"])[0]["status"] == "active"
    await acts.disable(lead, **where, reason="Floods us")
    off = {"status": "disabled", "disabled_for": "staff", "disabled_because": "Floods us"}
    assert world.sql(_STATE, where["endpoint_id"]) == [off]
    letters = "SELECT recipient FROM portal.mail WHERE kind = 'webhook.disabled'"
    assert world.sql(letters) == [{"recipient": "principal@northwind.example"}]
    with pytest.raises(Conflict):
        await acts.enable(partner, **where, now=clock.now())
    assert world.sql(_STATE, where["endpoint_id"]) == [off]
    noted = "SELECT kind FROM portal.audit_entry WHERE action = 'webhook.disabled' AND target_id = %s ORDER BY 1"
    assert [row["kind"] for row in world.sql(noted, str(where["endpoint_id"]))] == ["partner", "vendor"]
    await acts.enable(lead, **where, now=clock.now())
    await acts.disable(partner, **where)
    with pytest.raises(Conflict):
        await acts.enable(lead, **where, now=clock.now())


async def test_leads_are_told_when_the_platforms_endpoint_is_gone(world: World, hooks: Receiver) -> None:
    lead = staff_person(world)
    made = await added(lead, hooks)
    hooks.answers = [410]
    await acts.test(lead, endpoint_id=made.endpoint_id)
    await work_off(world)
    assert world.sql(_STATE, made.endpoint_id)[0]["disabled_for"] == "gone"
    letters = world.sql("SELECT recipient FROM portal.mail WHERE kind = 'webhook.disabled'")
    assert letters == [{"recipient": "lead@halcyon.example"}]
    noted = world.sql("SELECT kind FROM portal.audit_entry WHERE action = 'webhook.disabled'")
    assert noted == [{"kind": "vendor"}]
    with pytest.raises(Conflict):
        await acts.replay_failed(lead, endpoint_id=made.endpoint_id, since=clock.now())
    await acts.enable(lead, endpoint_id=made.endpoint_id, now=clock.now())
    since = world.sql("SELECT min(created_at) AS at FROM portal.webhook_delivery")[0]["at"]
    assert await acts.replay_failed(lead, endpoint_id=made.endpoint_id, since=since) == 1
    await work_off(world)
    assert [row["status"] for row in world.sql("SELECT status FROM portal.webhook_delivery")] == ["delivered"]
