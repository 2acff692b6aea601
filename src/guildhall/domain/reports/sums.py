"""Sums of partners with many tenants, so that their reports need not add up every row (sums.sql)."""

from sqlalchemy import text

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.jobs import periodic

MANY = 200  # tenants from which on a partner's rows are summed up beforehand


@periodic("* * * * *", "reports.keep_sums")
async def keep(actor: Actor, *, many: int = MANY) -> int:
    """Let the sums of partners with at least `many` tenants follow their links; return how many tenants came or went.

    Safe to run at any time. Until it ran, reports of a partner that lost a tenant add up the rows.
    """
    async with db.transaction(actor) as connection:
        return int((await connection.execute(text("SELECT portal.keep_sums(:many)"), {"many": many})).scalar_one())
