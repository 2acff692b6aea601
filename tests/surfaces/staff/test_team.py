"""The vendor's own people: a lead invites, gives roles, shuts out; the last lead stays."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from guildhall.core import clock
from guildhall.core.errors import Refusal
from guildhall.domain.people import vendor_team
from support_mail import letters
from support_world import World

pytestmark = pytest.mark.anyio
LEAD, SUPPORT = "lead@halcyon.example", "support@halcyon.example"
NEW = "mia.tran@halcyon.example"


def staff_of(world: World) -> list[dict[str, Any]]:
    return world.sql("SELECT id, email, roles, status FROM portal.staff_user ORDER BY id")


def person_id(world: World, email: str) -> UUID:
    found: UUID = world.sql("SELECT id FROM portal.staff_user WHERE email = %s", email)[0]["id"]
    return found


async def test_a_lead_invites_and_the_letter_can_be_sent_again_or_withdrawn(world: World) -> None:
    client = await world.sign_in(LEAD, "staff")
    answer = await world.post(client, "/staff/invite", name="Mia Tran", email=NEW, roles=["support", "finance"])
    assert answer.status_code == 303, answer.text
    first = letters(world, NEW)[-1].link
    assert first is not None
    assert first[0] == "staff"
    page = (await client.get("/staff?status=invited")).text
    assert "Mia Tran" in page
    assert "Finance" in page
    path = f"/staff/{person_id(world, NEW)}"
    assert (await world.post(client, f"{path}/again")).status_code == 303
    assert letters(world, NEW)[-1].link != first
    assert (await world.post(client, f"{path}/withdraw")).status_code == 303
    assert "withdrawn" in (await client.get("/staff")).text
    again = await world.post(client, "/staff/invite", name="Mia Trân", email=NEW, roles=["support"])
    assert again.status_code == 303
    assert world.sql("SELECT name, roles, status FROM portal.staff_user WHERE email = %s", NEW) == [
        {"name": "Mia Trân", "roles": ["support"], "status": "active"}
    ]
    once_more = await world.post(client, "/staff/invite", name="Mia Tran", email=NEW, roles=["support"])
    assert once_more.status_code == 422
    assert "staff already" in once_more.text


async def test_roles_bind_on_the_next_request_and_are_words_in_the_trail(world: World) -> None:
    client, support = await world.sign_in(LEAD, "staff"), await world.sign_in(SUPPORT, "staff")
    assert (await support.get("/jobs")).status_code == 200
    path = f"/staff/{person_id(world, SUPPORT)}/roles"
    assert (await client.get(path)).status_code == 200
    assert (await world.post(client, path, roles=["lord"])).status_code == 422
    assert (await world.post(client, path, roles=["finance"])).status_code == 303
    assert (await support.get("/jobs")).status_code == 403
    entry = world.sql("SELECT sequence FROM portal.audit_entry WHERE action = 'staff.roles_changed'")[0]["sequence"]
    shown = (await client.get(f"/audit/vendor/{entry}")).text
    assert "Support" in shown


async def test_who_is_shut_out_is_so_at_once(world: World) -> None:
    client, support = await world.sign_in(LEAD, "staff"), await world.sign_in(SUPPORT, "staff")
    path = f"/staff/{person_id(world, SUPPORT)}"
    assert (await world.post(client, f"{path}/deactivate", reason="")).status_code == 422
    assert (await world.post(client, f"{path}/deactivate", reason="Left")).status_code == 303
    assert (await support.get("/")).status_code == 303
    assert (await world.post(client, f"{path}/reactivate", reason="Back")).status_code == 303
    assert (await support.get("/")).status_code == 303, "old sessions stay dead"


async def test_nobody_else_leads_and_a_lead_not_the_own_person(world: World) -> None:
    client, support, before = await world.sign_in(LEAD, "staff"), await world.sign_in(SUPPORT, "staff"), staff_of(world)
    own = person_id(world, LEAD)
    for path in ("/staff", "/staff/invite", f"/staff/{own}/roles"):
        assert (await support.get(path)).status_code == 403
    for path in ("/staff/invite", f"/staff/{own}/roles", f"/staff/{own}/deactivate"):
        assert (await world.post(support, path, roles=["lead"], reason="x")).status_code == 403
    for path in ("roles", "deactivate"):
        assert (await world.post(client, f"/staff/{own}/{path}", roles=["finance"], reason="x")).status_code == 303
    world.sql("UPDATE portal.staff_session SET factor_at = now() - interval '1 hour'")
    asked = await world.post(client, "/staff/invite", name="Mia Tran", email=NEW, roles=["lead"])
    assert "step_up_code" in asked.text
    assert staff_of(world) == before


async def test_of_two_leads_who_demote_each_other_at_once_one_remains(world: World) -> None:
    world.sql("UPDATE portal.staff_user SET roles = '{lead}' WHERE email = %s", SUPPORT)
    actors = [await world.actor(email, "staff") for email in (LEAD, SUPPORT)]

    async def demote(at: int) -> bool:
        other = actors[1 - at].user_id
        assert other is not None
        try:
            await vendor_team.set_roles(actors[at], user_id=other, roles=["finance"], now=clock.now())
        except Refusal:
            return False
        return True

    for _ in range(20):
        assert sum(await asyncio.gather(demote(0), demote(1))) == 1
        assert len(world.sql("SELECT 1 FROM portal.staff_user WHERE 'lead' = ANY (roles)")) == 1
        world.sql("UPDATE portal.staff_user SET roles = '{lead}' WHERE email = ANY (%s)", [LEAD, SUPPORT])


async def test_staff_see_with_what_a_partners_person_signs_in_and_where(demo: World) -> None:
    await demo.sign_in("principal@northwind.example")
    client = await demo.sign_in(SUPPORT, "staff")
    person = demo.sql("SELECT id FROM portal.partner_user WHERE email = 'principal@northwind.example'")[0]["id"]
    page = await client.get(f"/people/partner/{person}")
    assert page.status_code == 200
    assert "Authenticator app" in page.text
    assert "127.0.0.1" in page.text
    assert "token_hash" not in page.text
