"""Who may approve: one approver gives another person the role or takes it, and one always stays."""

import asyncio
from uuid import UUID

import pytest

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.core.errors import Refusal
from guildhall.domain.people import approvers
from support_world import World

pytestmark = pytest.mark.anyio
APPROVER, VIEWER = "admin@acme-fiber.example", "viewer@acme-fiber.example"


def person_id(world: World, email: str) -> str:
    return str(world.sql("SELECT id FROM tenancy.customer_user WHERE email = %s", email)[0]["id"])


def roles(world: World, slug: str = "acme-fiber") -> dict[str, str]:
    rows = world.sql(
        "SELECT u.email, m.role FROM tenancy.customer_membership AS m JOIN tenancy.customer_user AS u"
        " ON u.id = m.user_id WHERE m.tenant_id = %s",
        world.tenant(slug),
    )
    return {row["email"]: row["role"] for row in rows}


async def test_a_viewer_is_let_approve_and_made_a_viewer_again(world: World) -> None:
    client, other = await world.sign_in(APPROVER, "customers"), await world.sign_in(VIEWER, "customers")
    path = f"/people/{person_id(world, VIEWER)}"
    assert f'href="{path}/approver"' in (await client.get("/people")).text
    asked = await client.get(f"{path}/approver")
    assert asked.status_code == 200
    assert roles(world)[VIEWER] == "viewer", "asking changes nothing"
    assert (await other.get("/codes")).status_code == 403
    assert (await world.post(client, f"{path}/approver")).status_code == 303
    assert "may approve from now on" in (await client.get("/people")).text
    assert roles(world)[VIEWER] == "approver"
    assert (await other.get("/codes")).status_code == 200, "it binds on the next request"
    assert (await world.post(client, f"{path}/approver")).status_code == 303
    assert "has this role already" in (await client.get("/people")).text
    assert (await world.post(client, f"{path}/viewer")).status_code == 303
    assert roles(world)[VIEWER] == "viewer"
    assert (await other.get("/codes")).status_code == 403
    trail = world.sql(
        "SELECT body::jsonb -> 'changes' -> 'role' AS role FROM portal.audit_entry WHERE kind = 'tenant'"
        " AND action = 'person.role_changed' AND chain_id = %s ORDER BY sequence",
        world.tenant("acme-fiber"),
    )
    assert [row["role"] for row in trail] == [["viewer", "approver"], ["approver", "viewer"]]
    assert "It was changed who may approve" in (await client.get("/trail?family=person")).text


async def test_it_asks_for_a_fresh_code(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    path = f"/people/{person_id(world, VIEWER)}/approver"
    world.sql("UPDATE tenancy.customer_session SET factor_at = now() - interval '1 hour'")
    asked = await world.post(client, path)
    assert asked.status_code == 403
    assert 'name="step_up_code"' in asked.text
    assert roles(world)[VIEWER] == "viewer"
    assert (await world.post(client, path, step_up_code=world.code(APPROVER))).status_code == 303
    assert roles(world)[VIEWER] == "approver"


async def test_nobody_changes_the_own_role_and_a_viewer_changes_none(world: World) -> None:
    client, viewer = await world.sign_in(APPROVER, "customers"), await world.sign_in(VIEWER, "customers")
    own, before = person_id(world, APPROVER), roles(world)
    assert f"/people/{own}/" not in (await client.get("/people")).text
    assert f"/people/{own}/" not in (await viewer.get("/people")).text
    assert (await client.get(f"/people/{own}/viewer")).status_code == 404
    await world.post(client, f"/people/{own}/viewer")
    assert "ask another approver" in (await client.get("/people")).text
    for who in (own, person_id(world, VIEWER)):
        for role in ("approver", "viewer"):
            assert (await viewer.get(f"/people/{who}/{role}")).status_code == 403
            assert (await world.post(viewer, f"/people/{who}/{role}")).status_code == 403
    assert roles(world) == before


@pytest.mark.parametrize("wrong", ["owner", "Approver"])
async def test_foreign_people_other_roles_and_the_deactivated_are_left_alone(world: World, wrong: str) -> None:
    client = await world.sign_in(APPROVER, "customers")
    stranger, before = "viewer@harborline.example", roles(world, "harborline")
    assert (await world.post(client, f"/people/{person_id(world, stranger)}/approver")).status_code == 404
    assert roles(world, "harborline") == before
    here = person_id(world, VIEWER)
    assert (await client.get(f"/people/{here}/{wrong}")).status_code == 404
    assert (await world.post(client, f"/people/{here}/{wrong}")).status_code == 404
    world.sql("UPDATE tenancy.customer_user SET status = 'deactivated' WHERE email = %s", VIEWER)
    assert (await client.get(f"/people/{here}/approver")).status_code == 404
    await world.post(client, f"/people/{here}/approver")
    assert "This person is deactivated" in (await client.get("/people")).text
    assert roles(world)[VIEWER] == "viewer"


async def test_two_who_take_each_other_the_role_at_once_leave_one_approver(world: World) -> None:
    both = "UPDATE tenancy.customer_membership SET role = 'approver' WHERE tenant_id = %s"
    world.sql(both, world.tenant("acme-fiber"))
    first, second = await world.actor(APPROVER, "customers"), await world.actor(VIEWER, "customers")

    async def take(actor: Actor, user_id: UUID | None) -> bool:
        assert user_id is not None
        try:
            await approvers.set_role(actor, user_id=user_id, role="viewer", now=clock.now())
        except Refusal:
            return False
        return True

    for _ in range(25):
        done = await asyncio.gather(take(first, second.user_id), take(second, first.user_id))
        assert sorted(done) == [False, True]
        assert sorted(roles(world)[each] for each in (APPROVER, VIEWER)) == ["approver", "viewer"]
        world.sql(both, world.tenant("acme-fiber"))
