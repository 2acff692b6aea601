"""What a request says is read strictly: nothing unknown is passed over, each fault is named where it is (API.md)."""

from typing import Any

import httpx
import pytest

from guildhall.surfaces.api.app import ENDPOINTS
from guildhall.surfaces.api.reading import MOST_ERRORS
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
PARTNER = "/api/v1/partner"
TERMS = {"access_role": "msp_support", "operating_model": "co_managed"}
WISH = {"domain": "a.example", "approver_email": "b@a.example"}
PERSON = {"email": "new@northwind.example", "name": "New", "roles": ["technical"]}
ID = "00000000-0000-7000-8000-000000000000"


def pointers(answer: httpx.Response) -> set[str]:
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR"), answer.text
    return {each["pointer"] for each in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("links:batch", {**TERMS, "customers": [WISH, {**WISH, "ends_at": "2027-01-01"}]}, {"/customers/1/ends_at"}),
        ("links:batch", {**TERMS, "customers": [{"domain": 5}, WISH, 7]}, {"/customers/0/domain", "/customers/2"}),
        (
            "links",
            {**TERMS, **WISH, "custom_permissions": {"partner.x.read": "yes"}},
            {"/custom_permissions/partner.x.read"},
        ),
        ("links", {**TERMS, **WISH, "custom_permissions": {"a/b~c": True}}, {"/custom_permissions/a~1b~0c"}),
        ("team", {**PERSON, "roles": ["technical", "king"]}, {"/roles/1"}),
        ("team", {**PERSON, "tenant_ids": [ID]}, {"/tenant_scope"}),
        ("team", {**PERSON, "tenant_scope": "all", "tenant_ids": [ID], "a/b": 1}, {"/a~1b"}),
        ("billing/invoices/export", {"format": "csv", "columns": ["number", 4]}, {"/columns/1"}),
        ("webhooks", {"url": "https://a.example", "events": "all"}, {"/events"}),
        ("team", [], {""}),
    ],
)
async def test_a_fault_is_named_where_it_is(demo: World, path: str, body: Any, named: set[str]) -> None:
    assert pointers(await (await demo.api(PRINCIPAL)).post(f"{PARTNER}/{path}", json=body)) == named


async def test_a_note_with_a_mistyped_field_is_not_written_for_the_customer_to_read(world: World) -> None:
    client = await world.api(PRINCIPAL, world.tenant("acme-fiber"))
    ticket = (await client.get(f"{PARTNER}/support/tickets")).json()["items"][0]["id"]
    before = world.sql("SELECT count(*) AS count FROM tenancy.ticket_comment")
    answer = await client.patch(
        f"{PARTNER}/support/tickets/{ticket}",
        json={"comment": {"content": "Between us", "internal": True}},
        headers={"If-Match": "*"},
    )
    assert pointers(answer) == {"/comment/internal"}
    assert world.sql("SELECT count(*) AS count FROM tenancy.ticket_comment") == before


@pytest.mark.parametrize("amount", [2500.1, 12, 1e300])
async def test_an_amount_is_a_decimal_string(demo: World, amount: float) -> None:
    client = await demo.api(PRINCIPAL)
    link = (await client.get(f"{PARTNER}/links?status=active")).json()["items"][0]["id"]
    body = {"billing_threshold": {"amount": amount, "currency": "USD", "per": "month"}}
    answer = await client.patch(f"{PARTNER}/links/{link}/settings", json=body, headers={"If-Match": "*"})
    assert pointers(answer) == {"/billing_threshold/amount", "/billing_threshold/per"}


async def test_what_takes_no_body_says_so_of_one(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    for sent in (b'{"reason": "paid"}', b"{bad", b"[]"):
        assert pointers(await client.post(f"{PARTNER}/alerts/{ID}/acknowledge", content=sent)) == {""}
    for sent in (b"", b"{}"):
        assert (await client.post(f"{PARTNER}/alerts/{ID}/acknowledge", content=sent)).status_code == 404


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("billing/invoices?from_date=2026-02-02&to_date=2026-02-01", "to_date"),
        ("billing/invoices?min_amount=5&max_amount=4", "max_amount"),
        ("billing/summary?from_date=2026-02-02&to_date=2026-02-01", "to_date"),
        ("reports/sla?from_date=2026-02-02&to_date=2026-02-01", "to_date"),
        ("alerts/sla?from_date=2026-02-02&to_date=2026-02-01", "to_date"),
        ("support/tickets?created_from=2026-02-02T00:00:00Z&created_to=2026-02-01T00:00:00Z", "created_to"),
        ("audit?since=2026-02-02T00:00:00Z&until=2026-02-01T00:00:00Z", "until"),
        ("customers?cursor=x&offset=5", "offset"),
        ("billing/invoices?currency=usd", "currency"),
    ],
)
async def test_parameters_that_contradict_each_other_are_named(demo: World, asked: str, named: str) -> None:
    answer = await (await demo.api(PRINCIPAL)).get(f"{PARTNER}/{asked}")
    assert pointers(answer) == {f"/query/{named}"}
    assert "regex" not in answer.text


async def test_by_default_figures_are_of_the_same_thirty_days(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    period = (await client.get(f"{PARTNER}/billing/summary")).json()["period"]
    for report in ("usage", "sla", "revenue"):
        assert (await client.get(f"{PARTNER}/reports/{report}")).json()["period"] == period


async def test_errors_are_named_up_to_a_number(demo: World) -> None:
    body = {**TERMS, "customers": [{"x": 1}] * 500}
    answer = await (await demo.api(PRINCIPAL)).post(f"{PARTNER}/links:batch", json=body)
    assert len(pointers(answer)) == MOST_ERRORS


async def test_the_document_says_that_unknown_fields_are_refused(demo: World) -> None:
    document = (await (await demo.api(PRINCIPAL)).get("/api/v1/openapi.json")).json()
    asked = {each.operation.body.__name__ for each in ENDPOINTS if each.operation.body and not each.operation.oauth}
    for name in asked | {"LinkWish", "NewComment"}:
        assert document["components"]["schemas"][name]["additionalProperties"] is False, name


@pytest.mark.parametrize(
    ("path", "name", "values"),
    [
        ("team", "state", ("active", "deactivated")),
        ("team", "role", ("technical", "finance")),
        ("webhooks", "state", ("active", "disabled", "failing")),
        ("webhooks/{webhook}/deliveries", "status", ("delivered", "failed", "waiting", "dropped")),
        ("provisioning/subscribers", "status", ("active", "suspended")),
        ("support/tickets", "status", ("open", "pending")),
        ("links", "status", ("active", "requested")),
        ("customers", "status", ("active", "suspended")),
    ],
)
async def test_a_filter_takes_several_values(demo: World, path: str, name: str, values: tuple[str, ...]) -> None:
    client = await demo.api(PRINCIPAL, demo.tenant("acme-fiber") if path.startswith("provisioning") else None)
    busiest = "SELECT endpoint_id FROM portal.webhook_delivery GROUP BY 1 ORDER BY count(DISTINCT status) DESC LIMIT 1"
    url = f"{PARTNER}/{path.format(webhook=demo.sql(busiest)[0]['endpoint_id'])}"
    found = [(await client.get(url, params={name: value, "limit": 100})).json() for value in values]
    together = (await client.get(url, params={name: ",".join(values), "limit": 100})).json()
    ids = [{each.get("id") or each["tenant_id"] for each in page["items"]} for page in (*found, together)]
    assert ids[-1] == set().union(*ids[:-1])
    assert ids[-1], "the demo has some"
