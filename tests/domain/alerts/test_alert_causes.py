"""Alerts: one for each cause, cured by itself, back when it recurs, seen by whoever may see what it is about."""

from typing import Any
from uuid import UUID

import pytest

from guildhall.core import clock, db
from guildhall.core.actor import system
from guildhall.core.errors import Conflict, Forbidden, NotFound
from guildhall.domain.alerts import acting, reading
from guildhall.domain.alerts.evaluating import watch, watch_tickets
from guildhall.domain.alerts.reading import Alert, Filter
from guildhall.domain.alerts.tables import KINDS
from guildhall.domain.webhooks import acts
from guildhall.domain.webhooks.acts import Draft
from support_actors import link_id, partner_person
from support_world import World

pytestmark = pytest.mark.anyio
WORKER = system("alerts")
PRINCIPAL = "principal@northwind.example"


async def _evaluate() -> int:
    return await watch_tickets(WORKER) + await watch(WORKER)


async def _seen(world: World, email: str = PRINCIPAL, **wanted: Any) -> list[Alert]:
    actor = partner_person(world, email)
    async with db.transaction(actor) as connection:
        page = await reading.listed(connection, actor, Filter(limit=1000, **wanted))
    assert page.total == len(page.items)
    assert page.total == sum(page.counts[each] for each in wanted.get("shown", page.counts))
    return page.items


def _of(world: World, cause: str) -> list[dict[str, Any]]:
    return world.sql("SELECT * FROM portal.alert WHERE cause = %s ORDER BY created_at", cause)


async def test_an_old_world_is_told_once_and_shows_every_kind(world: World) -> None:
    world.sql("DELETE FROM portal.alert")
    first = await _evaluate()
    told = world.sql("SELECT id, version, updated_at FROM portal.alert ORDER BY id")
    assert first == len(told) > 0
    assert await _evaluate() == 0
    assert world.sql("SELECT id, version, updated_at FROM portal.alert ORDER BY id") == told
    assert {row["kind"] for row in world.sql("SELECT DISTINCT kind FROM portal.alert")} == set(KINDS)


async def test_a_ticket_is_cured_by_its_answer_and_told_anew_when_it_recurs(world: World) -> None:
    cause = next(each for each in await _seen(world, kinds=("sla.ticket",), shown=("active",)))
    ticket = cause.details["ticket_id"]
    key = f"ticket:{ticket}"
    world.sql("UPDATE tenancy.ticket SET status = 'resolved', resolved_at = now() WHERE id = %s", ticket)
    assert await _evaluate() == 0
    assert {row["status"] for row in _of(world, key)} == {"resolved"}
    world.sql("UPDATE tenancy.ticket SET status = 'open', resolved_at = NULL WHERE id = %s", ticket)
    again = await _evaluate()
    partners = world.sql("SELECT count(DISTINCT partner_id) AS n FROM portal.alert WHERE cause = %s", key)[0]["n"]
    assert again == partners
    assert [row["status"] for row in _of(world, key)].count("active") == partners


async def test_receivables_are_compared_in_the_thresholds_own_currency(world: World) -> None:
    link, tenant = link_id(world, "northwind", "acme-fiber"), world.tenant("acme-fiber")
    world.sql("DELETE FROM portal.alert")
    world.sql("DELETE FROM tenancy.billing_rollup WHERE tenant_id = %s", tenant)
    world.sql(
        "INSERT INTO tenancy.billing_rollup (tenant_id, currency, outstanding)"
        " VALUES (%s, 'USD', 99.99), (%s, 'EUR', 9e6)",
        tenant,
        tenant,
    )
    config = '{"billing_threshold": {"amount": "100.00", "currency": "USD"}}'
    world.sql("UPDATE portal.partner_tenant_link SET alert_config = %s WHERE id = %s", config, link)
    await watch(WORKER)
    assert _of(world, f"billing:{link}:USD") == []
    world.sql("UPDATE tenancy.billing_rollup SET outstanding = 100 WHERE tenant_id = %s AND currency = 'USD'", tenant)
    await watch(WORKER)
    await watch(WORKER)
    [raised] = _of(world, f"billing:{link}:USD")
    assert (raised["severity"], raised["status"]) == ("warning", "active")
    assert _of(world, f"billing:{link}:EUR") == []


async def test_what_gets_worse_comes_back_to_whoever_had_acknowledged_it(world: World) -> None:
    link = link_id(world, "northwind", "acme-fiber")
    world.sql(
        "UPDATE portal.partner_tenant_link SET starts_at = now() - interval '300 days',"
        " ends_at = now() + interval '5 days' WHERE id = %s",
        link,
    )
    await watch(WORKER)
    [warned] = await _seen(world, kinds=("link.expiring",), tenant_ids=(world.tenant("acme-fiber"),))
    await acting.acknowledge(partner_person(world), alert_ids=[warned.id], now=clock.now())
    await watch(WORKER)
    state = "SELECT severity, status, acknowledged_by FROM portal.alert WHERE id = %s"
    assert world.sql(state, warned.id)[0]["status"] == "acknowledged"
    # As it was when the link had a month to run.
    world.sql("UPDATE portal.alert SET severity = 'info' WHERE id = %s", warned.id)
    await watch(WORKER)
    assert world.sql(state, warned.id) == [{"severity": "warning", "status": "active", "acknowledged_by": None}]


async def test_uptime_counts_overlapping_outages_once_and_against_the_whole_month(world: World) -> None:
    tenant, link = world.tenant("acme-fiber"), link_id(world, "northwind", "acme-fiber")
    world.sql("DELETE FROM tenancy.outage WHERE tenant_id = %s", tenant)
    world.sql("UPDATE portal.partner_tenant_link SET sla_config = '{\"uptime_target\": 99.9}' WHERE id = %s", link)
    first = "date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '10 days'"
    month = world.sql(f"SELECT to_char(({first}) AT TIME ZONE 'UTC', 'YYYY-MM') AS month")[0]["month"]
    for begins, lasts in (("0", "30 minutes"), ("10 minutes", "20 minutes")):
        world.sql(
            "INSERT INTO tenancy.outage (id, tenant_id, started_at, ended_at) VALUES (gen_random_uuid(), %s,"
            f" {first} + interval '{begins}', {first} + interval '{begins}' + interval '{lasts}')",
            tenant,
        )
    await watch(WORKER)
    open_ = (
        "SELECT a.* FROM portal.alert AS a JOIN portal.partner_tenant_link AS l ON l.partner_id = a.partner_id"
        " WHERE a.cause = %s AND l.id = %s AND a.status <> 'resolved'"
    )
    assert world.sql(open_, f"uptime:{tenant}:{month}", link) == []  # 30 minutes of at least 40
    world.sql("UPDATE tenancy.outage SET ended_at = started_at + interval '50 minutes' WHERE tenant_id = %s", tenant)
    await watch(WORKER)
    [raised] = world.sql(open_, f"uptime:{tenant}:{month}", link)
    assert raised["values"]["down_minutes"] == 60
    world.sql("UPDATE tenancy.outage SET ended_at = started_at + interval '147.3 minutes' WHERE tenant_id = %s", tenant)
    await watch(WORKER)
    [longer] = world.sql(open_, f"uptime:{tenant}:{month}", link)
    assert longer["values"]["down_minutes"] == 157.3, "the figure of the SLA report"
    world.sql("DELETE FROM tenancy.outage WHERE tenant_id = %s", tenant)
    await watch(WORKER)
    assert world.sql(open_, f"uptime:{tenant}:{month}", link) == []


@pytest.mark.parametrize(
    ("email", "kinds"),
    [
        (PRINCIPAL, set(KINDS)),
        ("technical@northwind.example", set(KINDS) - {"billing.threshold"}),
        ("msp_support@northwind.example", set(KINDS) - {"billing.threshold"}),
        ("msp_billing@northwind.example", {"billing.threshold", "link.expiring"}),
        ("viewer@northwind.example", {"link.expiring"}),
        ("auditor@northwind.example", set(KINDS)),
    ],
)
async def test_each_role_sees_its_kinds_and_no_other(demo: World, email: str, kinds: set[str]) -> None:
    assert {each.kind for each in await _seen(demo, email)} == kinds


async def test_only_own_customers_alerts_are_seen_as_the_link_opens_them_and_within_the_persons_limits(
    world: World,
) -> None:
    everything = await _seen(world)
    partner = partner_person(world).partner_id
    rows = world.sql("SELECT count(*) AS n FROM portal.alert WHERE partner_id = %s", partner)
    assert len(everything) <= rows[0]["n"]
    one = next(each.tenant_id for each in everything if each.kind == "sla.ticket")
    person = partner_person(world, "technical@northwind.example")
    world.sql("UPDATE portal.partner_user SET tenant_scope = 'include' WHERE id = %s", person.user_id)
    world.sql("INSERT INTO portal.partner_user_tenant VALUES (%s, %s) ON CONFLICT DO NOTHING", person.user_id, one)
    reached = {
        row["tenant_id"]
        for row in world.sql("SELECT tenant_id FROM portal.partner_user_tenant WHERE user_id = %s", person.user_id)
    }
    limited = await _seen(world, "technical@northwind.example")
    assert one in {each.tenant_id for each in limited} <= reached
    closing = "UPDATE portal.partner_tenant_link SET permissions = array_remove(permissions, %s) WHERE tenant_id = %s"
    owed = next(each.tenant_id for each in everything if each.kind == "billing.threshold")
    for permission, tenant in (("partner.alerts.sla.read", one), ("partner.alerts.billing.read", owed)):
        world.sql(closing, permission, tenant)
    assert [(each.id, each.kind) for each in await _seen(world)] == [
        (each.id, each.kind)
        for each in everything
        if each.kind == "link.expiring" or each.tenant_id != (owed if each.kind == "billing.threshold" else one)
    ]
    world.sql("UPDATE portal.partner_tenant_link SET status = 'revoked' WHERE tenant_id = %s", one)
    assert one not in {each.tenant_id for each in await _seen(world, kinds=("sla.ticket", "billing.threshold"))}


async def test_acknowledging_is_recorded_once_and_what_is_resolved_takes_none(world: World) -> None:
    actor = partner_person(world, "msp_support@northwind.example")
    chosen = [each.id for each in await _seen(world, kinds=("sla.ticket",), shown=("active",))][:2]
    for _ in range(2):
        done = await acting.acknowledge(actor, alert_ids=chosen, now=clock.now())
        assert [each.acknowledged_by for each in done] == [actor.name] * 2
    entries = world.sql(
        "SELECT body FROM portal.audit_entry WHERE action = 'alert.acknowledged' AND target_id = ANY (%s)",
        [str(each) for each in chosen],
    )
    assert len(entries) == len(chosen)
    world.sql("UPDATE portal.alert SET status = 'resolved', resolved_at = now() WHERE id = %s", chosen[0])
    with pytest.raises(Conflict):
        await acting.snooze(actor, alert_ids=chosen, hours=4, now=clock.now())
    assert world.sql("SELECT snoozed_until FROM portal.alert WHERE id = %s", chosen[1])[0]["snoozed_until"] is None


async def test_nobody_acts_on_what_the_own_role_only_reads_or_another_partner_has(world: World) -> None:
    ticket = (await _seen(world, kinds=("sla.ticket",), shown=("active",)))[0].id
    billing = (await _seen(world, kinds=("billing.threshold",)))[0].id
    foreign: UUID = world.sql(
        "SELECT id FROM portal.alert WHERE status <> 'resolved' AND partner_id <> %s LIMIT 1",
        partner_person(world).partner_id,
    )[0]["id"]
    for email, one, refusal in (
        ("auditor@northwind.example", ticket, Forbidden),
        ("viewer@northwind.example", ticket, NotFound),
        ("msp_support@northwind.example", billing, NotFound),
        (PRINCIPAL, foreign, NotFound),
    ):
        with pytest.raises(refusal):
            await acting.acknowledge(partner_person(world, email), alert_ids=[one], now=clock.now())
        assert world.sql("SELECT acknowledged_by FROM portal.alert WHERE id = %s", one)[0]["acknowledged_by"] is None


async def test_new_alerts_are_sent_to_the_endpoints_that_chose_them_without_an_amount(world: World) -> None:
    actor = partner_person(world)
    draft = Draft(url="https://hooks.northwind.example/in", description="Desk", events=("partner.tenant.*",))
    world.sql("DELETE FROM portal.alert")
    world.sql("TRUNCATE portal.webhook_event, portal.webhook_delivery, portal.webhook_attempt")
    await acts.add(actor, draft=draft, now=clock.now())
    await _evaluate()
    await _evaluate()
    sent = world.sql("SELECT kind, data FROM portal.webhook_event WHERE partner_id = %s", actor.partner_id)
    known = world.sql("SELECT id::text, kind FROM portal.alert WHERE partner_id = %s", actor.partner_id)
    expected = {row["id"] for row in known if row["kind"] in {"sla.ticket", "sla.uptime", "billing.threshold"}}
    assert {row["kind"] for row in sent} == {"partner.tenant.sla_breach", "partner.tenant.billing_threshold"}
    assert sorted(row["data"]["alert_id"] for row in sent) == sorted(expected)
    assert all(set(row["data"]) == {"alert_id", "tenant_id", "tenant_name", "kind", "severity"} for row in sent)
