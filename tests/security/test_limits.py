"""Who is limited to some customers: no link to another is seen or written, in the code and in the database."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from guildhall.core import crypto, db
from support_actors import limit
from support_clients import client_of, software
from support_console import words
from support_world import World

pytestmark = pytest.mark.anyio
LINKS = "/api/v1/partner/links"
TERMS = {"access_role": "msp_support", "operating_model": "co_managed", "ends_at": "2027-10-01T00:00:00Z"}
PRINCIPAL = "principal@northwind.example"
PERSON = "msp_full@northwind.example"


def links(world: World) -> dict[UUID, UUID]:
    """Return Northwind's active links by their tenants."""
    rows = world.sql(
        "SELECT l.id, l.tenant_id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' AND l.status = 'active'"
    )
    return {row["tenant_id"]: row["id"] for row in rows}


def states(world: World) -> list[tuple[UUID, str, int]]:
    rows = world.sql("SELECT id, status, version FROM portal.partner_tenant_link ORDER BY id")
    return [(row["id"], row["status"], row["version"]) for row in rows]


async def test_a_limited_client_neither_lists_nor_ends_links_to_other_customers(world: World) -> None:
    own, other, *_ = world.tenants("northwind", "live")
    scopes = frozenset({"partner.links.read", "partner.links.end"})
    made = await client_of(world, scopes=scopes, tenant_scope="include", tenant_ids=frozenset({own}))
    caller, of, before = await software(world, made), links(world), states(world)
    page = (await caller.get(LINKS, params={"limit": 100})).json()
    assert {each["tenant_id"] for each in page["items"]} == {str(own), None}, "its customer, and what has no name yet"
    assert page["total"] == len(page["items"])
    assert (await caller.get(f"{LINKS}/{of[other]}")).status_code == 404
    assert (await caller.post(f"{LINKS}/{of[other]}/end", json={})).status_code == 404
    assert states(world) == before
    assert (await caller.post(f"{LINKS}/{of[own]}/end", json={})).status_code == 200


@pytest.mark.parametrize("scope", ["include", "exclude"])
async def test_a_limited_person_neither_sees_nor_changes_links_to_other_customers(world: World, scope: str) -> None:
    first, second, *_ = world.tenants("northwind", "live")
    limit(world, PERSON, first, scope=scope)
    own, other = (first, second) if scope == "include" else (second, first)
    of, before = links(world), states(world)
    browser = await world.sign_in(PERSON)
    name = world.sql("SELECT name FROM tenancy.tenant WHERE id = %s", other)[0]["name"]
    assert name not in words(await browser.get("/links?limit=100"))
    assert (await browser.get(f"/links/{of[other]}")).status_code == 404
    for act in ("pause", "resume", "end", "accept", "withdraw"):
        answer = await world.post(browser, f"/links/{of[other]}/{act}", confirmed="yes", version="1")
        assert answer.status_code == 404, act
    assert states(world) == before
    assert (await browser.get(f"/links/{of[own]}")).status_code == 200
    async with db.transaction(await world.actor(PERSON)) as connection:  # a query that forgets the limits
        forgotten = text("UPDATE portal.partner_tenant_link SET reason = 'mine' WHERE id = ANY (:ids)")
        done = await connection.execute(forgotten, {"ids": [of[own], of[other]]})
    assert done.rowcount == 1


async def test_a_limited_person_asks_by_domain_and_sees_no_more_than_before(world: World) -> None:
    own, *_ = world.tenants("northwind", "live")
    limit(world, PERSON, own)
    caller, known = await world.api(PERSON), world.unlinked("northwind")
    domain = world.sql("SELECT domain FROM tenancy.tenant WHERE id = %s", known)[0]["domain"]
    for asked in (domain, "nobody-there.example"):
        answer = await caller.post(LINKS, json=TERMS | {"domain": asked, "approver_email": f"admin@{asked}"})
        assert answer.status_code == 202, answer.text
    items = (await caller.get(LINKS, params={"limit": 100, "status": "requested"})).json()["items"]
    assert {domain, "nobody-there.example"} <= {each["tenant_domain"] for each in items}


async def test_a_limited_person_is_refused_beside_the_code_of_another_customer(world: World) -> None:
    own, *_ = world.tenants("northwind", "live")
    limit(world, PERSON, own)
    tenant, before = world.unlinked("northwind"), states(world)
    world.sql(
        "INSERT INTO tenancy.link_code (id, tenant_id, code_hash, created_by, expires_at)"
        " SELECT %s, %s, %s, id, now() + interval '1 day' FROM tenancy.customer_user LIMIT 1 RETURNING id",
        uuid4(),
        tenant,
        crypto.token_hash("ABCD2345WXYZ"),
    )
    answer = await (await world.api(PERSON)).post(LINKS, json=TERMS | {"code": "abcd-2345-wxyz"})
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/code"]
    assert states(world) == before


async def test_a_limited_principal_manages_neither_team_nor_clients_and_keeps_the_own_limit(world: World) -> None:
    made = await client_of(world)
    own, *_ = world.tenants("northwind", "live")
    limit(world, PRINCIPAL, own)
    browser = await world.sign_in(PRINCIPAL)
    for path in ("/clients", f"/clients/{made.client_id}", "/team/invite"):
        answer = await browser.get(path)
        assert answer.status_code == 403, path
        assert "only those who see every customer manage the team, API clients and webhooks" in words(answer)
    answer = await world.post(browser, f"/clients/{made.client_id}/secret", overlap="0", confirmed="yes")
    assert answer.status_code == 403
    assert (await browser.get("/team")).status_code == 200
    actor = await world.actor(PRINCIPAL)
    assert not actor.may("partner.team.manage")
    async with db.transaction(actor) as connection:  # statements of code that forgot to ask
        for forgotten in (
            "DELETE FROM portal.partner_user_tenant WHERE user_id = portal.app_id('user_id')",
            "UPDATE portal.api_client SET responsible_id = portal.app_id('user_id')",
            "UPDATE portal.partner_user SET roles = '{principal}' WHERE id <> portal.app_id('user_id')",
        ):
            assert (await connection.execute(text(forgotten))).rowcount == 0, forgotten
    with pytest.raises(DBAPIError, match="row-level security"):
        async with db.transaction(actor) as connection:
            await connection.execute(
                text(
                    "INSERT INTO portal.partner_user (id, email, name, language, timezone, roles, tenant_scope,"
                    " partner_id) VALUES (gen_random_uuid(), 'second@northwind.example', 'Second', 'en', 'UTC',"
                    " '{principal}', 'all', portal.app_id('partner_id'))"
                )
            )
    assert world.sql("SELECT 1 AS n FROM portal.partner_user WHERE email = 'second@northwind.example'") == []


async def test_a_limited_reader_of_the_trail_and_the_team_learns_nothing_of_other_customers(world: World) -> None:
    own, other, *_ = world.tenants("northwind", "live")
    entries = "SELECT count(*) AS n FROM portal.audit_entry WHERE kind = 'partner' AND tenant_id = %s"
    assert world.sql(entries, other)[0]["n"] > 0, "there is something to be learnt"
    scopes = frozenset({"partner.audit.read", "partner.team.read"})
    made = await client_of(world, scopes=scopes, tenant_scope="include", tenant_ids=frozenset({own}))
    caller = await software(world, made)
    limit(world, PERSON, own, other)
    trail = (await caller.get("/api/v1/partner/audit", params={"limit": 100})).json()["items"]
    assert {each["tenant_id"] for each in trail} <= {str(own), None}
    assert trail
    person = world.sql("SELECT id FROM portal.partner_user WHERE email = %s", PERSON)[0]["id"]
    assert (await caller.get(f"/api/v1/partner/team/{person}")).json()["tenant_ids"] == [str(own)]


async def test_a_limited_principal_exports_no_trail_since_a_part_of_it_proves_nothing(world: World) -> None:
    own, *_ = world.tenants("northwind", "live")
    limit(world, PRINCIPAL, own)
    browser = await world.sign_in(PRINCIPAL)
    answer = await world.post(browser, "/audit/export")
    assert answer.status_code == 403
    assert "You work for some of the customers only" in words(answer)
    assert world.sql("SELECT 1 FROM portal.audit_entry WHERE action = 'trail.exported'") == []
