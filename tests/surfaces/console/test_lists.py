"""Lists: searched, filtered, sorted, paged; as many statements for one row as for many; wrong input is told."""

import pytest

from support_console import AUDITOR, PRINCIPAL, SUPPORT, counted, hrefs, words
from support_world import World

pytestmark = pytest.mark.anyio
LISTS = ("/customers", "/customers/closed", "/tickets", "/links", "/audit", "/notices", "/team", "/billing/exports")


async def test_customers_are_searched_and_filtered(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    found = words(await client.get("/customers?q=fiber"))
    assert "Acme Fiber" in found
    assert "Thistle Broadband" not in found
    assert "Thistle Broadband" in words(await client.get("/customers?model=customer_managed"))
    assert "Nothing matches these filters" in words(await client.get("/customers?q=nobody-is-called-so"))


async def test_customers_that_cannot_be_opened_are_in_a_tab_of_their_own(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    closed = words(await client.get("/customers/closed"))
    assert all(state in closed for state in ("Requested", "Paused", "Expired", "Revoked", "Declined"))
    assert not any(href.startswith("/t/") for href in hrefs(await client.get("/customers/closed")))


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", ["page=-1", "page=0", "page=99999999999999999999", "page=%00"])
async def test_a_page_that_cannot_be_is_told(demo: World, path: str, query: str) -> None:
    client = await demo.sign_in(PRINCIPAL)
    query = query.replace("page", "cursor") if path == "/audit" else query
    answer = await client.get(f"{path}?{query}")
    assert answer.status_code == 422
    assert "This page of the list does not exist" in words(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/customers?status=nonsense",
        "/customers?model=%00",
        "/tickets?priority=nonsense",
        "/tickets?clock=late",
        "/links?state=nonsense",
        "/links?group=nonsense",
        "/audit?tenant=not-an-id",
        "/audit?since=0001-01-01",
        "/audit?until=9999-12-31",
        "/audit?since=yesterday",
        "/team?role=nonsense",
        "/billing/exports?state=nonsense",
        "/billing/exports?format=xml",
    ],
)
async def test_a_filter_that_does_not_exist_is_refused(demo: World, path: str) -> None:
    answer = await (await demo.sign_in(PRINCIPAL)).get(path)
    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/customers", "/customers/closed", "/tickets", "/links", "/audit", "/team"])
@pytest.mark.parametrize("typed", ["%00", "%ED%A0%80", "%25", "_", "' OR 1=1 --", "x" * 5000, "<script>"])
async def test_any_search_is_answered(demo: World, path: str, typed: str) -> None:
    answer = await (await demo.sign_in(PRINCIPAL)).get(f"{path}?q={typed}")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    ("path", "one", "column"),
    [
        ("/customers", "q=acme-fiber", "customers"),
        ("/customers/closed", "state=paused", "closed"),
        ("/tickets", "q=suspicious&status=open", "tickets"),
        ("/links", "state=paused", "links"),
        ("/audit", "action=trail", "trail"),
        ("/team", "q=principal", "team"),
        ("/billing/exports", "state=failed", "exports"),
    ],
)
async def test_many_rows_cost_as_many_statements_as_one(demo: World, path: str, one: str, column: str) -> None:
    client = await demo.sign_in(PRINCIPAL)
    await client.get(path)
    with counted() as many:
        await client.get(path)
    with counted() as few:
        await client.get(f"{path}?{one}")
    assert len(few) <= len(many) <= 14
    assert len(many) - len(few) <= (1 if path == "/audit" else 0), (many, few)


async def test_the_team_is_there_to_read_and_offers_nothing_else(demo: World) -> None:
    client = await demo.sign_in(SUPPORT)
    answer = await client.get("/team?role=principal")
    assert "principal@northwind.example" in answer.text
    assert "msp_support@northwind.example" not in answer.text
    assert "stillwater" not in (await client.get("/team")).text


async def test_notices_are_marked_as_read_one_by_one_and_all(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    before = (await client.get("/notices?show=unread")).text.count("/notices/read")
    first = (await client.get("/notices")).text.split('name="id" value="', 1)[1].split('"', 1)[0]
    assert (await world.post(client, "/notices/read", id=first)).status_code == 303
    assert (await client.get("/notices?show=unread")).text.count("/notices/read") == before - 1
    await world.post(client, "/notices/read")
    assert "Nothing unread" in words(await client.get("/notices?show=unread"))
    assert (await world.post(client, "/notices/read", id="nonsense")).status_code == 422


async def test_the_trail_is_searched_read_and_exported(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    found = await client.get("/audit?action=link")
    assert "Signed in" not in words(found).split("Entry", 1)[1]
    entry = next(href for href in hrefs(found) if href.startswith("/audit/"))
    assert "Each entry seals the one before it." in words(await client.get(entry))
    exported = await world.post(client, "/audit/export")
    assert exported.headers["content-disposition"].startswith("attachment")
    assert '"signature"' in exported.text.splitlines()[-1]
    assert "The trail was exported" in words(await client.get("/audit?action=trail"))


async def test_an_export_of_the_trail_asks_for_a_fresh_code(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    world.sql("UPDATE portal.partner_session SET factor_at = now() - interval '1 hour'")
    asked = await world.post(client, "/audit/export")
    assert asked.status_code == 403
    assert 'name="step_up_code"' in asked.text
    assert world.sql("SELECT 1 FROM portal.audit_entry WHERE action = 'trail.exported'") == []
    answer = await world.post(client, "/audit/export", step_up_code=world.code(PRINCIPAL))
    assert '"signature"' in answer.text.splitlines()[-1]


@pytest.mark.parametrize("sequence", ["0", "999999999", "99999999999999999999999"])
async def test_an_entry_that_is_not_there_is_not_found(demo: World, sequence: str) -> None:
    assert (await (await demo.sign_in(AUDITOR)).get(f"/audit/{sequence}")).status_code == 404
