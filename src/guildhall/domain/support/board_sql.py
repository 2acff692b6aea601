"""The SQL of a list of tickets, put together from fixed pieces and kept by its shape.

Whoever reaches few tenants gets the newest tickets of each by the tenant's own index; whoever reaches many walks
all tickets in order and keeps the own ones, since among many tenants the next own one is never far. Where an index
has the order, few rows are met, and each is held against its link alone. Figures come from rollups; filters that no
rollup covers are counted up to COUNT_LIMIT. The board (`columns_sql`) is made from the same pieces.
"""

from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, DateTime, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from guildhall.core.actor import DbRole
from guildhall.core.cursor import ENDLESS
from guildhall.core.sql import Fixed, bound
from guildhall.domain.support.rules import HOURS, LATE_PART
from guildhall.domain.support.tickets import STORED
from guildhall.domain.tenancy.tables import PRIORITIES, TICKET_STATUSES

COUNT_LIMIT = 10_000
_FIGURES = (*TICKET_STATUSES, "breached", "done", "done_seconds")
COUNTED = (*_FIGURES, "counted", "total")
WIDE = 200  # tenants from which on the walk over all tickets is the shorter way


class Shape(Struct, frozen=True):
    """What makes one statement differ from another; values are parameters."""

    role: DbRole
    named: bool
    filters: tuple[str, ...]
    sort_by: str
    sort_order: str
    limit: int
    offset: int
    resumed: bool
    figures: bool

    @property
    def undecided(self) -> bool:
        """Whether only the database knows if the tenants are few or many."""
        return self.role is DbRole.PARTNER and not self.named


def _ranks(column: str, values: tuple[str, ...]) -> str:
    """Return the place of a column's value in `values`, from 1."""
    listed = ", ".join(f"'{value}'" for value in values)
    return f"array_position(ARRAY[{listed}], {column})"


_HOURS = " ".join(f"WHEN '{priority}' THEN {hours}" for priority, hours in HOURS.items())
RUNNING = "t.status IN ('open', 'pending') AND t.sla_breached_at IS NULL"
_OVERDUE = f"{RUNNING} AND t.sla_breach_at <= :now"
SOON = (
    "t.sla_breached_at IS NULL AND t.sla_breach_at > :now AND t.sla_breach_at - :now"
    f" <= {LATE_PART} * least(make_interval(hours => CASE t.priority {_HOURS} END), t.sla_breach_at - t.created_at)"
)
SOONEST = f"make_interval(hours => {max(HOURS.values())}) * {LATE_PART}"  # no clock ends soon before that
# Whosever they are, such clocks are few, since the worker records them each minute: the index of those due begins here.
_UNRECORDED = f"SELECT t.tenant_id FROM tenancy.ticket AS t WHERE {_OVERDUE} ORDER BY t.sla_breach_at OFFSET 0"
_BREACHED = f"(t.sla_breached_at IS NOT NULL OR ({_OVERDUE}))"
FILTERS = {
    "status": "t.status = ANY (:status)",
    "priority": "t.priority = ANY (:priority)",
    "category": "t.category = ANY (:category)",
    "assigned_to": "t.assigned_to_id = :assigned_to",
    "unassigned": "t.assigned_to_id IS NULL",
    "created_from": "t.created_at >= :created_from",
    "created_to": "t.created_at < :created_to",
    "search": "(t.subject ILIKE :search OR t.number = :number)",
    "breached": _BREACHED,
    "not_breached": f"NOT {_BREACHED}",
    "due_soon": f"{RUNNING} AND {SOON}",
}
_SORTS = {
    "created_at": "t.created_at",
    "updated_at": "t.updated_at",
    "priority": _ranks("t.priority", PRIORITIES),
    "status": _ranks("t.status", TICKET_STATUSES),
    "sla_breach_at": f"coalesce(t.sla_breach_at, make_timestamptz({ENDLESS}, 1, 1, 0, 0, 0, 'UTC'))",
}
TYPES: dict[str, TypeEngine[Any]] = {
    **{name: ARRAY(Text) for name in ("status", "priority", "category")},
    **{name: DateTime(timezone=True) for name in ("created_from", "created_to", "now")},
    **{name: Uuid() for name in ("assigned_to", "partner_id", "own_tenant_id", "after_id")},
    "tenant_ids": ARRAY(Uuid),
    "number": BigInteger(),
    "search": Text(),
}
_INDEXED = frozenset({"created_at"})  # orders that an index of all tickets has
# The tenants of a partner whose live link lets tickets be listed.
_LINKED = (
    "SELECT tenant_id FROM portal.partner_tenant_link WHERE partner_id = :partner_id AND status = 'active'"
    " AND portal.is_live(status, starts_at, ends_at) AND shows_tickets"
)
_LINKED_NAME = (
    "(SELECT l.tenant_name FROM portal.partner_tenant_link AS l WHERE l.partner_id = :partner_id"
    " AND l.tenant_id = page.tenant_id AND l.status = 'active'"
    " AND portal.is_live(l.status, l.starts_at, l.ends_at) LIMIT 1)"
)
# That a ticket is of such a tenant: by a hash of all of them, for many tickets, or by one look at the links for few.
_IN_SCOPE = "(t.tenant_id IN (SELECT tenant_id FROM scope)) IS TRUE"
LINKED_TO = f"({_LINKED} AND tenant_id = t.tenant_id LIMIT 1) IS NOT NULL"
MANY = "(SELECT many FROM reached)"
COLUMNS = ", ".join(f"t.{name}" for name in STORED)
_TALLY = (
    ", ".join(f"count(*) FILTER (WHERE t.status = '{status}') AS {status}" for status in TICKET_STATUSES)
    + f", count(*) FILTER (WHERE {_BREACHED}) AS breached, count(t.resolved_at) AS done,"
    " CAST(coalesce(sum(extract(epoch FROM t.resolved_at - t.created_at)), 0) AS bigint) AS done_seconds"
)
_TALLIED = "t.status, t.sla_breach_at, t.sla_breached_at, t.resolved_at, t.created_at"
_ROLLED = ", ".join(f"r.{name}" for name in _FIGURES)
# The same of all tenants of a partner with many, where just those let tickets be listed: then none is looked up.
_SUMMED = (
    f"SELECT {', '.join(f'sum(r.{name})' for name in _FIGURES)} FROM portal.ticket_sum AS r"
    " WHERE r.partner_id = :partner_id"
    " AND EXISTS (SELECT 1 FROM portal.roster_now() WHERE 'tickets' = ANY (sums)) HAVING count(*) > 0"
)
_UNSUMMED = "(SELECT NOT EXISTS (SELECT 1 FROM summed))"


@lru_cache(maxsize=512)
def statement(shape: Shape) -> Fixed:
    """Return the statement of `shape`.

    Its rows: the stored columns of a ticket, its value in the order, its tenant's name (null for a customer), then
    the columns COUNTED where figures are wanted: without any ticket there is then one row of nulls and figures.
    """
    direction = shape.sort_order
    sql = assembled(shape, page=_page(shape), order=f"page.place {direction}, page.id {direction}")
    after = Integer() if shape.sort_by in {"priority", "status"} else DateTime(timezone=True)
    return bound(sql, {**TYPES, "after": after})


def assembled(shape: Shape, *, page: str, order: str) -> str:
    """Return the statement that reads `page` in `order`, with names and figures."""
    parts = [f"scope AS MATERIALIZED ({scope})"] if (scope := _scope(shape)) else []
    if shape.undecided:
        first = f"SELECT FROM scope LIMIT {WIDE + 1}"
        parts.append(f"reached AS MATERIALIZED (SELECT count(*) > {WIDE} AS many FROM ({first}) AS first)")
    parts.append(f"page AS ({page})")
    if shape.figures:
        parts.append(f"figures AS ({_figures(shape)})")
    return (
        f"WITH {', '.join(parts)} SELECT page.*, {_name(shape)}{', figures.*' if shape.figures else ''}"
        f" FROM {'figures LEFT JOIN page ON true' if shape.figures else 'page'} ORDER BY {order}"
    )


def _scope(shape: Shape) -> str:
    """Return the tenants that the list is about; nothing for staff, who see all."""
    if shape.role is DbRole.PARTNER:
        return _LINKED + (" AND tenant_id = ANY (:tenant_ids)" if shape.named else "")
    if shape.role is DbRole.CUSTOMER:
        return "SELECT CAST(:own_tenant_id AS uuid) AS tenant_id"
    return "SELECT unnest(CAST(:tenant_ids AS uuid[])) AS tenant_id" if shape.named else ""


def _name(shape: Shape) -> str:
    """Return where a tenant's name comes from: see tickets.get."""
    if shape.role is DbRole.PARTNER:
        return f"{_LINKED_NAME} AS tenant_name"
    if shape.role is DbRole.CUSTOMER:
        return "NULL AS tenant_name"
    return "(SELECT n.name FROM tenancy.tenant AS n WHERE n.id = page.tenant_id) AS tenant_name"


def _page(shape: Shape) -> str:
    """Return the page itself: at most limit + 1 rows out of each way to the tickets."""
    sort, direction = _SORTS[shape.sort_by], shape.sort_order
    columns = f"{COLUMNS}, {sort} AS place"
    after = f"({sort}, t.id) {'<' if direction == 'desc' else '>'} (:after, :after_id)" if shape.resumed else ""
    where = matching(*shape.filters) + (f" AND {after}" if after else "")
    count = shape.offset + shape.limit + 1
    end = f"ORDER BY {sort} {direction}, t.id {direction} LIMIT {count}"
    ways = []
    if _scope(shape):
        heads = f"SELECT {columns} FROM tenancy.ticket AS t WHERE t.tenant_id = s.tenant_id{where} {end}"
        few = f" WHERE NOT {MANY}" if shape.undecided else ""
        ways.append(f"SELECT h.* FROM scope AS s CROSS JOIN LATERAL ({heads}) AS h{few}")
    if shape.undecided or not _scope(shape):
        kept = f"{LINKED_TO if shape.sort_by in _INDEXED else _IN_SCOPE} AND {MANY}" if shape.undecided else "true"
        ways.append(f"(SELECT {columns} FROM tenancy.ticket AS t WHERE {kept}{where} {end})")
    if shape.role is DbRole.PARTNER:
        ways.append(f"(SELECT {columns} {accounts(shape)}{where} {end})")
    outer = f"ORDER BY place {direction}, id {direction} LIMIT {shape.limit + 1} OFFSET {shape.offset}"
    return f"SELECT * FROM ({' UNION ALL '.join(ways)}) AS found {outer}"


def matching(*filters: str) -> str:
    """Return the filters as further conditions of a WHERE."""
    return "".join(f" AND {FILTERS[name]}" for name in filters)


def accounts(shape: Shape) -> str:
    """Return the tickets of the partner's accounts in its home tenant, which is never a linked one."""
    named = " AND t.tenant_id = ANY (:tenant_ids)" if shape.named else ""
    return f"FROM tenancy.ticket AS t WHERE t.subscriber_id = ANY (ARRAY(SELECT portal.account_subscribers())){named}"


def _figures(shape: Shape) -> str:
    """Return totals and aggregates of the filter: rolled up where its rollups cover it, else counted."""
    return _counted(shape) if set(shape.filters) - {"status"} else _rolled(shape)


def _rolled(shape: Shape) -> str:
    """Return figures from the rollups, plus what they cannot hold: clocks that ran out unrecorded, accounts."""
    scope, of = _scope(shape), f" WHERE {_UNSUMMED}" if shape.undecided else ""
    # As an array the scope is one walk along an index, however many tenants it has.
    within = f"= ANY (ARRAY(SELECT tenant_id FROM scope{of}))" if scope else "IS NOT NULL"
    ways = [
        f"SELECT {_ROLLED} FROM tenancy.support_rollup AS r WHERE r.tenant_id {within}",
        f"SELECT 0, 0, 0, 0, count(*), 0, 0 FROM ({_UNRECORDED}) AS t WHERE {_IN_SCOPE if scope else 'true'}",
    ]
    if shape.undecided:
        ways.append("SELECT * FROM summed")
    if shape.role is DbRole.PARTNER:
        ways.append(f"SELECT {_TALLY} {accounts(shape)}")
    sums = ", ".join(f"CAST(coalesce(sum({name}), 0) AS bigint) AS {name}" for name in _FIGURES)
    nothing = ", ".join(f"CAST(NULL AS bigint) AS {name}" for name in COUNTED[-2:])
    kept = f"WITH summed AS MATERIALIZED ({_SUMMED}) " if shape.undecided else ""
    return f"{kept}SELECT {sums}, {nothing} FROM ({' UNION ALL '.join(ways)}) AS part"


def _counted(shape: Shape) -> str:
    """Return figures counted row by row, up to one more than COUNT_LIMIT."""
    apart = tuple(name for name in shape.filters if name != "status")
    total = "count(*)" if apart == shape.filters else f"(SELECT count(*) FROM ({_found(shape, shape.filters)}) AS t)"
    return f"SELECT {_TALLY}, count(*) AS counted, {total} AS total FROM ({_found(shape, apart)}) AS t"


def _found(shape: Shape, filters: tuple[str, ...]) -> str:
    """Return the tickets that match `filters`, from every way to them, cut off after COUNT_LIMIT + 1."""
    where = matching(*filters)
    source = "scope JOIN tenancy.ticket AS t USING (tenant_id)" if _scope(shape) else "tenancy.ticket AS t"
    ways = [f"SELECT {_TALLIED} FROM {source} WHERE true{where}"]
    if shape.role is DbRole.PARTNER:
        ways.append(f"SELECT {_TALLIED} {accounts(shape)}{where}")
    return f"{' UNION ALL '.join(ways)} LIMIT {COUNT_LIMIT + 1}"
