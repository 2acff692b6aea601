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
# Lists as somebody may ask for them beside their plain addresses: whoever reads money gets each of them.
ASKED = {
    "partners": (
        "/customers?sort=-balance",
        "/customers?q=acme&status=active",
        "/t/{tenant_id}/billing?sort=-amount",
        "/t/{tenant_id}/billing?status=overdue",
        "/t/{tenant_id}/subscribers?sort=-since",
        "/billing?currency=USD&order=billed",
        "/billing/invoices?sort=-amount",
        "/billing/invoices?status=unpaid&currency=USD",
        "/billing/exports?state=completed&sort=asked",
        "/reports/revenue?currency=USD",
        "/reports/usage?by=tenant",
        "/alerts?state=all",
        "/accounts?sort=-since",
        "/audit?action=billing",
    ),
    "api": (
        "/api/v1/partner/customers?sort_by=outstanding_balance&sort_order=desc",
        "/api/v1/partner/customers?status=active&search=acme",
        "/api/v1/partner/billing/summary?currency=USD&status=overdue,paid",
        "/api/v1/partner/billing/invoices?sort_by=amount",
        "/api/v1/partner/billing/invoices?sort_by=status&status=overdue,paid&currency=USD",
        "/api/v1/partner/billing/invoices?min_amount=700000&max_amount=800000",
        "/api/v1/partner/reports/revenue?compare=true",
        "/api/v1/partner/reports/usage?compare=true&group_by=tenant",
        "/api/v1/partner/alerts/billing?status=active,acknowledged",
    ),
}


# Where ids that are made for this walk lead; a walk that did not come there would prove nothing either.
TICKET_FILE = "/t/{tenant_id}/tickets/{ticket_id}/files/{file_id}"
API_FILE = "/api/v1/partner/support/tickets/{ticket_id}/attachments/{attachment_id}/file"
API_EXPORT = "/api/v1/partner/billing/exports/{export_id}"
API_DELIVERY = "/api/v1/partner/webhooks/{webhook_id}/deliveries/{delivery_id}"


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
        "ticket_id": "SELECT id FROM tenancy.ticket WHERE tenant_id = %s ORDER BY id LIMIT 1",
        "subscriber_id": "SELECT id FROM tenancy.subscriber WHERE tenant_id = %s LIMIT 1",
        "link_id": "SELECT l.id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE l.tenant_id = %s AND p.slug = 'northwind' AND l.status = 'active'",
        "user_id": "SELECT id FROM portal.partner_user WHERE %s IS NOT NULL AND email = 'finance@northwind.example'",
        "sequence": "SELECT max(sequence) AS id FROM portal.audit_entry WHERE %s IS NOT NULL AND kind = 'partner'",
        "account_id": "INSERT INTO portal.partner_account (id, partner_id, home_tenant_id, subscriber_id,"
        " engagement_type, created_by) SELECT gen_random_uuid(), p.id, s.tenant_id, s.id, 'managed', 'Halcyon'"
        " FROM tenancy.subscriber AS s, portal.partner AS p WHERE s.tenant_id = %s AND p.slug = 'northwind' LIMIT 1"
        " RETURNING id",
    }
    return {name: world.sql(query, tenant)[0]["id"] for name, query in queries.items()} | {"tenant_id": tenant}


def posted(world: World, endpoint_id: UUID) -> dict[str, object]:
    """Let an endpoint have been sent that the amount is over its threshold; return ids for addresses."""
    (row,) = world.sql(
        "SELECT d.id, d.partner_id FROM portal.webhook_delivery AS d"
        " JOIN portal.webhook_event AS e ON e.id = d.event_id"
        " WHERE d.endpoint_id = %s AND e.kind = 'partner.tenant.billing_threshold' LIMIT 1",
        endpoint_id,
    )
    world.sql(
        "INSERT INTO portal.webhook_attempt (id, partner_id, delivery_id, at, milliseconds, response_status)"
        " VALUES (gen_random_uuid(), %s, %s, now(), 20, 200)",
        *(row["partner_id"], row["id"]),
    )
    return {"webhook_id": endpoint_id, "endpoint_id": endpoint_id, "delivery_id": row["id"]}


async def attached(world: World, ticket_id: object) -> dict[str, object]:
    """Add a file to a ticket; return its id for addresses."""
    client = await world.api(PRINCIPAL, world.tenant(TENANT))
    made = await client.post(
        f"/api/v1/partner/support/tickets/{ticket_id}/attachments",
        params={"name": "trace.txt"},
        content=b"A trace",
        headers={"Content-Type": "application/octet-stream"},
    )
    assert made.status_code == 201, made.text
    (row,) = world.sql("SELECT id FROM tenancy.ticket_file WHERE name = 'trace.txt' AND ticket_id = %s", ticket_id)
    return {"file_id": row["id"], "attachment_id": row["id"]}


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
    paths = {*addresses(app, ids), *(path.format(**ids) for path in ASKED[label])}
    answers = {path: await client.get(path) for path in sorted(paths)}
    return {path: answer.text for path, answer in answers.items() if answer.status_code == 200}


async def exported(world: World, client: httpx.AsyncClient, form: str) -> tuple[UUID, bytes]:
    """Return an export's id and its file: the invoices, with every column that the caller gets."""
    asked = await client.post(
        "/api/v1/partner/billing/invoices/export", json={"format": form, "include_line_items": True}
    )
    assert asked.status_code == 202, asked.text
    (row,) = world.sql("SELECT partner_id FROM portal.invoice_export WHERE id = %s", asked.json()["export_id"])
    worker = system("billing", partner_id=row["partner_id"])
    export_id = UUID(asked.json()["export_id"])
    await export_run.export(worker, export_id=export_id, partner_id=row["partner_id"])
    state = (await client.get(f"/api/v1/partner/billing/exports/{export_id}")).json()
    return export_id, (await client.get(state["download_url"])).content


async def test_a_planted_amount_is_found_by_who_reads_money_and_nowhere_by_anybody_else(world: World) -> None:
    ids = plant(world)
    press = Recording()
    open_press(press)
    principal = partner_person(world)
    hook = await acts.add(principal, draft=Draft(url="https://hooks.example.com/all", events=("*",)), now=clock.now())
    await evaluating.watch(system("alerts"))
    await delivering.deliver(system("notices"))
    ids |= posted(world, hook.endpoint_id) | await attached(world, ids["ticket_id"])
    world.sql("UPDATE portal.partner_user SET roles = %s WHERE email = %s", BLIND_ROLES, BLIND)

    console, api = await world.sign_in(PRINCIPAL), await world.api(PRINCIPAL)
    for client, paths in ((console, PAGES), (api, READS)):
        for path in paths:
            assert SEEN.search((await client.get(path.format(**ids))).text), path
    for label, client in (("partners", console), ("api", api)):
        for path in ASKED[label]:
            assert (await client.get(path.format(**ids))).status_code == 200, path
    _, spreadsheet = await exported(world, api, "csv")
    assert SEEN.search(spreadsheet.decode())
    await exported(world, api, "pdf")
    assert SEEN.search(press.printed.pop())

    scopes = EVERYTHING - {"partner.money.read"}
    software_blind = await software(world, await client_of(world, scopes=scopes))
    ids["export_id"], spreadsheet = await exported(world, software_blind, "csv")
    assert not SEEN.search(spreadsheet.decode())
    for label, client, least, told in (
        ("partners", await world.sign_in(BLIND), 30, ("/accounts/{account_id}", TICKET_FILE)),
        ("api", await world.api(BLIND), 12, (API_FILE,)),
        ("api", software_blind, 18, (API_FILE, API_EXPORT, f"{API_EXPORT}/file", API_DELIVERY)),
    ):
        pages = await walked(world, label, client, ids)
        assert {path.format(**ids) for path in told} <= pages.keys(), sorted(pages)
        assert len(pages) >= least, sorted(pages)
        assert [path for path, text in pages.items() if SEEN.search(text)] == []
    await exported(world, software_blind, "pdf")
    assert len(press.printed) == 1
    assert not SEEN.search(press.printed[0])

    written = [repr(letter) for letter in letters(world)]
    assert any("Receivables over the threshold" in text for text in written)
    assert [text for text in written if SEEN.search(text)] == []
    events = world.sql(
        "SELECT kind, data::text AS said FROM portal.webhook_event WHERE created_at > now() - interval '1 h'"
    )
    assert "partner.tenant.billing_threshold" in {row["kind"] for row in events}
    assert [row["kind"] for row in events if SEEN.search(row["said"])] == []
