"""What one person's colleagues may not do to that person, even with statements that no code sends."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import NotFound
from guildhall.domain.partners import ways_in
from guildhall.domain.people import sessions
from support_world import World

pytestmark = pytest.mark.anyio
LEAD, COLLEAGUE = "lead@halcyon.example", "support@halcyon.example"
PRINCIPAL, TECHNICAL = "principal@northwind.example", "technical@northwind.example"
OWN_MARKS = ("last_active_at = NULL", "totp_last_step = 0", "language = 'es'")


async def forgotten(actor: Actor, statement: str, of: UUID | None) -> None:
    """Run a statement of code that forgot to ask."""
    async with db.transaction(actor) as connection:
        await connection.execute(text(statement), {"id": of})


async def test_a_lead_neither_ends_nor_freshens_a_colleagues_session(world: World) -> None:
    colleague, lead = await world.actor(COLLEAGUE, "staff"), await world.actor(LEAD, "staff")
    assert colleague.session_id is not None
    kept = "SELECT ended_at, factor_at FROM portal.staff_session WHERE id = %s"
    before = world.sql(kept, colleague.session_id)
    with pytest.raises(NotFound):
        await sessions.end_session(lead, session_id=colleague.session_id)
    with pytest.raises(DBAPIError, match="only by the person"):
        await forgotten(lead, "UPDATE portal.staff_session SET factor_at = now() WHERE id = :id", colleague.session_id)
    assert world.sql(kept, colleague.session_id) == before


@pytest.mark.parametrize("mark", OWN_MARKS)
async def test_a_principal_writes_nothing_that_a_colleague_writes_by_coming(world: World, mark: str) -> None:
    colleague, principal = await world.actor(TECHNICAL), await world.actor(PRINCIPAL)
    kept = "SELECT last_active_at, totp_last_step, language FROM portal.partner_user WHERE id = %s"
    before = world.sql(kept, colleague.user_id)
    with pytest.raises(DBAPIError, match="only by the person"):
        await forgotten(principal, f"UPDATE portal.partner_user SET {mark} WHERE id = :id", colleague.user_id)
    assert world.sql(kept, colleague.user_id) == before


async def test_narrowing_a_partners_ways_ends_the_sessions_of_those_taken_away(world: World) -> None:
    browser, api = await world.sign_in(TECHNICAL), await world.api(TECHNICAL)
    elsewhere = world.sql(
        "SELECT u.email FROM portal.partner_user AS u JOIN portal.partner AS p ON p.id = u.partner_id"
        " WHERE p.slug <> 'northwind' AND p.status = 'active' AND u.status = 'active' AND 'principal' = ANY (u.roles)"
        " ORDER BY u.email LIMIT 1"
    )[0]["email"]
    other = await world.sign_in(elsewhere)
    partner = world.sql("SELECT id FROM portal.partner WHERE slug = 'northwind'")[0]["id"]
    lead = await world.actor(LEAD, "staff")
    await ways_in.narrow(lead, partner_id=partner, ways=["password", "passkey"], now=clock.now())
    assert (await browser.get("/account")).status_code == 200, "the way of this session stays"
    await ways_in.narrow(lead, partner_id=partner, ways=["passkey"], now=clock.now())
    assert (await browser.get("/account")).status_code == 303
    assert (await api.get("/api/v1/auth/me")).status_code == 401
    assert (await other.get("/account")).status_code == 200


async def test_two_approvers_who_demote_each_other_at_once_leave_one(world: World) -> None:
    tenant = world.tenant("acme-fiber")
    world.sql("UPDATE tenancy.customer_membership SET role = 'approver' WHERE tenant_id = %s", tenant)
    world.sql(
        "UPDATE tenancy.customer_membership AS m SET role = 'viewer' FROM tenancy.customer_user AS u"
        " WHERE u.id = m.user_id AND m.tenant_id = %s AND u.email NOT IN (%s, %s)",
        tenant,
        "admin@acme-fiber.example",
        "viewer@acme-fiber.example",
    )
    first = await world.actor("admin@acme-fiber.example", "customers")
    second = await world.actor("viewer@acme-fiber.example", "customers")
    demote = text(
        "UPDATE tenancy.customer_membership SET role = 'viewer' WHERE tenant_id = portal.app_id('tenant_id')"
        " AND user_id = :whose"
    )

    async def demote_first() -> None:
        async with db.transaction(second) as connection:
            await connection.execute(demote, {"whose": first.user_id})

    async with db.transaction(first) as connection:
        await connection.execute(demote, {"whose": second.user_id})
        waiting = asyncio.create_task(demote_first())
        await asyncio.wait([waiting], timeout=0.5)
    with pytest.raises(DBAPIError, match="last approver"):
        await waiting
    approvers = world.sql(
        "SELECT user_id FROM tenancy.customer_membership WHERE tenant_id = %s AND role = 'approver'", tenant
    )
    assert [row["user_id"] for row in approvers] == [first.user_id]
