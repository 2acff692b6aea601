"""Billing over all customers, as callers of the API get it."""

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from guildhall.core.actor import system
from guildhall.domain.billing import export_run
from support_clients import client_of, software
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
BASE = "/api/v1/partner/billing"
OPENED = """
SELECT l.tenant_id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id
WHERE p.slug = 'northwind' AND portal.is_live(l.status, l.starts_at, l.ends_at)
  AND 'partner.billing.invoices.read' = ANY (l.permissions)
"""


def _decimal(amount: dict[str, str]) -> Decimal:
    return Decimal(amount["amount"])


async def _all(world: World, email: str, query: str = "") -> list[dict[str, Any]]:
    """Return every invoice of a list, by cursor."""
    client, items, cursor = await world.api(email), [], ""
    while True:
        answer = await client.get(f"{BASE}/invoices?limit=100{query}{cursor}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        if not page["has_more"]:
            return items
        cursor = f"&cursor={page['next_cursor']}"


async def test_the_list_holds_every_invoice_of_the_customers_whose_links_open_billing_and_no_other(demo: World) -> None:
    shown = await _all(demo, PRINCIPAL)
    stored = demo.sql(f"SELECT id FROM tenancy.invoice WHERE status <> 'draft' AND tenant_id IN ({OPENED})")
    assert sorted(item["id"] for item in shown) == sorted(str(row["id"]) for row in stored)
    assert len(shown) > 100


@pytest.mark.parametrize("filters", ["", "&status=overdue", "&from_date=2020-01-01", "&currency=EUR", "&search=1"])
async def test_sums_are_over_the_whole_filter_and_never_over_two_currencies(demo: World, filters: str) -> None:
    shown = await _all(demo, PRINCIPAL, filters)
    page = (await (await demo.api(PRINCIPAL)).get(f"{BASE}/invoices?limit=1{filters}")).json()
    sums: dict[str, dict[str, Decimal]] = {name: defaultdict(Decimal) for name in ("total", "paid", "outstanding")}
    for item in shown:
        billed = item["status"] != "cancelled"
        sums["total"][item["currency"]] += _decimal(item["amount"]) if billed else 0
        sums["paid"][item["currency"]] += _decimal(item["amount_paid"]) if billed else 0
        sums["outstanding"][item["currency"]] += _decimal(item["outstanding"])
    assert page["total"] == len(shown)
    for name, by_currency in sums.items():
        assert {each["currency"]: _decimal(each) for each in page["aggregates"][name]} == by_currency, name


async def test_the_summary_is_in_one_currency_and_names_the_others(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    found = (await client.get(f"{BASE}/summary?from_date=2020-01-01")).json()
    currency, others = found["summary"]["currency"], found["other_currencies"]
    assert others
    assert currency not in others
    rows = demo.sql(
        "SELECT i.currency, sum(i.amount) AS revenue FROM tenancy.invoice AS i"
        f" WHERE i.status NOT IN ('draft', 'cancelled') AND i.issued_on <= now()::date AND i.tenant_id IN ({OPENED})"
        " GROUP BY 1"
    )
    for row in rows:
        told = (await client.get(f"{BASE}/summary?from_date=2020-01-01&currency={row['currency']}")).json()
        assert _decimal(told["summary"]["total_revenue"]) == row["revenue"]
        assert sum(_decimal(each["total_revenue"]) for each in told["by_tenant"]) == row["revenue"]
        owed = sum(_decimal(each["amount"]) for each in told["ageing"])
        assert owed == _decimal(told["summary"]["total_outstanding"])
        late = sum(_decimal(each["amount"]) for each in told["ageing"] if each["age"] != "current")
        assert late == _decimal(told["summary"]["total_overdue"])


async def test_the_summary_pages_its_tenants_and_sums_up_all_of_them(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    asked = {"from_date": "2020-01-01"}
    whole = (await client.get(f"{BASE}/summary", params=asked)).json()
    pages = [
        (await client.get(f"{BASE}/summary", params={**asked, "limit": 9, "offset": offset})).json()
        for offset in range(0, len(whole["by_tenant"]), 9)
    ]
    assert len(pages) > 1
    assert [each for page in pages for each in page["by_tenant"]] == whole["by_tenant"]
    assert [page["has_more"] for page in pages] == [True] * (len(pages) - 1) + [False]
    assert {str(page["summary"]) for page in pages} == {str(whole["summary"])}


async def test_the_summary_says_how_many_customers_it_leaves_out(demo: World) -> None:
    figures = (await (await demo.api(PRINCIPAL)).get(f"{BASE}/summary")).json()["summary"]
    live = len(demo.tenants("northwind", "live"))
    assert figures["managed_tenant_count"] == len(demo.sql(OPENED))
    assert figures["managed_tenant_count"] + figures["left_out_tenant_count"] == live


@pytest.mark.parametrize("path", ["summary", "invoices"])
async def test_a_foreign_customer_is_refused_by_name(demo: World, path: str) -> None:
    named = demo.sql(
        "SELECT id FROM tenancy.tenant WHERE id NOT IN (SELECT l.tenant_id FROM portal.partner_tenant_link AS l"
        " JOIN portal.partner AS p ON p.id = l.partner_id WHERE p.slug = 'northwind' AND l.tenant_id IS NOT NULL)"
        " LIMIT 1"
    )[0]["id"]
    for tenant in (named, uuid4()):
        answer = await (await demo.api(PRINCIPAL)).get(f"{BASE}/{path}?tenant_ids={tenant}")
        assert (answer.status_code, answer.json()["code"]) == (403, "TENANT_ACCESS_DENIED")


async def test_an_invoice_that_is_foreign_absent_or_a_draft_is_not_found(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    foreign = demo.sql(f"SELECT id FROM tenancy.invoice WHERE tenant_id NOT IN ({OPENED}) LIMIT 1")[0]["id"]
    draft = demo.sql(f"SELECT id FROM tenancy.invoice WHERE status = 'draft' AND tenant_id IN ({OPENED}) LIMIT 1")
    for invoice_id in (foreign, uuid4(), *(row["id"] for row in draft)):
        answer = await client.get(f"{BASE}/invoices/{invoice_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "INVOICE_NOT_FOUND")


async def test_an_invoice_comes_with_its_lines_and_payments(demo: World) -> None:
    row = demo.sql(f"SELECT id, amount FROM tenancy.invoice WHERE status = 'paid' AND tenant_id IN ({OPENED}) LIMIT 1")[
        0
    ]
    found = (await (await demo.api(PRINCIPAL)).get(f"{BASE}/invoices/{row['id']}")).json()
    assert sum(_decimal(line["amount"]) for line in found["lines"]) == row["amount"]
    assert sum(_decimal(each["amount"]) for each in found["payments"]) == row["amount"]


@pytest.mark.parametrize(
    "query", ["sort_by=number", "limit=101", "status=draft", "cursor=abc", "min_amount=NaN", "x=1"]
)
async def test_what_cannot_be_asked_is_refused(demo: World, query: str) -> None:
    answer = await (await demo.api(PRINCIPAL)).get(f"{BASE}/invoices?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")


async def _exported(world: World, email: str = PRINCIPAL, **wish: Any) -> tuple[dict[str, Any], bytes]:
    """Ask for an export, let a worker write it, fetch it; return its state and its octets."""
    client = await world.api(email)
    asked = await client.post(f"{BASE}/invoices/export", json={"format": "csv", **wish})
    assert asked.status_code == 202, asked.text
    assert asked.json()["status"] == "processing"
    await _work(world, asked.json()["export_id"])
    found = (await client.get(asked.headers["Location"])).json()
    nobody = world.client("api")
    answer = await nobody.get(found["download_url"])
    assert answer.status_code == 200, answer.text
    return found, answer.content


async def _work(world: World, export_id: str) -> None:
    partner_id: UUID = world.sql("SELECT partner_id FROM portal.invoice_export WHERE id = %s", export_id)[0][
        "partner_id"
    ]
    await export_run.export(system("billing", partner_id=partner_id), export_id=UUID(export_id), partner_id=partner_id)


async def test_an_export_holds_the_rows_of_the_list(world: World) -> None:
    world.sql(
        "UPDATE tenancy.invoice SET number = '=cmd()' WHERE id = (SELECT min(id::text)::uuid FROM tenancy.invoice"
        f" WHERE status = 'paid' AND tenant_id IN ({OPENED}))"
    )
    opened = {str(row["tenant_id"]) for row in world.sql(OPENED.replace(".read'", ".export'"))}
    shown = [item for item in await _all(world, PRINCIPAL, "&status=paid") if item["tenant_id"] in opened]
    found, octets = await _exported(world, status=["paid"], columns=["number", "amount", "tenant_name"])
    lines = octets.decode().splitlines()
    assert lines[0] == "tenant_name,number,amount"
    assert len(lines) - 1 == found["row_count"] == found["rows_expected"] == len(shown)
    assert found["file_size_bytes"] == len(octets)
    assert any(",'=cmd()," in line for line in lines)
    assert sum(Decimal(line.rsplit(",", 1)[1]) for line in lines[1:]) == sum(_decimal(item["amount"]) for item in shown)
    assert world.sql(
        "SELECT count(*) AS n FROM portal.audit_entry WHERE body LIKE '%%billing.export%%' AND kind = 'tenant'"
    )


async def test_a_file_is_closed_once_a_customer_in_it_takes_its_link_back(world: World) -> None:
    found, _ = await _exported(world)
    tenant = world.sql(f"{OPENED} LIMIT 1")[0]["tenant_id"]
    world.sql(
        "UPDATE portal.partner_tenant_link SET permissions = '{partner.tenants.list}' WHERE tenant_id = %s", tenant
    )
    answer = await world.client("api").get(found["download_url"])
    assert (answer.status_code, answer.json()["code"]) == (403, "TENANT_ACCESS_DENIED")


async def test_an_address_opens_one_file_for_its_own_session_only(world: World) -> None:
    found, _ = await _exported(world)
    head, _, token = found["download_url"].partition("?token=")
    changed = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    assert (await world.client("api").get(f"{head}?token={changed}")).status_code == 401
    other = head.replace(found["export_id"], str(uuid4()))
    assert (await world.client("api").get(f"{other}?token={token}")).status_code == 401
    colleague = await world.api("finance@northwind.example")
    assert (await colleague.get(f"{BASE}/exports/{found['export_id']}")).status_code == 404
    assert (await colleague.get(head)).status_code == 404


async def test_an_export_cut_off_half_way_is_written_anew_and_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await world.api(PRINCIPAL)
    export_id = (await client.post(f"{BASE}/invoices/export", json={"format": "csv"})).json()["export_id"]

    async def cut(*given: Any) -> int:
        await given[-1](b"half a line")
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(export_run.db, "copy_out", cut)
        with pytest.raises(ConnectionError):
            await _work(world, export_id)
    state = (await client.get(f"{BASE}/exports/{export_id}")).json()
    assert (state["status"], state["download_url"]) == ("processing", None)
    assert (await client.get(f"{BASE}/exports/{export_id}/file")).status_code == 409
    await _work(world, export_id)
    await _work(world, export_id)  # and once more, as a queue may
    state = (await client.get(f"{BASE}/exports/{export_id}")).json()
    octets = (await client.get(state["download_url"])).content
    assert len(octets.decode().splitlines()) == state["row_count"] + 1


MANY = """
INSERT INTO tenancy.invoice (id, tenant_id, number, status, currency, amount, amount_paid, issued_on, due_on)
SELECT gen_random_uuid(), t.id, 'M-' || n, (ARRAY['paid', 'finalized', 'overdue', 'cancelled', 'draft'])[1 + n % 5],
       (ARRAY['USD', 'EUR', 'JPY'])[1 + n % 3], CASE n % 3 WHEN 2 THEN n ELSE n + 0.01 * (n % 100) END,
       CASE n % 5 WHEN 0 THEN n WHEN 1 THEN n % 4 ELSE 0 END, now()::date - n % 90, now()::date - n % 90 + 30
FROM tenancy.tenant AS t, generate_series(1, 200) AS n
"""
RECOUNT = """
SELECT tenant_id, status, amount, amount_paid, due_on < now()::date AS late FROM tenancy.invoice
WHERE currency = %s AND issued_on BETWEEN now()::date - 60 AND now()::date AND status <> 'draft'
"""


async def test_sums_of_many_customers_in_three_currencies_equal_a_plain_recount_to_the_cent(world: World) -> None:
    world.sql(MANY)
    client = await world.api(PRINCIPAL)
    opened = {row["tenant_id"] for row in world.sql(OPENED.replace("invoices.read", "summary.read"))}
    first = world.sql("SELECT (now()::date - 60)::text AS day")[0]["day"]
    for currency in ("USD", "EUR", "JPY"):
        rows = [row for row in world.sql(RECOUNT, currency) if row["tenant_id"] in opened]
        billed = [row for row in rows if row["status"] != "cancelled"]
        owed = [row for row in rows if row["status"] in {"finalized", "overdue"}]
        found = (await client.get(f"{BASE}/summary?from_date={first}&currency={currency}")).json()["summary"]
        assert _decimal(found["total_revenue"]) == sum(row["amount"] for row in billed)
        assert _decimal(found["total_outstanding"]) == sum(row["amount"] - row["amount_paid"] for row in owed)
        late = [row["amount"] - row["amount_paid"] for row in owed if row["late"]]
        assert (_decimal(found["total_overdue"]), found["overdue_invoice_count"]) == (sum(late), len(late))
        assert found["invoice_count"] == len(billed)
        assert found["paid_invoice_count"] == sum(row["status"] == "paid" for row in rows)


async def test_software_that_sees_no_money_finds_no_amount_and_may_not_ask_by_one(world: World) -> None:
    names = ("summary.read", "invoices.read", "invoices.export", "payments.read")
    made = await client_of(world, scopes=frozenset(f"partner.billing.{name}" for name in names))
    client = await software(world, made)
    invoice_id = world.sql(f"SELECT id FROM tenancy.invoice WHERE status = 'paid' AND tenant_id IN ({OPENED}) LIMIT 1")[
        0
    ]["id"]
    paths = ("summary?from_date=2020-01-01", "invoices", f"invoices/{invoice_id}")
    before = [(await client.get(f"{BASE}/{path}")).json() for path in paths]
    assert '"amount": {' not in json.dumps(before)
    world.sql("UPDATE tenancy.invoice SET amount = amount + 7, updated_at = updated_at")
    world.sql("UPDATE tenancy.invoice_line SET amount = amount + 7, unit_price = unit_price + 7")
    world.sql("UPDATE tenancy.payment SET amount = amount + 7")
    assert [(await client.get(f"{BASE}/{path}")).json() for path in paths] == before
    for query in ("sort_by=amount", "min_amount=1", "max_amount=1"):
        assert (await client.get(f"{BASE}/invoices?{query}")).status_code == 403
    asked = await client.post(f"{BASE}/invoices/export", json={"format": "csv", "columns": ["amount"]})
    assert asked.status_code == 403
    blind = (await client.post(f"{BASE}/invoices/export", json={"format": "csv"})).json()
    assert not {"amount", "amount_paid", "outstanding"} & set(blind["columns"])
    assert len(world.sql("SELECT id FROM portal.invoice_export WHERE created_at > now() - interval '1 hour'")) == 1
