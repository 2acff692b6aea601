"""Billing over all customers, as people see it."""

import re
from html import unescape
from uuid import UUID

import pytest

from guildhall.core.actor import system
from guildhall.domain.billing import export_run
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"


async def test_the_summary_leads_to_the_invoices_behind_each_figure(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    shown = (await client.get("/billing?currency=USD")).text
    assert "do not open billing" in shown
    href = re.search(r'href="(/billing/invoices\?age=days_1_30[^"]*)"', shown)
    assert href
    behind = (await client.get(href[1].replace("&amp;", "&"))).text
    row = re.search(r"1 to 30 days late</a></th>\s*<td[^>]*>(\d+)</td>", shown)
    assert row
    assert f"of {row[1]}" in behind
    assert "do not open billing" in behind


async def test_whoever_may_not_read_billing_does_not_find_it(demo: World) -> None:
    for email in ("technical@northwind.example", "salesperson@northwind.example"):
        client = await demo.sign_in(email)
        assert 'href="/billing"' not in (await client.get("/")).text
        for path in ("/billing", "/billing/invoices", "/billing/exports"):
            assert (await client.get(path)).status_code == 403


async def test_a_foreign_invoice_is_the_ordinary_missing_page(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    foreign: UUID = demo.sql(
        "SELECT i.id FROM tenancy.invoice AS i WHERE i.status = 'paid' AND i.tenant_id NOT IN (SELECT l.tenant_id"
        " FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' AND l.tenant_id IS NOT NULL) LIMIT 1"
    )[0]["id"]
    assert (await client.get(f"/billing/invoices/{foreign}")).status_code == 404


async def test_an_export_is_asked_for_once_and_fetched_by_its_owner_alone(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    form = {"format": "csv", "since": "2026-01-01", "form_key": "0190a000-0000-7000-8000-000000000001"}
    for _ in range(2):
        assert (await world.post(client, "/billing/exports/new", **form)).status_code == 303
    rows = world.sql("SELECT id, partner_id FROM portal.invoice_export WHERE created_at > now() - interval '1 hour'")
    assert len(rows) == 1
    export_id, partner_id = rows[0]["id"], rows[0]["partner_id"]
    assert "every 3s" in (await client.get("/billing/exports")).text
    await export_run.export(system("billing", partner_id=partner_id), export_id=export_id, partner_id=partner_id)
    assert f"/billing/exports/{export_id}/file" in (await client.get("/billing/exports")).text
    fetched = await client.get(f"/billing/exports/{export_id}/file")
    assert fetched.headers["content-length"] == str(len(fetched.content))
    colleague = await world.sign_in("finance@northwind.example")
    assert (await colleague.get(f"/billing/exports/{export_id}/file")).status_code == 404
    acts = world.sql(
        "SELECT body::jsonb ->> 'action' AS act FROM portal.audit_entry WHERE body LIKE '%%billing.export%%'"
    )
    assert {row["act"] for row in acts} == {"billing.exported", "billing.export_downloaded"}


async def test_exports_are_filtered_sorted_and_paged(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    world.sql(
        "INSERT INTO portal.invoice_export (id, partner_id, created_by, created_by_kind, created_by_name, file_id,"
        " format, filter, columns, language, status, expires_at, created_at) SELECT gen_random_uuid(), e.partner_id,"
        " e.created_by, e.created_by_kind, e.created_by_name, e.file_id, 'csv', '{}', e.columns, 'en', e.status,"
        " now() + interval '1 day', timestamptz '2026-01-01 18:00Z' + n * interval '1 day'"
        " FROM portal.invoice_export AS e, generate_series(1, 60) AS n"
        " WHERE e.status = 'completed' AND e.created_by = (SELECT id FROM portal.partner_user WHERE email = %s)",
        PRINCIPAL,
    )

    async def shown(query: str) -> tuple[int, str]:
        text = (await client.get(f"/billing/exports{query}")).text
        return text.count('scope="row"'), text

    count, text = await shown("")
    assert count == 50
    assert "1–50 of 62" in text
    assert (await shown("?page=2"))[0] == 12
    assert (await shown("?state=failed"))[0] == (await shown("?format=pdf"))[0] == 1
    assert "Download" not in (await shown("?state=failed"))[1]
    count, text = await shown("?state=failed&format=csv")
    assert (count, "Nothing matches these filters" in text) == (0, True)
    first, last = [
        (await shown(f"?sort={sort}"))[1].split('scope="row"')[1].split("</tr>")[0] for sort in ("asked", "-asked")
    ]
    assert ("Jan 2, 2026" in first, "Jan" in last) == (True, False), (first[:200], last[:200])
    world.sql("UPDATE portal.invoice_export SET status = 'processing'")
    for query in ("format=csv&sort=asked", "sort=-asked&page=2"):
        again = re.search(r'hx-get="/billing/exports\?([^"]*)"', (await shown(f"?{query}"))[1])
        assert again
        assert set(unescape(again[1]).split("&")) == set(query.split("&")), "the same part of the list"
    colleague = await world.sign_in("finance@northwind.example")
    assert "No exports yet" in (await colleague.get("/billing/exports")).text


async def test_a_refused_form_keeps_what_was_typed(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    answer = await demo.post(client, "/billing/exports/new", format="csv", since="2026-05-02", until="2026-05-01")
    assert answer.status_code == 422
    assert 'value="2026-05-02"' in answer.text
    assert "before the first" in answer.text
    assert demo.sql("SELECT id FROM portal.invoice_export WHERE created_at > now() - interval '1 hour'") == []


async def test_the_summary_puts_those_billed_most_first_for_whoever_sees_amounts(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    assert "order=billed" in (await client.get("/billing?currency=USD")).text
    ranked = (await client.get("/billing?currency=USD&order=billed")).text
    rows = ranked.split("Invoices of the period", 1)[1].split("</tr>")
    sums = [float(found[1].replace(",", "")) for row in rows if (found := re.search(r"\$([\d,.]+)</td>", row))]
    assert len(sums) > 2
    assert sums == sorted(sums, reverse=True)
    assert (await client.get("/billing?order=other")).status_code == 422
