"""Who may issue a one-time link is held by the database too, whatever code forgets."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from guildhall.core import clock, crypto, db
from guildhall.core.actor import Actor, DbRole, Kind, Surface
from support_mail import letters
from support_world import World

pytestmark = pytest.mark.anyio
LEAD, MANAGER = "lead@halcyon.example", "partner_manager@halcyon.example"
READER = "read_only@halcyon.example"
APPROVER = "admin@acme-fiber.example"


def someone(world: World, table: str, email: str) -> UUID:
    found: UUID = world.sql(f"SELECT id FROM {table} WHERE email = %s", email)[0]["id"]
    return found


def of_staff(world: World, email: str) -> Actor:
    user_id = someone(world, "portal.staff_user", email)
    return Actor(kind=Kind.STAFF_USER, surface=Surface.STAFF, role=DbRole.STAFF, name="staff", user_id=user_id)


def of_customer(world: World, email: str) -> Actor:
    return Actor(
        kind=Kind.CUSTOMER_USER,
        surface=Surface.CUSTOMER,
        role=DbRole.CUSTOMER,
        name="customer",
        user_id=someone(world, "tenancy.customer_user", email),
        tenant_id=world.tenant("acme-fiber"),
    )


async def inserts(actor: Actor, table: str, user_id: UUID, purpose: str, tenant_id: UUID | None = None) -> None:
    """Write a link as bare SQL under the role of the actor's surface."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "user_id": user_id,
        "purpose": purpose,
        "token_hash": crypto.token_hash(crypto.new_token()),
        "created_by": "x",
        "expires_at": clock.now() + timedelta(hours=1),
    }
    values |= {"tenant_id": tenant_id} if tenant_id else {}
    async with db.transaction(actor) as connection:
        marks = ", ".join(f":{name}" for name in values)
        await connection.execute(text(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"), values)


async def test_only_a_lead_issues_links_for_staff_and_anybody_an_own_reset(world: World) -> None:
    table, lead = "portal.staff_one_time", someone(world, "portal.staff_user", LEAD)
    manager = of_staff(world, MANAGER)
    assert manager.user_id is not None
    for user_id, purpose in ((lead, "recover"), (lead, "join"), (lead, "reset"), (manager.user_id, "recover")):
        with pytest.raises(DBAPIError):
            await inserts(manager, table, user_id, purpose)
    assert world.sql(f"SELECT 1 FROM {table} WHERE created_by = 'x'") == []
    await inserts(manager, table, manager.user_id, "reset")
    await inserts(of_staff(world, LEAD), table, manager.user_id, "join")
    with pytest.raises(DBAPIError):
        await inserts(of_staff(world, LEAD), table, manager.user_id, "reset")


async def test_staff_without_the_right_issue_no_link_for_partners_and_customers(world: World) -> None:
    principal = someone(world, "portal.partner_user", "principal@northwind.example")
    viewer = someone(world, "portal.partner_user", "viewer@northwind.example")
    customer, tenant = someone(world, "tenancy.customer_user", APPROVER), world.tenant("acme-fiber")
    for purpose in ("join", "first", "recover"):
        for user_id in (principal, viewer):
            with pytest.raises(DBAPIError):
                await inserts(of_staff(world, READER), "portal.partner_one_time", user_id, purpose)
        with pytest.raises(DBAPIError):
            await inserts(of_staff(world, READER), "tenancy.customer_one_time", customer, purpose, tenant)
    assert world.sql("SELECT 1 FROM portal.partner_one_time WHERE created_by = 'x'") == []
    assert world.sql("SELECT 1 FROM tenancy.customer_one_time WHERE created_by = 'x'") == []
    await inserts(of_staff(world, MANAGER), "portal.partner_one_time", viewer, "recover")
    await inserts(of_staff(world, MANAGER), "tenancy.customer_one_time", customer, "join", tenant)


async def test_an_approver_issues_links_for_people_of_the_own_customer_only(world: World) -> None:
    table, tenant = "tenancy.customer_one_time", world.tenant("acme-fiber")
    foreign = someone(world, "tenancy.customer_user", "admin@cascadia-clinics.example")
    approver = of_customer(world, APPROVER)
    for purpose in ("recover", "join"):
        with pytest.raises(DBAPIError):
            await inserts(approver, table, foreign, purpose, tenant)
    colleague: UUID = world.sql(
        "SELECT user_id FROM tenancy.customer_membership WHERE tenant_id = %s AND status = 'active' AND user_id <> %s",
        tenant,
        approver.user_id,
    )[0]["user_id"]
    with pytest.raises(DBAPIError):
        await inserts(approver, table, colleague, "first", tenant)
    assert world.sql(f"SELECT 1 FROM {table} WHERE created_by = 'x'") == []
    await inserts(approver, table, colleague, "recover", tenant)


async def test_nobody_lets_an_old_link_live_longer(world: World) -> None:
    manager = of_staff(world, MANAGER)
    viewer = someone(world, "portal.partner_user", "viewer@northwind.example")
    await inserts(manager, "portal.partner_one_time", viewer, "join")
    extend = text("UPDATE portal.partner_one_time SET expires_at = now() + interval '9 days' WHERE user_id = :who")
    with pytest.raises(DBAPIError):
        async with db.transaction(manager) as connection:
            await connection.execute(extend, {"who": viewer})
    async with db.transaction(of_staff(world, READER)) as connection:
        end = text("UPDATE portal.partner_one_time SET expires_at = now() WHERE user_id = :who")
        assert (await connection.execute(end, {"who": viewer})).rowcount == 0


async def test_an_approver_recovers_nobody_who_belongs_to_another_customer_too(world: World) -> None:
    table, tenant, approver = "tenancy.customer_one_time", world.tenant("acme-fiber"), of_customer(world, APPROVER)
    both = someone(world, "tenancy.customer_user", "viewer@acme-fiber.example")
    elsewhere = world.tenant("kestrel")
    world.sql(
        "INSERT INTO tenancy.customer_membership (user_id, tenant_id, role) VALUES (%s, %s, 'viewer')", both, elsewhere
    )
    with pytest.raises(DBAPIError):
        await inserts(approver, table, both, "recover", tenant)
    client = await world.sign_in(APPROVER, "customers")
    answer = await world.post(client, f"/people/{both}/recover", reason="Rang me")
    assert answer.status_code == 303
    assert "Only the vendor can recover this account" in (await client.get("/people")).text
    assert world.sql(f"SELECT 1 FROM {table} WHERE user_id = %s AND purpose = 'recover'", both) == []
    assert letters(world) == []
    staff = await world.sign_in(LEAD, "staff")
    answer = await world.post(staff, f"/people/customer/{both}/recovery/start", reason="Rang me")
    assert answer.status_code == 303
    world.sql("UPDATE tenancy.customer_membership SET status = 'deactivated' WHERE tenant_id = %s", elsewhere)
    await inserts(approver, table, both, "recover", tenant)


async def test_an_approver_sees_no_row_of_an_invited_person_and_the_same_link_for_everybody(world: World) -> None:
    approver, seen = of_customer(world, APPROVER), []
    invites = text("SELECT tenancy.invited_person(:email, 'Some Body', 'en', 'UTC')")
    joins = text(
        "INSERT INTO tenancy.customer_membership (user_id, tenant_id, role, invited_name)"
        " VALUES (:id, portal.app_id('tenant_id'), 'viewer', 'Some Body')"
    )
    for email in ("new@acme-fiber.example", "it@alpenglow.example"):
        async with db.transaction(approver) as connection:
            person = (await connection.execute(invites, {"email": email})).all()
            assert [len(row) for row in person] == [1]
            user_id = {"id": person[0][0]}
            await connection.execute(joins, user_id)
            rows = await connection.execute(text("SELECT * FROM tenancy.waiting_people() WHERE user_id = :id"), user_id)
            assert [tuple(row) for row in rows] == [(user_id["id"], email, "Some Body")]
            hidden = text("SELECT email FROM tenancy.customer_user WHERE id = :id")
            seen.append((await connection.execute(hidden, user_id)).all())
            may = text("SELECT tenancy.may_recover(:id)")
            seen.append((await connection.execute(may, user_id)).all())
    assert seen[:2] == seen[2:] == [[], [(False,)]]
