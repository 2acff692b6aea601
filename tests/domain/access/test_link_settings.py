"""What a link promises and watches: set at once, told to whom it concerns, and seen by nobody else."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from guildhall.core import clock, db
from guildhall.core.actor import system
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from guildhall.core.money import Money
from guildhall.domain.access import link_settings, links
from guildhall.domain.access.link_settings import MONEY, Settings
from guildhall.domain.alerts.evaluating import watch
from guildhall.domain.support import handling
from guildhall.domain.support.handling import Change
from support_actors import link_id, partner_person
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
WHOLE = Settings(
    response_hours=2,
    uptime_target=Decimal("99.999"),
    sla_breach=True,
    billing_threshold=Money(Decimal("0.01"), "USD"),
)


def blank(world: World) -> UUID:
    """Return the id of a live link on which nothing is promised and nothing watched, as one that was just approved."""
    link = link_id(world, "northwind", "acme-fiber")
    world.sql("UPDATE portal.partner_tenant_link SET sla_config = '{}', alert_config = '{}' WHERE id = %s", link)
    world.sql("DELETE FROM portal.alert")
    world.sql("DELETE FROM portal.notice")
    return link


def row_of(world: World, link: UUID) -> dict[str, Any]:
    return world.sql("SELECT * FROM portal.partner_tenant_link WHERE id = %s", link)[0]


async def causes(world: World, link: UUID) -> set[str]:
    """Return the kinds of what is wrong about a link after a look."""
    await watch(system("alerts"))
    found = world.sql("SELECT kind FROM portal.alert WHERE link_id = %s AND status <> 'resolved'", link)
    return {row["kind"] for row in found} & {"sla.uptime", "billing.threshold"}


async def test_a_new_link_alerts_of_what_its_partner_set_and_no_more_when_that_is_gone(world: World) -> None:
    link, actor = blank(world), partner_person(world, PRINCIPAL)
    world.sql(
        "INSERT INTO tenancy.outage (id, tenant_id, started_at, ended_at)"
        " VALUES (gen_random_uuid(), %s, date_trunc('month', now()), date_trunc('month', now()) + interval '1 hour')",
        world.tenant("acme-fiber"),
    )
    world.sql(
        "INSERT INTO tenancy.billing_rollup (tenant_id, currency, outstanding) VALUES (%s, 'USD', 5)"
        " ON CONFLICT (tenant_id, currency) DO UPDATE SET outstanding = 5",
        world.tenant("acme-fiber"),
    )
    assert await causes(world, link) == set()
    await link_settings.change(actor, link_id=link, wanted=WHOLE)
    assert await causes(world, link) == {"sla.uptime", "billing.threshold"}
    await link_settings.change(actor, link_id=link, wanted=Settings(sla_breach=False))
    assert await causes(world, link) == {"billing.threshold"}
    nothing = Settings(response_hours=None, uptime_target=None, billing_threshold=None)
    await link_settings.change(actor, link_id=link, wanted=nothing)
    assert await causes(world, link) == set()
    row = row_of(world, link)
    assert (row["sla_config"], row["alert_config"], row["uptime_target"]) == ({}, {"sla_breach": False}, None)


async def test_a_promise_is_in_both_trails_and_told_and_a_threshold_in_one_without_its_amount(world: World) -> None:
    link, actor = blank(world), partner_person(world, PRINCIPAL)
    before = row_of(world, link)
    await link_settings.change(actor, link_id=link, wanted=WHOLE)
    after = row_of(world, link)
    assert (after["version"], after["updated_by"]) == (before["version"] + 1, actor.name)
    assert after["sla_config"] == {"response_hours": 2, "uptime_target": 99.999}
    assert after["alert_config"] == {"billing_threshold": {"amount": "0.01", "currency": "USD"}}
    entries = world.sql(
        "SELECT kind, action, tenant_id, body::jsonb -> 'changes' AS changes FROM portal.audit_entry"
        " WHERE target_id = %s AND action IN ('link.promised', 'link.watched') ORDER BY action, kind",
        str(link),
    )
    promised = {"response_hours": [None, 2], "uptime_target": [None, 99.999]}
    tenants = {each.pop("tenant_id") for each in entries}
    assert tenants == {world.tenant("acme-fiber")}, "whoever is limited to other customers reads none of it"
    assert [(each["kind"], each["action"], each["changes"]) for each in entries] == [
        ("partner", "link.promised", promised),
        ("tenant", "link.promised", promised),
        ("partner", "link.watched", {"billing_threshold": "set"}),
    ]
    told = world.sql("SELECT audience, kind FROM portal.notice")
    assert told == [{"audience": "tenant", "kind": "link.promised"}]

    await link_settings.change(actor, link_id=link, wanted=WHOLE)
    assert row_of(world, link) == after, "the same again changes nothing"
    await link_settings.change(
        actor, link_id=link, wanted=Settings(billing_threshold=Money(Decimal(7), "JPY"), sla_breach=False)
    )
    assert row_of(world, link)["alert_config"] == {
        "billing_threshold": {"amount": "7", "currency": "JPY"},
        "sla_breach": False,
    }
    assert len(world.sql("SELECT id FROM portal.notice")) == 1, "what is watched is no news to the customer"


async def test_a_ticket_is_due_by_what_was_promised_last(world: World) -> None:
    link, actor, tenant = blank(world), partner_person(world, PRINCIPAL), world.tenant("acme-fiber")
    client = await world.api(PRINCIPAL, tenant)
    for hours, due in ((None, 24), (2, 2), (1, 1)):
        await link_settings.change(actor, link_id=link, wanted=Settings(response_hours=hours))
        draft = {"subject": f"By {hours}", "description": "x", "priority": "low", "category": "network"}
        made = (await client.post("/api/v1/partner/support/tickets", json=draft)).json()
        span = world.sql("SELECT sla_breach_at - created_at AS span FROM tenancy.ticket WHERE id = %s", made["id"])
        assert round(span[0]["span"].total_seconds() / 3600) == due


async def test_a_reopened_ticket_keeps_its_start_whatever_is_promised_since(world: World) -> None:
    link, actor, tenant = blank(world), partner_person(world, PRINCIPAL), world.tenant("acme-fiber")
    await link_settings.change(actor, link_id=link, wanted=Settings(response_hours=2))
    client, opened = await world.api(PRINCIPAL, tenant), clock.now() - timedelta(days=3)
    draft = {"subject": "Again", "description": "x", "priority": "low", "category": "network"}
    ticket = (await client.post("/api/v1/partner/support/tickets", json=draft)).json()["id"]
    world.sql(
        "UPDATE tenancy.ticket SET status = 'closed', created_at = %s, sla_breach_at = %s WHERE id = %s",
        opened,
        opened + timedelta(hours=2),
        ticket,
    )
    now = clock.now()
    await handling.update(actor, ticket_id=ticket, change=Change(status="open"), now=now)
    await link_settings.change(actor, link_id=link, wanted=Settings(response_hours=None))
    changed = await handling.update(actor, ticket_id=ticket, change=Change(priority="normal"), now=now)
    assert changed.sla_breach_at == now + timedelta(hours=8)
    assert not changed.is_sla_breached


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"billing_threshold": Money(Decimal("1e-9999999"), "USD")}, "billing_threshold.amount"),
        ({"response_hours": 0}, "response_hours"),
        ({"response_hours": 721}, "response_hours"),
        ({"uptime_target": Decimal(0)}, "uptime_target"),
        ({"uptime_target": Decimal("100.001")}, "uptime_target"),
        ({"uptime_target": Decimal("99.9999")}, "uptime_target"),
        ({"uptime_target": Decimal("NaN")}, "uptime_target"),
        ({"uptime_target": Decimal("1e-9999999")}, "uptime_target"),
        ({"billing_threshold": Money(Decimal(0), "USD")}, "billing_threshold.amount"),
        ({"billing_threshold": Money(Decimal("Infinity"), "USD")}, "billing_threshold.amount"),
        ({"billing_threshold": Money(Decimal("1e14"), "USD")}, "billing_threshold.amount"),
        ({"billing_threshold": Money(Decimal("1.001"), "USD")}, "billing_threshold.amount"),
        ({"billing_threshold": Money(Decimal("0.5"), "JPY")}, "billing_threshold.amount"),
        ({"billing_threshold": Money(Decimal(1), "usd")}, "billing_threshold.currency"),
        ({"billing_threshold": Money(Decimal(1), "EURO")}, "billing_threshold.currency"),
    ],
)
async def test_what_cannot_be_is_named_and_nothing_is_set(demo: World, wanted: dict[str, Any], field: str) -> None:
    link = link_id(demo, "northwind", "acme-fiber")
    before = row_of(demo, link)
    with pytest.raises(Invalid) as refused:
        await link_settings.change(partner_person(demo, PRINCIPAL), link_id=link, wanted=Settings(**wanted))
    assert list(refused.value.errors) == [field]
    assert row_of(demo, link) == before


async def test_whoever_sees_no_amount_sets_none_and_takes_none_away(world: World) -> None:
    link, actor = blank(world), partner_person(world, PRINCIPAL)
    await link_settings.change(actor, link_id=link, wanted=WHOLE)
    blind = partner_person(world, PRINCIPAL, permissions=actor.permissions - {MONEY})
    for threshold in (None, Money(Decimal(1), "USD")):
        with pytest.raises(Forbidden):
            await link_settings.change(blind, link_id=link, wanted=Settings(billing_threshold=threshold))
    await link_settings.change(blind, link_id=link, wanted=Settings(sla_breach=False, response_hours=5))
    async with db.transaction(blind) as connection:
        assert (await links.get(connection, blind, link)).alert_config == {"sla_breach": False}
    kept = {"amount": "0.01", "currency": "USD"}
    assert row_of(world, link)["alert_config"] == {"sla_breach": False, "billing_threshold": kept}


async def test_nobody_else_sets_it_nor_on_a_link_that_does_not_stand(world: World) -> None:
    link = blank(world)
    for email in ("finance@northwind.example", "auditor@northwind.example"):
        with pytest.raises(Forbidden):
            await link_settings.change(partner_person(world, email), link_id=link, wanted=WHOLE)
    stranger = partner_person(world, "principal@alderfinch.example")
    with pytest.raises(NotFound):
        await link_settings.change(stranger, link_id=link, wanted=WHOLE)
    async with db.transaction(stranger) as connection:
        done = await connection.execute(
            text("UPDATE portal.partner_tenant_link SET sla_config = '{}' WHERE id = :id"), {"id": link}
        )
        assert done.rowcount == 0
    actor = partner_person(world, PRINCIPAL)
    with pytest.raises(PreconditionFailed):
        await link_settings.change(actor, link_id=link, wanted=WHOLE, if_version=row_of(world, link)["version"] + 1)
    world.sql("UPDATE portal.partner_tenant_link SET ends_at = %s WHERE id = %s", clock.now(), link)
    with pytest.raises(Conflict):
        await link_settings.change(actor, link_id=link, wanted=WHOLE)
    assert row_of(world, link)["sla_config"] == {}
