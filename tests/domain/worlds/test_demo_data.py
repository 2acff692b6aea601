"""The demo's tenant data is complete, adds up, and carries its markers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from guildhall.domain.notify.sentences import filled, sentence
from guildhall.domain.tenancy.tables import INVOICE_STATUSES, PRIORITIES, TICKET_STATUSES
from guildhall.worlds.demo_posture import marker

World = psycopg.Connection[Any]


def rows(story: World, query: str, *values: object) -> list[tuple[Any, ...]]:
    return story.execute(query, values).fetchall()


def test_there_are_about_forty_tenants_with_ten_to_eighty_subscribers_each(story):
    found = [count for (count,) in rows(story, "SELECT count(*) FROM tenancy.subscriber GROUP BY tenant_id")]
    assert 36 <= len(found) <= 42
    assert min(found) >= 10
    assert max(found) <= 80


def test_invoices_occur_in_all_statuses_and_three_currencies(story):
    found = rows(story, "SELECT DISTINCT status, currency FROM tenancy.invoice")
    assert {status for status, _ in found} == set(INVOICE_STATUSES)
    assert {currency for _, currency in found} == {"USD", "EUR", "GBP"}


def test_one_tenant_bills_in_two_currencies(story):
    found = rows(
        story,
        "SELECT t.slug FROM tenancy.invoice AS i JOIN tenancy.tenant AS t ON t.id = i.tenant_id"
        " GROUP BY 1 HAVING count(DISTINCT i.currency) > 1",
    )
    assert found == [("harborline",)]


def test_the_lines_of_each_invoice_add_up_to_its_amount_and_the_payments_to_what_was_paid(story):
    wrong = rows(
        story,
        "SELECT i.number FROM tenancy.invoice AS i WHERE"
        " i.amount <> (SELECT sum(amount) FROM tenancy.invoice_line AS l WHERE l.invoice_id = i.id)"
        " OR i.amount_paid <> coalesce((SELECT sum(amount) FROM tenancy.payment AS p WHERE p.invoice_id = i.id), 0)"
        " OR (i.status = 'paid') <> (i.amount = i.amount_paid)"
        " OR (i.status = 'paid') <> (i.paid_on IS NOT NULL)"
        " OR EXISTS (SELECT 1 FROM tenancy.payment AS p WHERE p.invoice_id = i.id AND p.currency <> i.currency)",
    )
    assert wrong == []


def test_an_invoice_is_overdue_only_after_its_due_date_and_open_only_before(story):
    wrong = rows(
        story,
        "SELECT number FROM tenancy.invoice WHERE status IN ('draft', 'finalized', 'overdue')"
        " AND (status = 'overdue') <> (due_on < (now() AT TIME ZONE 'UTC')::date)",
    )
    assert wrong == []


def test_invoices_and_usage_go_back_eighteen_months(story):
    today = datetime.now(UTC).date()
    ((first, last),) = rows(story, "SELECT min(issued_on), max(issued_on) FROM tenancy.invoice")
    assert today - timedelta(days=549) <= first <= today - timedelta(days=500)
    assert last <= today
    found = rows(story, "SELECT metric, min(day), max(day) FROM tenancy.usage_daily GROUP BY 1")
    assert {metric for metric, _, _ in found} == {"active_subscribers", "bandwidth_gb", "api_calls"}
    assert {(first, last) for _, first, last in found} == {(today - timedelta(days=548), today - timedelta(days=1))}


def test_the_rollups_equal_a_fresh_count(story):
    def kept() -> list[tuple[Any, ...]]:
        return [
            rows(story, f"SELECT * FROM tenancy.{name}_rollup ORDER BY 1, 2")
            for name in ("billing", "support", "subscriber")
        ]

    before = kept()
    tenants = [tenant for (tenant,) in rows(story, "SELECT id FROM tenancy.tenant")]
    for name in ("billing", "support", "subscribers"):
        story.execute(f"SELECT tenancy.roll_{name}(%s)", [tenants])
    assert kept() == before
    assert all(len(table) >= len(tenants) for table in before)


def test_tickets_occur_in_every_status_and_priority(story):
    found = rows(story, "SELECT DISTINCT status, priority FROM tenancy.ticket")
    assert {status for status, _ in found} == set(TICKET_STATUSES)
    assert {priority for _, priority in found} == set(PRIORITIES)


def test_every_clock_is_that_of_the_priority_tightened_by_the_links(story):
    found = rows(
        story,
        "SELECT k.priority, extract(epoch FROM k.sla_breach_at - k.created_at) / 3600,"
        " (SELECT min((l.sla_config ->> 'response_hours')::int) FROM portal.partner_tenant_link AS l"
        " WHERE l.tenant_id = k.tenant_id AND l.status = 'active') FROM tenancy.ticket AS k",
    )
    hours = {"urgent": 1, "high": 4, "normal": 8, "low": 24}
    for priority, allowed, agreed in found:
        assert allowed == min(hours[priority], agreed or 24)
    assert {agreed for _, _, agreed in found} > {None}


def test_a_ticket_is_breached_exactly_where_its_clock_ran_out_first(story):
    wrong = rows(
        story,
        "SELECT id FROM tenancy.ticket WHERE sla_breached_at IS DISTINCT FROM"
        " CASE WHEN sla_breach_at < coalesce(resolved_at, (SELECT applied_at FROM portal.boundary))"
        " THEN sla_breach_at END",  # when the world was made; a clock may run out while tests run
    )
    assert wrong == []


def test_some_clocks_ran_out_this_month_and_some_run_out_soon(story):
    ((late, soon),) = rows(
        story,
        "SELECT count(*) FILTER (WHERE sla_breached_at > now() - interval '30 days'),"
        " count(*) FILTER (WHERE sla_breached_at IS NULL AND status IN ('open', 'pending')"
        " AND sla_breach_at < now() + interval '4 hours') FROM tenancy.ticket",
    )
    assert late >= 10
    assert soon >= 10


def test_comments_are_internal_and_public_and_counted(story):
    found = rows(story, "SELECT DISTINCT is_internal, author_kind FROM tenancy.ticket_comment")
    assert {(False, "customer_user"), (False, "partner_user"), (True, "partner_user")} <= set(found)
    assert (True, "customer_user") not in found
    wrong = rows(
        story,
        "SELECT k.id FROM tenancy.ticket AS k CROSS JOIN LATERAL (SELECT count(*) AS answers, max(c.created_at) AS last"
        " FROM tenancy.ticket_comment AS c WHERE c.ticket_id = k.id AND NOT c.is_internal"
        " AND c.author_kind <> 'customer_user') AS said"
        " WHERE (k.response_count, k.last_response_at) IS DISTINCT FROM (said.answers, said.last)",
    )
    assert wrong == []


def test_the_downtime_of_each_day_is_that_of_its_outages(story):
    wrong = rows(
        story,
        "SELECT d.tenant_id, d.day FROM tenancy.uptime_daily AS d LEFT JOIN LATERAL ("
        " SELECT sum(extract(epoch FROM least(o.ended_at, end_of) - greatest(o.started_at, start_of))) AS seconds"
        " FROM (SELECT d.day::timestamp AT TIME ZONE 'UTC' AS start_of,"
        " (d.day + 1)::timestamp AT TIME ZONE 'UTC' AS end_of) AS x"
        " JOIN tenancy.outage AS o ON o.tenant_id = d.tenant_id AND o.started_at < end_of"
        " AND o.ended_at > start_of) AS down ON true"
        " WHERE d.down_seconds <> coalesce(down.seconds, 0)",
    )
    assert wrong == []
    assert rows(story, "SELECT count(*) FROM tenancy.outage WHERE ended_at IS NULL") == [(1,)]


def test_every_snapshot_of_every_tenant_carries_its_marker(story):
    found = rows(
        story,
        "SELECT t.slug, s.findings, s.critical + s.high + s.medium + s.low FROM tenancy.tenant AS t"
        " LEFT JOIN tenancy.posture_snapshot AS s ON s.tenant_id = t.id",
    )
    for slug, findings, counted in found:
        assert any(marker(slug) in finding["title"] for finding in findings)
        assert len(findings) == counted


def test_subscriptions_occur_in_all_statuses_for_every_live_link_of_a_seller(story):
    found = {status for (status,) in rows(story, "SELECT DISTINCT status FROM portal.subscription")}
    assert found == {"trial", "active", "suspended", "cancelled"}
    missing = rows(
        story,
        "SELECT l.id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE l.status = 'active' AND p.type IN ('mssp', 'reseller', 'enterprise_hq')"
        " AND NOT EXISTS (SELECT 1 FROM portal.subscription AS s WHERE s.link_id = l.id AND s.status <> 'cancelled')",
    )
    assert missing == []


def test_notices_wait_for_partners_tenants_and_staff_and_each_has_its_sentence(story):
    found = rows(story, 'SELECT audience, kind, "values" FROM portal.notice')
    assert {audience for audience, _, _ in found} == {"partner", "tenant", "staff"}
    for audience, kind, values in found:
        assert "%" not in filled(sentence(audience, kind), values)


def test_the_worker_has_no_warning_of_an_end_to_add(story):
    found = rows(
        story,
        "SELECT audience, dedupe FROM portal.notice AS n JOIN portal.partner_tenant_link AS l ON l.id = n.link_id"
        " WHERE n.dedupe = 'link_ends:' || l.id || ':' || (l.ends_at AT TIME ZONE 'UTC')::date || ':7'",
    )
    assert sorted(audience for audience, _ in found) == ["partner", "tenant"]
