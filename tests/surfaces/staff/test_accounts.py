"""Partner accounts: staff entrust a subscriber of a partner's home tenant to it, and end that; the partner is told."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from support_console import words
from support_world import World

pytestmark = pytest.mark.anyio
LEAD, SUPPORT, READER = (f"{role}@halcyon.example" for role in ("lead", "support", "read_only"))
RESELLER = "principal@alderfinch.example"
FORM = {"engagement_type": "managed", "reason": "Asked by the household"}


def partner(world: World, slug: str) -> dict[str, Any]:
    return world.sql("SELECT id, home_tenant_id AS home FROM portal.partner WHERE slug = %s", slug)[0]


def free(world: World) -> dict[str, Any]:
    """Return a subscriber of the reseller's home tenant that nobody looks after."""
    return world.sql(
        "SELECT s.id, s.name, s.email FROM tenancy.subscriber AS s WHERE s.tenant_id = %s AND NOT EXISTS"
        " (SELECT 1 FROM portal.partner_account AS a WHERE a.subscriber_id = s.id) ORDER BY s.name LIMIT 1",
        partner(world, "alderfinch")["home"],
    )[0]


def kept(world: World) -> list[dict[str, Any]]:
    return world.sql("SELECT id, status, ended_at FROM portal.partner_account ORDER BY id")


def trail(world: World, account: UUID) -> set[tuple[str, str]]:
    rows = world.sql("SELECT kind, action FROM portal.audit_entry WHERE target_id = %s", str(account))
    return {(row["kind"], row["action"]) for row in rows}


async def opens(client: httpx.AsyncClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text[:300]
    return words(answer)


async def test_a_subscriber_is_found_entrusted_and_taken_back(world: World) -> None:
    base, whom = f"/partners/{partner(world, 'alderfinch')['id']}/accounts", free(world)
    lead, reseller = await world.sign_in(LEAD, "staff"), await world.sign_in(RESELLER)
    assert base in (await lead.get(base.removesuffix("/accounts"))).text
    for search in (whom["email"], str(whom["id"])):
        assert whom["name"] in await opens(lead, f"{base}/new?q={search}")
    assert whom["name"] not in words(await reseller.get("/accounts"))

    before = kept(world)
    refused = await world.post(lead, f"{base}/new/{whom['id']}", engagement_type="managed", reason=" ")
    assert (refused.status_code, kept(world)) == (422, before)
    done = await world.post(lead, f"{base}/new/{whom['id']}", **FORM)
    assert (done.status_code, done.headers["location"]) == (303, base)
    (made,) = world.sql("SELECT id FROM portal.partner_account WHERE subscriber_id = %s", whom["id"])
    assert trail(world, made["id"]) == {(kind, "account.begun") for kind in ("partner", "tenant", "vendor")}
    assert whom["name"] in words(await reseller.get("/accounts"))
    told = await reseller.get("/notices")
    assert "The vendor entrusted a subscriber of your own tenant to you" in words(told)
    assert f"/accounts/{made['id']}" in told.text
    twice = await world.post(lead, f"{base}/new/{whom['id']}", **FORM)
    assert "looks after this subscriber already" in words(await lead.get(twice.headers["location"]))
    assert "Looked after already" in await opens(lead, f"{base}/new?q={whom['email']}")

    support = await world.sign_in(SUPPORT, "staff")
    assert whom["name"] in await opens(support, f"{base}/{made['id']}/end")
    assert (await world.post(support, f"{base}/{made['id']}/end", reason="")).status_code == 422
    done = await world.post(support, f"{base}/{made['id']}/end", reason="Moved away")
    assert done.status_code == 303
    assert (await world.post(support, f"{base}/{made['id']}/end", reason="Again")).status_code == 303
    assert ("tenant", "account.ended") in trail(world, made["id"])
    assert whom["name"] not in words(await reseller.get("/accounts"))
    notices = words(await reseller.get("/notices"))
    assert "The vendor ended one of your partner accounts" in notices
    assert whom["name"] not in notices
    acts = world.sql("SELECT body::text AS said FROM portal.audit_entry WHERE target_id = %s", str(made["id"]))
    assert acts
    assert not [each["said"] for each in acts if whom["name"] in each["said"]]


async def test_who_may_not_and_what_cannot_be_changes_nothing(world: World) -> None:
    reseller, northwind, whom = partner(world, "alderfinch"), partner(world, "northwind"), free(world)
    active = next(row["id"] for row in kept(world) if row["status"] == "active")
    reader, support, lead = [await world.sign_in(email, "staff") for email in (READER, SUPPORT, LEAD)]
    base, before = f"/partners/{reseller['id']}/accounts", kept(world)
    assert (await reader.get(base)).status_code == 200
    for client, path in (
        (reader, f"{base}/new/{whom['id']}"),
        (reader, f"{base}/{active}/end"),
        (reader, f"{base}/home"),
        (support, f"{base}/new/{whom['id']}"),
    ):
        assert (await world.post(client, path, **FORM)).status_code == 403
    foreign = world.sql("SELECT id FROM tenancy.subscriber WHERE tenant_id <> %s LIMIT 1", reseller["home"])[0]["id"]
    other = f"/partners/{northwind['id']}/accounts"
    for path in (f"{base}/new/{foreign}", f"{other}/{active}/end"):
        assert (await world.post(lead, path, **FORM)).status_code == 404, path
    assert (await world.post(lead, f"{other}/new/{whom['id']}", **FORM)).status_code == 303, "it has no home tenant"
    assert kept(world) == before


async def test_a_home_tenant_is_named_unless_it_is_a_customer_or_left_with_accounts(world: World) -> None:
    northwind, reseller = partner(world, "northwind"), partner(world, "alderfinch")
    lead, base = await world.sign_in(LEAD, "staff"), f"/partners/{northwind['id']}/accounts"
    linked = world.sql("SELECT domain FROM tenancy.tenant WHERE id = %s", world.tenant("acme-fiber"))[0]["domain"]
    home = world.unlinked("northwind")
    domain = world.sql("SELECT domain FROM tenancy.tenant WHERE id = %s", home)[0]["domain"]
    assert (await world.post(lead, f"{base}/home", domain="nobody.example")).status_code == 422
    for at, typed in ((base, linked), (f"/partners/{reseller['id']}/accounts", domain)):
        refused = await world.post(lead, f"{at}/home", domain=typed)
        assert refused.status_code == 303
    assert (partner(world, "northwind"), partner(world, "alderfinch")) == (northwind, reseller)
    assert (await world.post(lead, f"{base}/home", domain=f" {domain.upper()} ")).status_code == 303
    assert partner(world, "northwind")["home"] == home
    assert "Entrust a subscriber" in await opens(lead, base)


async def test_a_tenant_reads_that_it_became_or_is_no_longer_somebodys_home_and_no_other_name(world: World) -> None:
    northwind, lead = partner(world, "northwind")["id"], await world.sign_in(LEAD, "staff")
    tenants = world.sql(
        "SELECT t.id, t.name, t.domain FROM tenancy.tenant AS t WHERE NOT EXISTS (SELECT 1 FROM"
        " portal.partner_tenant_link AS l WHERE l.partner_id = %s AND l.tenant_id = t.id) ORDER BY t.id LIMIT 2",
        northwind,
    )
    for each in tenants:
        answer = await world.post(lead, f"/partners/{northwind}/accounts/home", domain=each["domain"])
        assert answer.status_code == 303
    told = {
        (row["kind"], row["chain_id"]): row["body"]
        for row in world.sql(
            "SELECT kind, chain_id, body FROM portal.audit_entry WHERE action = 'partner.changed' ORDER BY sequence"
        )
    }
    first, second = (told["tenant", each["id"]] for each in tenants)
    assert '"home_of":["Northwind Managed Services",null]' in first
    assert '"home_of":[null,"Northwind Managed Services"]' in second
    assert tenants[0]["name"] not in second
    assert tenants[1]["name"] not in first
    assert all(each["name"] in told["partner", northwind] for each in tenants)
