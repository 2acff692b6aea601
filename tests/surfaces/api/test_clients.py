"""API clients: software gets a token, does what its scopes say, and is refused on the next request when it may not."""

from uuid import UUID, uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy import text

from guildhall.core import clock, crypto, db
from guildhall.core.actor import DbRole, Surface, anonymous
from guildhall.core.errors import StepUpRequired
from guildhall.core.freshness import require_fresh
from guildhall.domain.people import backoff, clients
from guildhall.domain.people.client_acts import Made
from guildhall.surfaces.entry import ROLES
from support_clients import (
    EVERYTHING,
    PRINCIPAL,
    TOKEN,
    ask,
    behind_a_proxy,
    client_of,
    forwarded,
    software,
    token_of,
)
from support_world import World

pytestmark = pytest.mark.anyio
ME = "/api/v1/auth/me"
TICKETS = "/api/v1/partner/support/tickets"


async def test_a_client_gets_a_token_and_learns_who_it_is(world: World) -> None:
    made = await client_of(world, name="Ticket sync", scopes=frozenset({"partner.support.tickets.list"}))
    answer = await ask(world, made)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    pair = answer.json()
    assert set(pair) == {"access_token", "token_type", "expires_in", "scope"}
    assert (pair["token_type"], pair["expires_in"], pair["scope"]) == ("Bearer", 600, "partner.support.tickets.list")
    me = (await world.client("api", Authorization=f"Bearer {pair['access_token']}").get(ME)).json()
    assert me["kind"] == "api_client"
    assert (me["name"], me["email"], me["roles"]) == ("Ticket sync", None, [])
    assert me["permissions"] == ["partner.support.tickets.list"]
    calls = me["limits"].pop("calls")
    assert [each["kind"] for each in calls] == ["list", "across", "detail", "write", "export"]
    assert me["limits"] == {"tenant_scope": "all", "tenant_ids": [], "tenant_count": 24}
    assert me["partner"]["name"] == "Northwind Managed Services"


async def test_unknown_client_wrong_secret_and_every_state_that_refuses_are_one_answer(world: World) -> None:
    good, expired, revoked = [await client_of(world, name=name) for name in ("good", "expired", "revoked")]
    world.sql("UPDATE portal.api_client SET expires_at = now() WHERE id = %s", expired.client_id)
    world.sql("UPDATE portal.api_client SET revoked_at = now() WHERE id = %s", revoked.client_id)
    elsewhere = await client_of(world, name="elsewhere", networks=("203.0.113.0/24",))
    answers = [
        await ask(world, (uuid4(), good.secret)),
        await ask(world, (good.client_id, "x" * 43)),
        await ask(world, (good.client_id, "")),
        await ask(world, (good.client_id, expired.secret)),
        await ask(world, (expired.client_id, good.secret)),
        await ask(world, expired),
        await ask(world, revoked),
        await ask(world, elsewhere),
        await world.client("api").post(TOKEN, data={"grant_type": "client_credentials", "client_id": "\x00' OR 1=1"}),
    ]
    assert {(each.status_code, each.text) for each in answers} == {
        (401, '{"error":"invalid_client","error_description":"Client id or secret is not right."}')
    }
    assert {each.headers["www-authenticate"] for each in answers} == {'Basic realm="api", charset="UTF-8"'}
    assert (await ask(world, good)).status_code == 200
    noted = world.sql(
        "SELECT actor_name FROM portal.audit_entry WHERE action = 'access.refused' AND actor_kind = 'api_client'"
    )
    assert {each["actor_name"] for each in noted} == {"expired", "revoked", "elsewhere"}


async def test_the_endpoint_speaks_oauth(world: World) -> None:
    made = await client_of(world, scopes=frozenset({"partner.support.tickets.list", "partner.tenants.list"}))
    client, good = world.client("api"), {"grant_type": "client_credentials"}
    id_and_secret = {"client_id": str(made.client_id), "client_secret": made.secret}
    basic = (str(made.client_id), made.secret)
    for arguments, error in (
        ({"data": id_and_secret}, "invalid_request"),
        ({"data": {"grant_type": "password", **id_and_secret}}, "unsupported_grant_type"),
        ({"json": {**good, **id_and_secret}}, "invalid_request"),
        ({"data": {**good, **id_and_secret}, "auth": basic}, "invalid_request"),
        ({"data": {"grant_type": ["client_credentials"] * 2}, "auth": basic}, "invalid_request"),
        ({"data": {**good, "scope": "partner.billing.read"}, "auth": basic}, "invalid_scope"),
        ({"data": {**good, "scope": "partner.*"}, "auth": basic}, "invalid_scope"),
        ({"data": good, "headers": {"Authorization": "Basic %%%"}}, "invalid_client"),
        ({"data": good, "headers": [(b"Authorization", "Basic é".encode("latin-1"))]}, "invalid_client"),
        ({"data": good}, "invalid_client"),
    ):
        answer = await client.post(TOKEN, **arguments)
        assert answer.json()["error"] == error, arguments
        assert answer.status_code == (401 if error == "invalid_client" else 400)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
    for arguments in ({"data": {**good, **id_and_secret, "other": "x"}}, {"data": good, "auth": basic}):
        assert (await client.post(TOKEN, **arguments)).status_code == 200
    narrowed = await software(world, made, scope="partner.tenants.list")
    assert (await narrowed.get("/api/v1/partner/customers")).status_code == 200
    assert (await narrowed.get(TICKETS)).json()["code"] == "FORBIDDEN"


async def test_guessing_waits_and_shuts_nobody_out_elsewhere(world: World) -> None:
    behind_a_proxy(world)
    made = await client_of(world)
    statuses = {(await ask(world, (made.client_id, "wrong"), ip="198.51.100.1")).status_code for _ in range(60)}
    assert statuses == {401, 429}
    waiting = await ask(world, made, ip="198.51.100.1")
    assert (waiting.status_code, waiting.json()["error"]) == (429, "temporarily_unavailable")
    assert int(waiting.headers["retry-after"]) > 0
    assert (await ask(world, made, ip="198.51.100.2")).status_code == 200


async def test_made_up_clients_from_one_network_come_to_wait_and_keep_nobody_elsewhere(world: World) -> None:
    behind_a_proxy(world)
    made = await client_of(world)
    now = clock.now()
    caller = anonymous(Surface.API, ROLES[Surface.API], ip="198.51.100.1")
    for _ in range(backoff.SITE.free):
        await backoff.begin_client(caller, client_id=str(uuid4()), now=now)
    statuses = [(await ask(world, (uuid4(), "wrong"), ip="198.51.100.1")).status_code for _ in range(40)]
    assert 429 in statuses
    rows = world.sql("SELECT count(*) AS n FROM portal.sign_in_backoff")
    assert (await ask(world, (uuid4(), "wrong"), ip="198.51.100.1")).status_code == 429
    assert (await ask(world, made, ip="198.51.100.2")).status_code == 200
    assert rows[0]["n"] < backoff.SITE.free + 40 + 5


async def test_software_at_two_addresses_writes_once_a_minute_and_not_in_turns(world: World) -> None:
    behind_a_proxy(world)
    made = await client_of(world)
    bearer = {"Authorization": f"Bearer {await token_of(world, made, ip='203.0.113.1')}"}
    noted = "SELECT xmin::text, last_used_from FROM portal.api_client WHERE id = %s"
    said = "SELECT count(*) AS n FROM portal.audit_entry WHERE action = 'client.signed_in'"
    before, entries = world.sql(noted, made.client_id), world.sql(said)
    for ip in ("203.0.113.2", "203.0.113.1", "203.0.113.2"):
        assert (await world.client("api", **bearer, **forwarded(ip)).get(ME)).status_code == 200
        await token_of(world, made, ip=ip)
    assert (world.sql(noted, made.client_id), world.sql(said)) == (before, entries)
    world.sql("UPDATE portal.api_client SET last_used_at = now() - interval '2 minutes' WHERE id = %s", made.client_id)
    await token_of(world, made, ip="203.0.113.2")
    assert world.sql(said)[0]["n"] == entries[0]["n"] + 1, "after a while another address is news"


async def test_a_client_is_bound_to_its_networks_by_the_address_behind_the_proxy(world: World) -> None:
    behind_a_proxy(world)
    made = await client_of(world, networks=("203.0.113.0/24", "2001:db8:40::/48"))
    inside = ("203.0.113.7", "::ffff:203.0.113.7", "2001:db8:40::1", "198.51.100.9, 203.0.113.9")
    outside = ("203.0.114.7", "2001:db8:41::1", "203.0.113.7, 198.51.100.9", "nonsense", "")
    assert [(await ask(world, made, ip=ip)).status_code for ip in inside] == [200] * len(inside)
    assert [(await ask(world, made, ip=ip)).status_code for ip in outside] == [401] * len(outside)
    bearer = {"Authorization": f"Bearer {await token_of(world, made, ip='203.0.113.7')}"}
    answers = [await world.client("api", **bearer, **forwarded(ip)).get(ME) for ip in (inside[0], outside[0])]
    assert [each.status_code for each in answers] == [200, 401]
    used = world.sql("SELECT last_used_from FROM portal.api_client WHERE id = %s", made.client_id)
    assert used == [{"last_used_from": "203.0.113.7"}], "a refused use is no use"


LEFT = (
    "UPDATE portal.partner_user AS u SET status = 'deactivated' FROM portal.api_client AS c"
    " WHERE u.id = c.responsible_id AND c.id = %s"
)
OVER = (
    "UPDATE portal.partner AS p SET status = 'terminated' FROM portal.api_client AS c"
    " WHERE p.id = c.partner_id AND c.id = %s"
)


@pytest.mark.parametrize(
    ("what", "statement"),
    [
        ("revoked", "UPDATE portal.api_client SET revoked_at = now() WHERE id = %s"),
        ("run out", "UPDATE portal.api_client SET expires_at = now() WHERE id = %s"),
        ("secret ended", "UPDATE portal.api_client_secret SET ends_at = now() WHERE client_id = %s"),
        ("who answers for it deactivated", LEFT),
        ("partner terminated", OVER),
    ],
)
async def test_a_token_got_before_is_refused_on_the_next_request(world: World, what: str, statement: str) -> None:
    made = await client_of(world)
    caller = await software(world, made)
    assert (await caller.get(TICKETS)).status_code == 200
    world.sql(statement, made.client_id)
    assert [(await caller.get(path)).status_code for path in (TICKETS, ME)] == [401, 401], what
    assert (await ask(world, made)).status_code == 401


async def test_a_demoted_person_takes_the_clients_permissions_along(world: World) -> None:
    made = await client_of(world, scopes=frozenset({"partner.support.tickets.list", "partner.billing.read"}))
    caller = await software(world, made)
    world.sql("UPDATE portal.partner_user SET roles = '{technical}' WHERE email = %s", PRINCIPAL)
    assert (await caller.get(ME)).json()["permissions"] == ["partner.support.tickets.list"]
    world.sql("UPDATE portal.partner_user SET roles = '{viewer}' WHERE email = %s", PRINCIPAL)
    assert (await caller.get(TICKETS)).json()["code"] == "FORBIDDEN"
    assert (await ask(world, made)).json()["error"] == "invalid_scope"


async def test_a_suspended_partners_client_is_refused_and_gets_no_token(world: World) -> None:
    made = await client_of(world)
    caller = await software(world, made)
    world.sql("UPDATE portal.partner SET status = 'suspended' WHERE slug = 'northwind'")
    answers = [await caller.get(path) for path in (ME, TICKETS)]
    assert {(each.status_code, each.json()["code"]) for each in answers} == {(403, "PARTNER_INACTIVE")}
    assert (await ask(world, made)).json()["error"] == "unauthorized_client"


async def test_a_client_limited_to_some_customers_reaches_no_other(world: World) -> None:
    own, other, *_ = world.tenants("northwind", "live")
    made = await client_of(world, tenant_scope="include", tenant_ids=frozenset({own}))
    caller = await software(world, made)
    items = (await caller.get("/api/v1/partner/customers")).json()["items"]
    assert [each["tenant_id"] for each in items] == [str(own)]
    assert {each["tenant_id"] for each in (await caller.get(TICKETS)).json()["items"]} <= {str(own)}
    assert (await caller.get(f"/api/v1/partner/customers/{other}")).json()["code"] == "TENANT_NOT_FOUND"
    refused = await caller.get(TICKETS, params={"tenant_ids": str(other)})
    assert refused.json()["code"] == "TENANT_ACCESS_DENIED"
    assert (await caller.get(ME)).json()["limits"]["tenant_ids"] == [str(own)]


async def test_a_ticket_that_a_client_opens_names_it_and_so_do_both_trails(world: World) -> None:
    tenant = world.tenants("northwind", "live")[0]
    world.sql(
        "UPDATE portal.partner_tenant_link SET permissions = permissions || '{partner.support.tickets.create}'::text[],"
        " areas = areas || '{support,support_write}'::text[] WHERE tenant_id = %s",
        tenant,
    )
    made = await client_of(world, name="Ticket sync")
    caller = await software(world, made, tenant)
    body = {"subject": "Link down", "description": "Since noon", "priority": "high", "category": "network"}
    answer = await caller.post(TICKETS, json=body)
    assert answer.status_code in {200, 201}, answer.text
    assert answer.json()["created_by_kind"] == "api_client"
    assert answer.json()["created_by_name"] == "Ticket sync"
    entries = world.sql(
        "SELECT kind, actor_kind, actor_name, body::jsonb ? 'ip' AS ip FROM portal.audit_entry"
        " WHERE action = 'ticket.opened' AND target_id = %s ORDER BY kind",
        answer.json()["id"],
    )
    assert [(each["kind"], each["actor_kind"], each["actor_name"], each["ip"]) for each in entries] == [
        ("partner", "api_client", "Ticket sync", True),
        ("tenant", "api_client", "Ticket sync", False),
    ]


async def test_a_token_of_one_kind_is_not_taken_for_the_other(world: World) -> None:
    made = await client_of(world)
    key = OctKey.import_key(crypto.key("access-token"))
    claims = jwt.decode(await token_of(world, made), key, algorithms=["HS256"]).claims
    assert claims["sub"] == claims["client_id"] == str(made.client_id)
    person = jwt.decode(await world.token(PRINCIPAL), key, algorithms=["HS256"]).claims
    at = {"alg": "HS256", "typ": "at+jwt"}
    crossed = [
        {name: value for name, value in claims.items() if name != "client_id"},
        {**person, "client_id": str(made.client_id)},
        {**claims, "sid": str(uuid4())},
    ]
    for forged in crossed:
        bearer = f"Bearer {jwt.encode(at, forged, key)}"
        assert (await world.client("api", Authorization=bearer).get(ME)).status_code == 401


async def test_a_client_has_no_session_to_leave_and_no_second_factor_to_show(world: World) -> None:
    made = await client_of(world)
    caller = await software(world, made)
    assert (await caller.post("/api/v1/auth/logout")).json()["code"] == "FORBIDDEN"
    assert (await caller.get(ME)).status_code == 200
    found = await clients.find(anonymous(Surface.API, DbRole.PARTNER), secret_id=_secret(world, made), path="/")
    assert found is not None
    with pytest.raises(StepUpRequired):
        require_fresh(found.actor, now=clock.now())


def _secret(world: World, made: Made) -> UUID:
    found: UUID = world.sql("SELECT id FROM portal.api_client_secret WHERE client_id = %s", made.client_id)[0]["id"]
    return found


async def test_the_database_refuses_a_client_what_the_code_would_have_to_forget(world: World) -> None:
    tenant, other, *_ = world.tenants("northwind", "live")
    made = await client_of(
        world,
        scopes=frozenset({"partner.support.tickets.list"}),
        tenant_scope="include",
        tenant_ids=frozenset({tenant}),
    )
    found = await clients.find(anonymous(Surface.API, DbRole.PARTNER), secret_id=_secret(world, made), path="/")
    assert found is not None
    async with db.transaction(found.actor) as connection:
        seen = (await connection.execute(text("SELECT DISTINCT tenant_id FROM tenancy.ticket"))).scalars().all()
        invoices = await connection.scalar(text("SELECT count(*) FROM tenancy.invoice"))
        known = (await connection.execute(text("SELECT id FROM portal.api_client"))).scalars().all()
        changed = await connection.execute(text("UPDATE portal.api_client SET scopes = '{partner.billing.read}'"))
    assert set(seen) <= {tenant}
    assert other not in seen
    assert invoices == 0
    assert known == [made.client_id]
    assert changed.rowcount == 0
    world.sql("UPDATE portal.api_client SET expires_at = now() WHERE id = %s", made.client_id)
    async with db.transaction(found.actor) as connection:
        assert await connection.scalar(text("SELECT count(*) FROM tenancy.tenant")) == 0


async def test_the_document_tells_software_how_to_sign_in(demo: World) -> None:
    document = (await demo.client("api").get("/api/v1/openapi.json")).json()
    flow = document["components"]["securitySchemes"]["apiClient"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == "http://api.localhost:8000/api/v1/oauth/token"
    assert set(flow["scopes"]) == EVERYTHING
    operation = document["paths"]["/oauth/token"]["post"]
    assert list(operation["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]
    assert {"200", "400", "401", "429"} <= set(operation["responses"])
    assert document["paths"]["/partner/support/tickets"]["get"]["security"][1] == {
        "apiClient": ["partner.support.tickets.list"]
    }
