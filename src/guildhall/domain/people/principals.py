"""One principal of a partner always stays: active, come in once, and limited to no customers (PRODUCT §3).

The database refuses the same (team.sql); here the refusal is a sentence.
"""

from uuid import UUID

from msgspec import Struct
from sqlalchemy import func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.errors import Conflict
from guildhall.domain.people.tables import partner_user, staff_user

PRINCIPAL, LEAD = "principal", "lead"


class Addressed(Struct, frozen=True):
    """A principal, or a lead of staff, to write to."""

    email: str
    name: str
    language: str


async def held(connection: AsyncConnection, partner_id: UUID) -> dict[UUID, bool]:
    """Lock the active principals of a partner, in one order; return for each whether it can stand alone.

    Who cannot is limited to some customers, or was invited and has not come. Two who change each other at once wait
    here, and the second sees what the first has written.
    """
    rows = await connection.execute(
        select(partner_user.c.id, partner_user.c.tenant_scope, partner_user.c.last_active_at)
        .where(
            partner_user.c.partner_id == partner_id,
            partner_user.c.status == "active",
            literal(PRINCIPAL) == func.any(partner_user.c.roles),
        )
        .order_by(partner_user.c.id)
        .with_for_update()
    )
    return {row.id: row.tenant_scope == "all" and row.last_active_at is not None for row in rows}


def one_stays(principals: dict[UUID, bool], *, without: UUID) -> None:
    """Raise Conflict where `without` is the last of `principals` (as `held` returns them) who can stand alone."""
    if principals.get(without) and not any(alone for key, alone in principals.items() if key != without):
        raise Conflict("This is the last active principal. Make somebody else a principal first.")


async def addressed(connection: AsyncConnection, partner_id: UUID) -> list[Addressed]:
    """Return every active principal of a partner who has come once."""
    table = partner_user.c
    wanted = select(table.email, table.name, table.language).where(
        table.partner_id == partner_id,
        table.status == "active",
        table.last_active_at.is_not(None),
        literal(PRINCIPAL) == func.any(table.roles),
    )
    rows = await connection.execute(wanted.order_by(table.id))
    return [Addressed(**row) for row in rows.mappings()]


async def leads(connection: AsyncConnection) -> list[Addressed]:
    """Return every active lead of the vendor's staff who has come once."""
    table = staff_user.c
    wanted = select(table.email, table.name, table.language).where(
        table.status == "active", table.last_active_at.is_not(None), literal(LEAD) == func.any(table.roles)
    )
    rows = await connection.execute(wanted.order_by(table.id))
    return [Addressed(**row) for row in rows.mappings()]
