"""The database holds the rule of two by itself, whatever code forgets."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from guildhall.core import clock, db
from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.domain.people import one_time
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
ASK = (
    "INSERT INTO portal.partner_recovery (id, user_id, reason, asked_by_id, asked_by_name)"
    " VALUES (:id, :user_id, 'x', :by, 'x')"
)
CONFIRM = (
    "UPDATE portal.partner_recovery SET confirmed_by_id = :by, confirmed_by_name = 'x', confirmed_at = now()"
    " WHERE user_id = :user_id RETURNING id"
)


def of_staff(world: World, email: str) -> Actor:
    found: UUID = world.sql("SELECT id FROM portal.staff_user WHERE email = %s", email)[0]["id"]
    return Actor(kind=Kind.STAFF_USER, surface=Surface.STAFF, role=DbRole.STAFF, name="staff", user_id=found)


async def issued(actor: Actor, user_id: UUID, *statements: tuple[str, UUID | None]) -> None:
    """Run statements and issue the link in one transaction."""
    async with db.transaction(actor) as connection:
        for statement, by in statements:
            values = {"id": uuid4(), "user_id": user_id, "by": by}
            await connection.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})
        await one_time.issue(
            connection, actor, surface=Surface.CONSOLE, user_id=user_id, purpose="recover", now=clock.now()
        )


async def test_no_link_for_a_last_principal_without_a_second_of_staff(world: World) -> None:
    world.sql(
        "UPDATE portal.partner_user SET roles = '{viewer}' WHERE 'principal' = ANY (roles) AND email <> %s"
        " AND partner_id = (SELECT id FROM portal.partner WHERE slug = 'northwind')",
        PRINCIPAL,
    )
    user_id: UUID = world.sql("SELECT id FROM portal.partner_user WHERE email = %s", PRINCIPAL)[0]["id"]
    first, second = of_staff(world, "lead@halcyon.example"), of_staff(world, "partner_manager@halcyon.example")
    one, two = first.user_id, second.user_id
    for statements in ((), ((ASK, one),), ((ASK, one), (CONFIRM, one)), ((ASK, one), (CONFIRM, two)), ((ASK, two),)):
        with pytest.raises(DBAPIError):
            await issued(first, user_id, *statements)
    assert world.sql("SELECT 1 FROM portal.partner_recovery WHERE user_id = %s", user_id) == []
    async with db.transaction(first) as connection:
        await connection.execute(text(ASK), {"id": uuid4(), "user_id": user_id, "by": one})
    with pytest.raises(DBAPIError):
        await issued(first, user_id, (CONFIRM, one))
    await issued(second, user_id, (CONFIRM, two))
    with pytest.raises(DBAPIError):
        await issued(second, user_id)
    links = "SELECT 1 FROM portal.partner_one_time WHERE purpose = 'recover' AND user_id = %s"
    assert len(world.sql(links, user_id)) == 1


async def test_a_viewer_of_a_partner_can_issue_no_link_for_a_colleague(world: World) -> None:
    row = world.sql("SELECT id, partner_id FROM portal.partner_user WHERE email = 'viewer@northwind.example'")[0]
    principal: UUID = world.sql("SELECT id FROM portal.partner_user WHERE email = %s", PRINCIPAL)[0]["id"]
    actor = Actor(
        kind=Kind.PARTNER_USER,
        surface=Surface.CONSOLE,
        role=DbRole.PARTNER,
        name="viewer",
        user_id=row["id"],
        partner_id=row["partner_id"],
    )
    for user_id in (principal, row["id"]):
        with pytest.raises(DBAPIError):
            await issued(actor, user_id)
    assert world.sql("SELECT 1 FROM portal.partner_one_time WHERE purpose = 'recover'") == []
