"""Tokens: what opens the API, what does not, and what ends it."""

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from guildhall.core import crypto
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
ME = "/api/v1/auth/me"


async def login(world: World, email: str = PRINCIPAL) -> dict[str, Any]:
    body = {"email": email, "password": "guildhall-demo", "otp": world.code(email)}
    answer = await world.client("api").post("/api/v1/auth/login", json=body)
    assert answer.status_code == 200, answer.text
    pair: dict[str, Any] = answer.json()
    return pair


async def status_of(world: World, token: str, path: str = ME) -> int:
    answer = await world.client("api").get(path, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


async def test_signing_in_gives_tokens_that_say_who_i_am(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    me = (await client.get(ME)).json()
    assert me["email"] == PRINCIPAL
    assert me["roles"] == ["principal"]
    assert "partner.support.tickets.create" in me["permissions"]
    assert me["partner"]["name"] == "Northwind Managed Services"
    del me["limits"]["calls"]
    assert me["limits"] == {"tenant_scope": "all", "tenant_ids": [], "tenant_count": 24}


async def test_the_claims_are_those_of_the_contract(demo: World) -> None:
    token = await demo.token(PRINCIPAL)
    claims = jwt.decode(token, OctKey.import_key(crypto.key("access-token")), algorithms=["HS256"]).claims
    assert set(claims) == {
        *("iss", "aud", "sub", "exp", "iat", "jti", "sid", "partner_id", "scope"),
        *("managed_tenant_ids", "managed_tenant_ids_truncated"),
    }
    assert claims["exp"] - claims["iat"] == 600
    assert len(claims["managed_tenant_ids"]) == 24
    assert claims["managed_tenant_ids_truncated"] is False


@pytest.mark.parametrize("wrong", [{"email": "nobody@northwind.example"}, {"password": "x" * 12}, {"otp": "000000"}])
async def test_unknown_address_wrong_password_and_wrong_code_are_one_answer(
    world: World, wrong: dict[str, str]
) -> None:
    body = {"email": PRINCIPAL, "password": "guildhall-demo", "otp": world.code(PRINCIPAL)} | wrong
    answer = await world.client("api").post("/api/v1/auth/login", json=body)
    assert answer.status_code == 401
    assert answer.json()["code"] == "UNAUTHORIZED"
    assert answer.json()["detail"] == "E-mail address, password or code is not right."


async def test_people_of_other_surfaces_do_not_get_in(world: World) -> None:
    for email in ("lead@halcyon.example", "admin@acme-fiber.example"):
        body = {"email": email, "password": "guildhall-demo", "otp": world.code(email)}
        assert (await world.client("api").post("/api/v1/auth/login", json=body)).status_code == 401


async def test_a_token_that_we_did_not_make_opens_nothing(demo: World) -> None:
    good = await demo.token(PRINCIPAL)
    key = OctKey.import_key(crypto.key("access-token"))
    claims = jwt.decode(good, key, algorithms=["HS256"]).claims
    at = {"typ": "at+jwt"}
    old = {**claims, "exp": int(time.time()) - 1}
    bad = {
        "no signature": "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + good.split(".")[1] + ".",
        "another key": jwt.encode({"alg": "HS256", **at}, claims, OctKey.import_key(b"k" * 32)),
        "another algorithm": jwt.encode(
            {"alg": "HS512", **at}, claims, OctKey.import_key(key.raw_value), algorithms=["HS512"]
        ),
        "run out": jwt.encode({"alg": "HS256", **at}, old, key),
        "another audience": jwt.encode({"alg": "HS256", **at}, {**claims, "aud": "x"}, key),
        "another issuer": jwt.encode({"alg": "HS256", **at}, {**claims, "iss": "x"}, key),
        "another type": jwt.encode({"alg": "HS256"}, claims, key),
        "no session": jwt.encode({"alg": "HS256", **at}, {**claims, "sid": "x"}, key),
        "odd expiry": jwt.encode({"alg": "HS256", **at}, {**claims, "exp": ["x"]}, key),
        "odd scope": jwt.encode({"alg": "HS256", **at}, {**claims, "scope": {"a": 1}}, key),
        "cut": good[:-3],
        "garbage": "a.b.c",
        "empty": "",
        "crit": "eyJhbGciOiJIUzI1NiIsImNyaXQiOjF9.e30.AA",
    }
    assert {name: await status_of(demo, token) for name, token in bad.items()} == dict.fromkeys(bad, 401)


async def test_no_token_and_another_scheme_are_asked_for_a_bearer_token(demo: World) -> None:
    client = demo.client("api")
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer"}):
        answer = await client.get(ME, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_console_cookie_opens_nothing_here(demo: World) -> None:
    console = await demo.sign_in(PRINCIPAL)
    cookie = console.cookies["guildhall_partners"]
    answer = await demo.client("api").get(ME, headers={"Cookie": f"guildhall_partners={cookie}"})
    assert answer.status_code == 401


async def test_refreshing_gives_a_new_pair_and_the_old_refresh_token_ends_the_family(world: World) -> None:
    first = await login(world)
    client = world.client("api")
    answer = await client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
    second = answer.json()
    assert answer.status_code == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert await status_of(world, second["access_token"]) == 200
    again = await client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
    assert again.status_code == 401
    assert await status_of(world, second["access_token"]) == 401
    last = await client.post("/api/v1/auth/refresh", json={"refresh_token": second["refresh_token"]})
    assert last.status_code == 401
    reasons = world.sql(
        "SELECT body::jsonb->>'reason' AS reason FROM portal.audit_entry WHERE action = 'sign_in.ended'"
    )
    assert {"reason": "A refresh token was used twice"} in reasons


async def test_signing_out_ends_both_tokens(world: World) -> None:
    pair = await login(world)
    client = world.client("api")
    answer = await client.post("/api/v1/auth/logout", headers={"Authorization": f"Bearer {pair['access_token']}"})
    assert answer.status_code == 200
    assert await status_of(world, pair["access_token"]) == 401
    answer = await client.post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    assert answer.status_code == 401


async def test_deactivating_a_person_binds_on_the_next_request(world: World) -> None:
    pair = await login(world)
    assert await status_of(world, pair["access_token"]) == 200
    world.sql("UPDATE portal.partner_user SET status = 'deactivated' WHERE email = %s", PRINCIPAL)
    assert await status_of(world, pair["access_token"]) == 401
    answer = await world.client("api").post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    assert answer.status_code == 401


async def test_suspending_a_partner_binds_on_the_next_request_but_one_may_leave(world: World) -> None:
    client = await world.api(PRINCIPAL)
    world.sql("UPDATE portal.partner SET status = 'suspended' WHERE slug = 'northwind'")
    paths = (ME, "/api/v1/partner/customers", "/api/v1/partner/support/tickets")
    answers = [await client.get(path) for path in paths]
    answers.append(await client.post("/api/v1/partner/support/tickets", json={"subject": "x"}))
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "PARTNER_INACTIVE")}
    assert (await client.post("/api/v1/auth/logout")).status_code == 200


async def test_a_role_taken_away_binds_on_the_next_request(world: World) -> None:
    client = await world.api(PRINCIPAL)
    world.sql("UPDATE portal.partner_user SET roles = '{viewer}' WHERE email = %s", PRINCIPAL)
    assert (await client.get("/api/v1/partner/support/tickets")).json()["code"] == "FORBIDDEN"
