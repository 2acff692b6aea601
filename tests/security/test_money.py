"""Amounts are for who may read them: one amount, planted wherever money is kept, walked after on every way out."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from guildhall.adapters.pdf.typeset import Typst
from guildhall.core import clock
from guildhall.core.actor import system
from guildhall.domain.alerts import evaluating
from guildhall.domain.billing import export_run
from guildhall.domain.files.press import open_press
from guildhall.domain.notify import delivering
from guildhall.domain.webhooks import acts
from guildhall.domain.webhooks.acts import Draft
from support_actors import partner_person
from support_clients import EVERYTHING, PRINCIPAL, client_of, software
from support_mail import letters
from support_world import World

pytestmark = pytest.mark.anyio
PLANTED = "731913.37"
# The amount itself, whole or shortened, with any mark between its thousands, and twice it: what a sum of both would be.
SEEN = re.compile(
    r"(?:731|1[.,\s\u00a0\u202f']?463)(?:[.,\s\u00a0\u202f']|&[#\w]+;)?(?:913|826)|\b73[12](?:[.,]9\d?)?\s?[kK]\b"
)
BLIND = "technical@northwind.example"
BLIND_ROLES = ["technical", "msp_support", "viewer"]
TENANT = "acme-fiber"
# Where somebody who reads money finds it. A walk that found it nowhere would prove nothing.
PAGES = (
    "/",
    "/customers",
    "/t/{tenant_id}",
    "/t/{tenant_id}/billing",
    "/billing",
    "/billing/invoices",
    "/billing/invoices/{invoice_id}",
    "/reports/revenue",
    "/reports/revenue/csv",
    "/alerts",
)
READS = (
    "/api/v1/partner/customers",
    "/api/v1/partner/customers/{tenant_id}",
    "/api/v1/partner/billing/summary",
    "/api/v1/partner/billing/invoices",
    "/api/v1/partner/billing/invoices/{invoice_id}",
    "/api/v1/partner/reports/revenue",
    "/api/v1/partner/alerts/billing",
)


class Recording(Typst):
    """A press that also keeps what it was given to print."""

    def __init__(self) -> None:
        self.printed: list[str] = []

    async def set(self, source: bytes, data: Mapping[str, Any]) -> bytes:
        """Set a document, and keep what stands in it."""
        self.printed.append(json.dumps(data))
        return await super().set(source, data)


def plant(world: World) -> dict[str, object]:
    """Let one customer owe the amount and have paid it, with nothing else in any sum; return ids for addresses."""
    tenant = world.tenant(TENANT)
    for table in ("payment", "invoice_line", "invoice"):
        world.sql(f"DELETE FROM tenancy.{table}")
    invoices = [
        world.sql(
            "INSERT INTO tenancy.invoice (id, tenant_id, number, status, currency, amount, amount_paid, issued_on,"
            " due_on, paid_on) VALUES (gen_random_uuid(), %s, %s, %s, 'USD', %s, %s, current_date - 25,"
            " current_date - 5, %s) RETURNING id",
            *(tenant, f"P-{status}", status, PLANTED, PLANTED if status == "paid" else 0),
            clock.now().date() - timedelta(days=3) if status == "paid" else None,
        )[0]["id"]
        for status in ("overdue", "paid")
    ]
    for invoice in invoices:
        world.sql(
            "INSERT INTO tenancy.invoice_line (id, tenant_id, invoice_id, position, description, quantity, unit_price,"
            " amount) VALUES (gen_random_uuid(), %s, %s, 1, 'Line', 1, %s, %s)",
            *(tenant, invoice, PLANTED, PLANTED),
        )
    world.sql(
        "INSERT INTO tenancy.payment (id, tenant_id, invoice_id, currency, amount, paid_on)"
        " VALUES (gen_random_uuid(), %s, %s, 'USD', %s, current_date - 3)",
        *(tenant, invoices[1], PLANTED),
    )
    world.sql(
        "UPDATE portal.subscription SET currency = 'USD', mrr = CASE WHEN tenant_id = %s THEN %s::numeric ELSE 0 END",
        tenant,
        PLANTED,
    )
    world.sql(
        "UPDATE portal.partner_tenant_link SET alert_config = jsonb_build_object('billing_threshold',"
        " jsonb_build_object('amount', %s::text, 'currency', 'USD')) WHERE tenant_id = %s",
        *(PLANTED, tenant),
    )
    world.sql("DELETE FROM portal.alert")
    return {"invoice_id": invoices[0], **known(world, tenant)}


def known(world: World, tenant: UUID) -> dict[str, object]:
    """Return an id that exists for each name in an address."""
    queries = {
        "ticket_id": "SELECT id FROM tenancy.ticket WHERE tenant_id = %s LIMIT 1",
        "subscriber_id": "SELECT id FROM tenancy.subscriber WHERE tenant_id = %s LIMIT 1",
        "link_id": "SELECT l.id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE l.tenant_id = %s AND p.slug = 'northwind' AND l.status = 'active'",
        "user_id": "SELECT id FROM portal.partner_user WHERE %s IS NOT NULL AND email = 'finance@northwind.example'",
        "sequence": "SELECT max(sequence) AS id FROM portal.audit_entry WHERE %s IS NOT NULL AND kind = 'partner'",
        "webhook_id": "SELECT id FROM portal.webhook_endpoint WHERE %s IS NOT NULL AND url LIKE 'https://hooks.north%%'",
    }
    found = {name: world.sql(query, tenant)[0]["id"] for name, query in queries.items()}
    return found | {"tenant_id": tenant, "endpoint_id": found["webhook_id"]}


def addresses(app: Litestar, ids: Mapping[str, object]) -> Iterator[str]:
    """Yield the address of everything that can be read, as far as an id is known for each of its names."""
    for route in app.routes:
        named = re.findall(r"\{(\w+):\w+\}", route.path)
        reads = any("GET" in handler.http_methods for handler in getattr(route, "route_handlers", []))
        if reads and set(named) <= set(ids) and "/sign-" not in route.path and "/static" not in route.path:
            yield re.sub(r"\{(\w+):\w+\}", lambda part: str(ids[part[1]]), route.path)


async def walked(world: World, label: str, client: httpx.AsyncClient, ids: Mapping[str, object]) -> dict[str, str]:
    """Return what is answered at every address that answers, by address."""
    app: Any = world.front._hosts[f"{label}.localhost:{world.settings.port}"][1]
    answers = {path: await client.get(path) for path in sorted(set(addresses(app, ids)))}
    return {path: answer.text for path, answer in answers.items() if answer.status_code == 200}


async def exported(world: World, client: httpx.AsyncClient, form: str) -> bytes:
    """Return the invoices as a file, with every column that the caller gets."""
    asked = await client.post(
        "/api/v1/partner/billing/invoices/export", json={"format": form, "include_line_items": True}
    )
    assert asked.status_code == 202, asked.text
    (row,) = world.sql("SELECT partner_id FROM portal.invoice_export WHERE id = %s", asked.json()["export_id"])
    worker = system("billing", partner_id=row["partner_id"])
    export_id = UUID(asked.json()["export_id"])
    await export_run.export(worker, export_id=export_id, partner_id=row["partner_id"])
    state = (await client.get(f"/api/v1/partner/billing/exports/{export_id}")).json()
    return (await client.get(state["download_url"])).content


async def test_a_planted_amount_is_found_by_who_reads_money_and_nowhere_by_anybody_else(world: World) -> None:
    ids = plant(world)
    press = Recording()
    open_press(press)
    principal = partner_person(world)
    await acts.add(principal, draft=Draft(url="https://hooks.example.com/all", events=("*",)), now=clock.now())
    await evaluating.watch(system("alerts"))
    await delivering.deliver(system("notices"))
    world.sql("UPDATE portal.partner_user SET roles = %s WHERE email = %s", BLIND_ROLES, BLIND)

    console, api = await world.sign_in(PRINCIPAL), await world.api(PRINCIPAL)
    for client, paths in ((console, PAGES), (api, READS)):
        for path in paths:
            assert SEEN.search((await client.get(path.format(**ids))).text), path
    assert SEEN.search((await exported(world, api, "csv")).decode())
    await exported(world, api, "pdf")
    assert SEEN.search(press.printed.pop())

    scopes = EVERYTHING - {"partner.money.read"}
    software_blind = await software(world, await client_of(world, scopes=scopes))
    for label, client, least in (
        ("partners", await world.sign_in(BLIND), 30),
        ("api", await world.api(BLIND), 12),
        ("api", software_blind, 18),
    ):
        pages = await walked(world, label, client, ids)
        assert len(pages) >= least, sorted(pages)
        assert [path for path, text in pages.items() if SEEN.search(text)] == []
    assert not SEEN.search((await exported(world, software_blind, "csv")).decode())
    await exported(world, software_blind, "pdf")
    assert len(press.printed) == 1
    assert not SEEN.search(press.printed[0])

    told = [repr(letter) for letter in letters(world)]
    assert any("Receivables over the threshold" in text for text in told)
    assert [text for text in told if SEEN.search(text)] == []
    posted = world.sql(
        "SELECT kind, data::text AS said FROM portal.webhook_event WHERE created_at > now() - interval '1 h'"
    )
    assert "partner.tenant.billing_threshold" in {row["kind"] for row in posted}
    assert [row["kind"] for row in posted if SEEN.search(row["said"])] == []
