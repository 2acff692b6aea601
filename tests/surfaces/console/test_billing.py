"""Billing over all customers, as people see it."""

import re
from datetime import date
from html import unescape
from typing import Any
from uuid import UUID

import pytest

from guildhall.core.actor import system
from guildhall.domain.billing import export_run
from guildhall.domain.reports.report_scope import DEFAULT_DAYS
from guildhall.surfaces.html import LANGUAGE_COOKIE
from support_console import hrefs, words
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


async def test_the_summary_is_of_thirty_days_as_the_reports_are(demo: World) -> None:
    shown = (await (await demo.sign_in(PRINCIPAL)).get("/billing?currency=USD")).text
    days = re.search(r"since=(\d{4}-\d\d-\d\d)(?:&amp;|&)until=(\d{4}-\d\d-\d\d)", shown)
    assert days
    first, last = map(date.fromisoformat, days.groups())
    assert (last - first).days + 1 == DEFAULT_DAYS


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


async def written(world: World) -> UUID:
    """Have the export that was asked for last written; return its id."""
    row = world.sql("SELECT id, partner_id FROM portal.invoice_export ORDER BY created_at DESC LIMIT 1")[0]
    actor = system("billing", partner_id=row["partner_id"])
    await export_run.export(actor, export_id=row["id"], partner_id=row["partner_id"])
    found: UUID = row["id"]
    return found


def filled(text: str) -> dict[str, Any]:
    """Return what the form of an export would send as it stands."""
    form = text.split('action="/billing/exports/new"', 1)[1].split("</form>", 1)[0]
    values: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = (re.search(rf'{each}="([^"]*)"', tag) for each in ("name", "value"))
        if name and (not re.search(r'type="(?:radio|checkbox)"', tag) or " checked" in tag):
            values.setdefault(name[1], []).append(unescape(value[1]) if value else "")
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        values[name] = chosen[1] if chosen else ""
    return values


async def test_an_export_asked_from_a_filtered_list_holds_what_the_list_shows(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    kept = world.sql(
        "SELECT i.currency, l.tenant_name FROM tenancy.invoice AS i JOIN portal.partner_tenant_link AS l"
        " USING (tenant_id) JOIN portal.partner AS p ON p.id = l.partner_id WHERE p.slug = 'northwind'"
        " AND l.status = 'active' AND 'partner.billing.invoices.export' = ANY (l.permissions) AND l.shows_invoices"
        " AND i.status = 'overdue' AND current_date - i.due_on BETWEEN 1 AND 30 ORDER BY i.id LIMIT 1"
    )[0]
    query = {"status": "overdue", "age": "days_1_30", "currency": kept["currency"], "q": kept["tenant_name"]}
    numbers = []
    for params in (query, {"status": "overdue"}):
        page = await client.get("/billing/invoices", params=params)
        numbers.append(set(re.findall(r'href="/billing/invoices/[0-9a-f-]{36}">([^<]+)</a>', page.text)))
        href = next(each for each in hrefs(page) if each.startswith("/billing/exports/new"))
        form = filled((await client.get(href)).text)
        assert (await world.post(client, "/billing/exports/new", **form)).status_code == 303
        file = await client.get(f"/billing/exports/{await written(world)}/file")
        if params is query:
            assert file.text.count("\n") == len(numbers[0]) + 1
            assert all(each in file.text for each in numbers[0])
    assert 0 < len(numbers[0]) < len(numbers[1]), "the filters are worth carrying"
    shown = words(await client.get("/billing/exports"))
    assert "Overdue · unpaid, due" in shown
    assert f"{kept['currency']} · “{kept['tenant_name']}”" in shown


async def test_an_unknown_currency_or_age_is_refused_beside_its_field(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    answer = await demo.post(client, "/billing/exports/new", format="csv", currency="pound", age="old", q="thistle")
    assert answer.status_code == 422
    assert 'href="#f-currency"' in answer.text
    assert 'href="#f-age"' in answer.text
    assert 'value="thistle"' in answer.text


async def test_whoever_is_left_out_of_an_export_is_counted_before_and_after_with_the_true_reason(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await world.sign_in(PRINCIPAL)
    notes = []

    class Press:
        async def set(self, _source: bytes, data: dict[str, Any]) -> bytes:
            notes.append(data["note"])
            return b"%PDF-"

    async def left_out() -> int:
        said = words(await client.get("/billing/exports/new"))
        found = re.search(
            r"(\d+) customers? will be left out: (?:its link does|their links do) not allow exports", said
        )
        return int(found[1]) if found else 0

    monkeypatch.setattr(export_run, "press", Press)
    before = await left_out()
    world.sql(
        "UPDATE portal.partner_tenant_link SET permissions = array_remove(permissions,"
        " 'partner.billing.invoices.export') WHERE tenant_id = %s",
        world.tenant("acme-fiber"),
    )
    assert await left_out() == before + 1
    page = f"/billing/exports/new?tenant={world.tenant('thistle')}"
    assert "will be left out" not in words(await client.get(page)), "a chosen customer is the only one in question"
    assert "Acme Fiber" in words(await client.get("/billing/invoices?q=acme")), "the list shows what an export may not"
    for language in ("en", "es"):
        await world.post(client, "/billing/exports/new", format="pdf", since="2026-11-01")
        world.sql("UPDATE portal.invoice_export SET language = %s WHERE status = 'processing'", language)
        await written(world)
    assert notes[0].startswith(f"{before + 1} customers are left out: their links do not allow exports of invoices")
    assert "no permiten exportar facturas" in notes[1]
    assert "whose links do not allow exports of invoices" in words(await client.get("/billing/exports"))
    client.cookies.set(LANGUAGE_COOKIE, "es")
    assert "no permiten exportar facturas" in words(await client.get("/billing/exports"))


async def test_exports_are_told_apart_by_whose_which_days_and_which_status(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    thistle = str(world.tenant("thistle"))
    for form in (
        {"format": "csv", "since": "2026-01-01", "until": "2026-01-31", "status": ["paid", "overdue"]},
        {"format": "pdf", "until": "2026-02-28", "tenant": thistle},
    ):
        assert (await world.post(client, "/billing/exports/new", **form)).status_code == 303
    shown = words(await client.get("/billing/exports"))
    assert "CSV · All customers · issued Jan 1, 2026 – Jan 31, 2026 · Paid, Overdue" in shown
    assert "PDF · Thistle Broadband · issued until Feb 28, 2026 · any status" in shown


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
