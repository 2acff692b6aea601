"""Which tenants a query is about: the ones it names itself, checked as gate 3 and 4 check one tenant."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, Select, Text, and_, bindparam, column, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from guildhall.core.actor import Actor
from guildhall.core.errors import TenantAccessDenied
from guildhall.domain.access.gates import inside, standing
from guildhall.domain.access.tables import SHOWN_BY
from guildhall.domain.access.tables import partner_tenant_link as link

_STANDINGS = text(
    """
    SELECT DISTINCT ON (l.tenant_id) l.tenant_id, l.id AS link_id, l.tenant_name, l.status AS link_status,
           portal.is_live(l.status, l.starts_at, l.ends_at) AS link_live,
           l.ends_at IS NOT NULL AND l.ends_at <= now() AS link_overdue, l.access_role AS link_role,
           l.permissions AS link_permissions, l.operating_model AS link_model, l.ends_at AS link_ends_at,
           l.paused_by AS link_paused_by, portal.within_own_limits(l.tenant_id) AS within_limits,
           false AS has_account
    FROM portal.partner_tenant_link AS l
    WHERE l.partner_id = :partner_id AND l.tenant_id = ANY (:tenant_ids)
      AND l.status IN ('scheduled', 'active', 'paused', 'expired', 'revoked', 'ended')
    ORDER BY l.tenant_id, l.status IN ('scheduled', 'active', 'paused') DESC, l.updated_at DESC, l.id DESC
    """
)


def live() -> ColumnElement[bool]:
    """Return the condition that a link is live now: the database's one definition."""
    return and_(link.c.status == "active", func.portal.is_live(link.c.status, link.c.starts_at, link.c.ends_at))


def tenants_opening(partner_id: UUID | ColumnElement[UUID] | None, needs: str) -> ColumnElement[Any]:
    """Return the array of a partner's tenants whose live link holds `needs`, as an SQL expression.

    Use it as `column == any_(tenants_opening(…))`: evaluated once per statement, and the index is used.
    """
    return func.array(opening(partner_id, needs).scalar_subquery())


def opening(partner_id: UUID | ColumnElement[UUID] | None, needs: str) -> Select[tuple[UUID]]:
    """Return the query for the same tenants.

    Use it as `column.in_(opening(…))` where many rows are held against it: each is one look into a hash, where an
    array of 10,000 tenants is searched from its start.
    """
    chosen: Select[Any] = select(link.c.tenant_id).where(link.c.partner_id == partner_id, live())
    if needs in SHOWN_BY:
        return chosen.where(link.c[SHOWN_BY[needs]])  # as an index holds it
    if needs != "partner.tenants.list":
        chosen = chosen.where(literal(needs) == func.any(link.c.permissions))
    return chosen


def opened_everywhere() -> CTE:
    """Return what each live link of the partner at work opens, by names of SHOWS in `opened`: nothing where unknown.

    Beside the policies, which yield what live links open at all, it saves a look at thousands of links (decision 0035).
    """
    roster = func.portal.roster_now().table_valued(column("everywhere", ARRAY(Text)), name="roster")
    return select(func.unnest(roster.c.everywhere).label("opened")).cte("everywhere").prefix_with("MATERIALIZED")


async def named_tenants(
    connection: AsyncConnection, actor: Actor, *, tenant_ids: Iterable[UUID], needs: str
) -> list[UUID]:
    """Return `tenant_ids` when every one is open for `needs`; raise the refusal of the first that is not."""
    wanted = list(dict.fromkeys(tenant_ids))
    rows = await connection.execute(
        _STANDINGS.bindparams(bindparam("tenant_ids", wanted)), {"partner_id": actor.partner_id}
    )
    known = {row["tenant_id"]: dict(row) for row in rows.mappings()}
    for tenant_id in wanted:
        refusal = _refusal(known.get(tenant_id), tenant_id, needs)
        if refusal is not None:
            raise refusal
    return wanted


def _refusal(row: dict[str, Any] | None, tenant_id: UUID, needs: str) -> Exception | None:
    """Return why one named tenant is refused, or None."""
    if row is None:
        return TenantAccessDenied()
    return inside(standing(tenant_id, row), needs=needs)


_REACHED = text("SELECT reached, count(*) OVER () AS total FROM portal.reach('any') AS reached ORDER BY 1 LIMIT :most")


async def reached(connection: AsyncConnection, *, most: int) -> tuple[list[UUID], int]:
    """Return at most `most` tenants in which the partner's person at work may do anything, and how many there are."""
    rows = (await connection.execute(_REACHED, {"most": most})).all()
    return [row.reached for row in rows], rows[0].total if rows else 0
