"""A principal's team: invited, given roles and limits, shut out and let in again; always through the door."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from guildhall.core import clock, db
from guildhall.core.errors import Refusal
from guildhall.domain.people.limits import Limits
from guildhall.domain.team import colleagues
from support_mail import letters
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL, OPERATOR = "principal@northwind.example", "msp_full@northwind.example"
NEW = "ana.pires@northwind.example"


def person(world: World, email: str) -> dict[str, Any]:
    return world.sql("SELECT * FROM portal.partner_user WHERE email = %s", email)[0]


def team_state(world: World) -> list[dict[str, Any]]:
    return world.sql("SELECT id, roles, status, tenant_scope FROM portal.partner_user ORDER BY id")


def links_out(world: World, email: str) -> int:
    return len(
        world.sql(
            "SELECT 1 FROM portal.partner_one_time AS t JOIN portal.partner_user AS u ON u.id = t.user_id"
            " WHERE u.email = %s AND t.used_at IS NULL AND t.expires_at > now()",
            email,
        )
    )


def trail(world: World, action: str) -> list[dict[str, Any]]:
    return world.sql(
        "SELECT body::jsonb AS body FROM portal.audit_entry WHERE kind = 'partner' AND action = %s ORDER BY at", action
    )


async def invited(world: World, client: httpx.AsyncClient, **other: Any) -> httpx.Response:
    form = {"name": "Ana Pires", "email": NEW, "roles": ["viewer", "technical"], "scope": "all"} | other
    return await world.post(client, "/team/invite", **form)


async def test_a_colleague_is_invited_by_letter_and_waits_in_the_list(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    answer = await invited(world, client)
    assert answer.status_code == 303, answer.text
    made = person(world, NEW)
    assert (made["roles"], made["status"], made["password_hash"]) == (["viewer", "technical"], "active", None)
    letter = letters(world, NEW)[-1]
    assert letter.link is not None
    assert re.fullmatch(r"/welcome/[\w-]{20,}", letter.link[1])
    assert letter.link[0] == "partners"
    listed = (await client.get("/team?status=invited")).text
    assert "Ana Pires" in listed
    assert OPERATOR not in listed
    assert "Technical" in (await client.get(answer.headers["location"])).text
    assert trail(world, "person.invited")[-1]["body"]["changes"]["roles"] == [[], ["viewer", "technical"]]


async def test_sending_again_kills_the_first_link_and_withdrawing_kills_the_second(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    await invited(world, client)
    path = f"/team/{person(world, NEW)['id']}"
    first = letters(world, NEW)[-1].link
    assert (await world.post(client, f"{path}/again")).status_code == 303
    second = letters(world, NEW)[-1].link
    assert first is not None
    assert second is not None
    assert first != second
    assert links_out(world, NEW) == 1
    stranger = world.client("partners")
    assert 'name="password"' not in (await stranger.get(first[1])).text
    assert (await client.get(f"{path}/withdraw")).status_code == 200
    assert links_out(world, NEW) == 1, "asking changes nothing"
    assert (await world.post(client, f"{path}/withdraw")).status_code == 303
    assert links_out(world, NEW) == 0
    assert person(world, NEW)["status"] == "deactivated"
    assert (await world.post(client, f"{path}/again")).status_code == 303
    assert "not waiting for an invitation" in (await client.get(path)).text
    assert links_out(world, NEW) == 0


async def test_who_was_withdrawn_is_invited_anew_with_what_the_new_invitation_says(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    await invited(world, client)
    before = person(world, NEW)["id"]
    await world.post(client, f"/team/{before}/withdraw")
    answer = await invited(world, client, name="Ana Píres", roles=["finance"])
    assert answer.headers["location"] == f"/team/{before}"
    again = person(world, NEW)
    assert (again["name"], again["roles"], again["status"]) == ("Ana Píres", ["finance"], "active")
    assert links_out(world, NEW) == 1
    world.sql("UPDATE portal.partner_user SET status = 'deactivated', last_active_at = now() WHERE email = %s", NEW)
    refused = await invited(world, client, name="Somebody Else")
    assert refused.status_code == 422
    assert "in your team already" in refused.text
    assert person(world, NEW)["name"] == "Ana Píres", "who came keeps the own name"
    partner_person = await world.actor("principal@alderfinch.example")
    async with db.transaction(partner_person) as connection:
        foreign = text("UPDATE portal.partner_user SET name = 'X' WHERE email = :email")
        assert (await connection.execute(foreign, {"email": NEW})).rowcount == 0


async def test_nobody_gives_another_or_the_own_name_to_who_came(world: World) -> None:
    actor = await world.actor(PRINCIPAL)
    before = world.sql("SELECT id, name FROM portal.partner_user ORDER BY id")
    for email in (OPERATOR, PRINCIPAL):
        with pytest.raises(DBAPIError, match="may not change"):
            async with db.transaction(actor) as connection:
                await connection.execute(
                    text("UPDATE portal.partner_user SET name = 'X' WHERE email = :email"), {"email": email}
                )
    assert world.sql("SELECT id, name FROM portal.partner_user ORDER BY id") == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": "no address"}, "This is not an e-mail address"),
        ({"email": OPERATOR}, "in your team already"),
        ({"email": "principal@alderfinch.example"}, "cannot be invited"),
        ({"name": ""}, "Use 1 to 120 characters"),
        ({"roles": []}, "Choose at least one role"),
        ({"roles": ["lead"]}, "Choose among the roles of the list"),
        ({"scope": "include"}, "Choose at least one customer or group"),
        ({"scope": "include", "tenants": ["x"]}, "Choose among those of the list"),
        ({"scope": ""}, "Choose one of the list"),
    ],
)
async def test_a_wrong_invitation_changes_nothing_and_keeps_what_was_typed(
    world: World, wrong: dict[str, Any], said: str
) -> None:
    client, before = await world.sign_in(PRINCIPAL), team_state(world)
    answer = await invited(world, client, **wrong)
    assert answer.status_code == 422
    assert said in answer.text
    if "name" not in wrong:
        assert 'value="Ana Pires"' in answer.text
    assert "Alder" not in answer.text
    assert team_state(world) == before
    assert letters(world) == []


async def test_a_limit_names_no_customer_of_others(world: World) -> None:
    client, before = await world.sign_in(PRINCIPAL), team_state(world)
    answer = await invited(world, client, scope="include", tenants=[str(world.unlinked("northwind"))])
    assert answer.status_code == 422
    assert "Choose among your customers" in answer.text
    assert team_state(world) == before


async def test_only_a_principal_leads_and_the_others_read(world: World) -> None:
    other, before = await world.sign_in(OPERATOR), team_state(world)
    page = await other.get("/team")
    assert page.status_code == 200
    assert "/team/invite" not in page.text
    own = person(world, PRINCIPAL)["id"]
    assert (await other.get(f"/team/{own}")).status_code == 200
    for path in (
        "/team/invite",
        f"/team/{own}/access",
        f"/team/{own}/deactivate",
        "/team/groups/new",
        "/team/reach/export",
    ):
        assert (await world.post(other, path, reason="x")).status_code == 403, path
    assert team_state(world) == before


async def test_changed_roles_bind_on_the_next_request_of_console_and_api(world: World) -> None:
    client, browser, api = await world.sign_in(PRINCIPAL), await world.sign_in(OPERATOR), await world.api(OPERATOR)
    tenant = world.tenants("northwind", "live")[0]
    assert (await api.get("/api/v1/partner/support/tickets")).status_code == 200
    path = f"/team/{person(world, OPERATOR)['id']}/access"
    assert "msp_full" in (await client.get(path)).text
    answer = await world.post(client, path, roles=["viewer"], scope="all")
    assert answer.status_code == 303, answer.text
    assert (await api.get("/api/v1/auth/me")).json()["roles"] == ["viewer"]
    assert (await api.get("/api/v1/partner/support/tickets")).status_code == 403
    assert (await browser.get(f"/t/{tenant}/tickets")).status_code == 403
    changes = trail(world, "person.access_changed")[-1]["body"]["changes"]
    assert changes == {"roles": [["msp_full"], ["viewer"]]}
    text = (await client.get("/audit?action=person")).text
    entry = re.search(r"/audit/\d+", text)
    assert entry is not None
    assert "Operations: full" in (await client.get(entry[0])).text


async def test_limits_and_groups_bind_on_the_next_request(world: World) -> None:
    client, browser, api = await world.sign_in(PRINCIPAL), await world.sign_in(OPERATOR), await world.api(OPERATOR)
    first, second, third = world.tenants("northwind", "live")[:3]
    made = await world.post(client, "/team/groups/new", name="North", tenants=[str(second)])
    assert made.status_code == 303, made.text
    group = world.sql("SELECT id FROM portal.tenant_group WHERE name = 'North'")[0]["id"]
    path = f"/team/{person(world, OPERATOR)['id']}/access"
    limited = {"roles": ["msp_full"], "scope": "include", "tenants": [str(first)], "groups": [str(group)]}
    assert (await world.post(client, path, **limited)).status_code == 303
    seen = (await api.get("/api/v1/auth/me")).json()["limits"]
    assert seen["tenant_scope"] == "include"
    assert set(seen["tenant_ids"]) == {str(first), str(second)}
    assert [(await browser.get(f"/t/{each}")).status_code for each in (first, second, third)] == [200, 200, 404]
    assert [(await api.get(f"/api/v1/partner/customers/{each}")).status_code for each in (first, second, third)] == [
        200,
        200,
        404,
    ]
    changed = await world.post(client, f"/team/groups/{group}", name="North", tenants=[str(third)])
    assert changed.status_code == 303
    assert [(await browser.get(f"/t/{each}")).status_code for each in (first, second, third)] == [200, 404, 200]
    refused = await world.post(client, f"/team/groups/{group}/remove")
    assert refused.status_code == 303
    assert "name this group" in (await client.get("/team/groups")).text
    assert world.sql("SELECT 1 FROM portal.tenant_group WHERE id = %s", group)
    assert (await world.post(client, path, **limited | {"scope": "exclude"})).status_code == 303
    assert [(await browser.get(f"/t/{each}")).status_code for each in (first, second, third)] == [404, 200, 404]
    assert (await world.post(client, path, roles=["msp_full"], scope="all")).status_code == 303
    assert (await world.post(client, f"/team/groups/{group}/remove")).status_code == 303
    assert not world.sql("SELECT 1 FROM portal.tenant_group WHERE id = %s", group)


async def test_the_customer_sees_who_reaches_it_within_limits_only(world: World) -> None:
    client, approver = await world.sign_in(PRINCIPAL), await world.sign_in("admin@acme-fiber.example", "customers")
    link = world.sql(
        "SELECT l.id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' AND l.tenant_id = %s AND l.status = 'active'",
        world.tenant("acme-fiber"),
    )[0]["id"]
    name = person(world, OPERATOR)["name"]
    before = (await approver.get(f"/links/{link}")).text.count(name)
    assert before > 0
    other = next(each for each in world.tenants("northwind", "live") if each != world.tenant("acme-fiber"))
    path = f"/team/{person(world, OPERATOR)['id']}/access"
    answer = await world.post(client, path, roles=["msp_full"], scope="include", tenants=[str(other)])
    assert answer.status_code == 303
    assert (await approver.get(f"/links/{link}")).text.count(name) == before - 1


async def test_deactivating_ends_everything_and_reactivating_opens_no_old_session(world: World) -> None:
    client, browser, api = await world.sign_in(PRINCIPAL), await world.sign_in(OPERATOR), await world.api(OPERATOR)
    path = f"/team/{person(world, OPERATOR)['id']}"
    refused = await world.post(client, f"{path}/deactivate", reason=" ")
    assert refused.status_code == 422
    assert person(world, OPERATOR)["status"] == "active"
    assert (await world.post(client, f"{path}/deactivate", reason="Left us")).status_code == 303
    assert (await browser.get("/customers")).status_code == 303
    assert (await api.get("/api/v1/auth/me")).status_code == 401
    assert trail(world, "person.deactivated")[-1]["body"]["reason"] == "Left us"
    assert (await world.post(client, f"{path}/reactivate", reason="Came back")).status_code == 303
    assert (await browser.get("/customers")).status_code == 303, "the old session stays dead"
    assert (await api.get("/api/v1/auth/me")).status_code == 401


async def test_acts_on_access_ask_for_a_fresh_second_factor(world: World) -> None:
    client, before = await world.sign_in(PRINCIPAL), team_state(world)
    world.sql("UPDATE portal.partner_session SET factor_at = now() - interval '1 hour'")
    other = person(world, OPERATOR)["id"]
    asked = [
        await invited(world, client),
        await world.post(client, f"/team/{other}/access", roles=["viewer"], scope="all"),
        await world.post(client, f"/team/{other}/deactivate", reason="x"),
        await world.post(client, "/team/reach/export"),
    ]
    assert [answer.status_code for answer in asked] == [403] * 4
    assert all("step_up_code" in answer.text for answer in asked)
    assert team_state(world) == before


async def test_nobody_changes_the_own_access_and_people_of_others_do_not_exist(world: World) -> None:
    client, before = await world.sign_in(PRINCIPAL), team_state(world)
    own, foreign = person(world, PRINCIPAL)["id"], person(world, "principal@alderfinch.example")["id"]
    for who, statuses in ((own, {303, 404}), (foreign, {404})):
        for path, form in (
            ("access", {"roles": ["viewer"], "scope": "all"}),
            ("deactivate", {"reason": "x"}),
            ("withdraw", {}),
            ("again", {}),
        ):
            answer = await world.post(client, f"/team/{who}/{path}", **form)
            assert answer.status_code in statuses, (who, path)
    assert (await client.get(f"/team/{foreign}")).status_code == 404
    assert team_state(world) == before


async def test_the_last_principal_stays_whoever_tries(world: World) -> None:
    staff = await world.sign_in("lead@halcyon.example", "staff")
    last = person(world, PRINCIPAL)["id"]
    answer = await world.post(staff, f"/people/partner/{last}/deactivate", reason="x")
    assert answer.status_code == 303
    assert "last active principal" in (await staff.get("/people")).text
    world.sql(
        "UPDATE portal.partner_user SET roles = '{principal}', tenant_scope = 'include' WHERE email = %s", OPERATOR
    )
    limited = await world.sign_in(OPERATOR)
    for path, form in (
        ("access", {"roles": ["viewer"], "scope": "all"}),
        (
            "access",
            {"roles": ["principal"], "scope": "include", "tenants": [str(world.tenants("northwind", "live")[0])]},
        ),
        ("deactivate", {"reason": "x"}),
    ):
        assert (await world.post(limited, f"/team/{last}/{path}", **form)).status_code == 403
    assert person(world, PRINCIPAL)["status"] == "active"
    assert person(world, PRINCIPAL)["roles"] == ["principal"]


@pytest.mark.slow
async def test_of_two_principals_who_demote_each_other_at_once_one_remains(world: World) -> None:
    world.sql("UPDATE portal.partner_user SET roles = '{principal}' WHERE email = %s", OPERATOR)
    actors = [await world.actor(PRINCIPAL), await world.actor(OPERATOR)]
    ids = [actor.user_id for actor in actors]

    async def demote(at: int) -> bool:
        other = ids[1 - at]
        assert other is not None
        try:
            await colleagues.set_access(actors[at], user_id=other, roles=["viewer"], limits=Limits(), now=clock.now())
        except Refusal:
            return False
        return True

    won = 0
    for _ in range(200):
        done = await asyncio.gather(demote(0), demote(1))
        left = world.sql(
            "SELECT count(*) AS n FROM portal.partner_user WHERE id = ANY (%s) AND 'principal' = ANY (roles)", ids
        )
        assert left[0]["n"] == 1
        won += sum(done)
        world.sql("UPDATE portal.partner_user SET roles = '{principal}' WHERE id = ANY (%s)", ids)
    assert won == 200


async def test_the_matrix_says_who_reaches_what_and_goes_out_as_a_table(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    page = await client.get("/team/reach")
    assert page.status_code == 200
    limited = person(world, "isla.moreno@northwind.example")
    mine = await client.get(f"/team/reach?person={limited['id']}")
    named = world.sql("SELECT 1 FROM portal.partner_user_tenant WHERE user_id = %s", limited["id"])
    assert 0 < mine.text.count('<a class="row-link"') <= len(named)
    table = await world.post(client, "/team/reach/export")
    assert table.status_code == 200
    assert table.headers["content-type"].startswith("text/csv")
    lines = table.text.splitlines()
    assert lines[0].startswith("\ufeffCustomer,")
    assert len(lines) > len(world.tenants("northwind", "live"))
    assert trail(world, "team.exported")
    assert (await client.get("/team/reach?q=nothing+of+this+name")).text.count('<a class="row-link"') == 0
