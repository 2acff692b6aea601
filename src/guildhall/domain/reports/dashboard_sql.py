"""The SQL of the dashboard: one statement of parts, each there only if the person may see it.

Every part yields rows of one form: part, name, count, amount. Tenants come from the live links once, with what
each opens; figures come from rollups.
"""

from functools import lru_cache

from sqlalchemy import TextClause

from guildhall.core.sql import bound
from guildhall.domain.tenancy.tables import PRIORITIES

TRIAL_DAYS = 30
_LONGEST_SOON = "interval '6 hours'"  # the last quarter of the longest clock: enters the index by time

# Parts, and what a person must hold to see each, beside partner.tenants.list for all but the funnel.
NEEDS: dict[str, frozenset[str]] = {
    "funnel": frozenset({"partner.links.read"}),
    "customers": frozenset(),
    "models": frozenset(),
    "plans": frozenset(),
    "trials": frozenset(),
    "tickets": frozenset({"partner.support.tickets.list"}),
    "breached": frozenset({"partner.support.tickets.list"}),
    "due_soon": frozenset({"partner.support.tickets.list"}),
    "owed": "SELECT kind, currency, count(*), sum(amount) FROM owing AS r CROSS JOIN LATERAL"
    " (VALUES ('outstanding', r.outstanding), ('overdue', r.overdue)) AS o (kind, amount)"
    " WHERE amount <> 0 GROUP BY 1, 2",
    "late_payers": "SELECT 'late_payers', '', count(DISTINCT tenant_id), 0 FROM owing AS r WHERE overdue <> 0",
    "posture": "SELECT f.name, '', f.count, 0 FROM shared AS s CROSS JOIN LATERAL (VALUES "
    + ", ".join(
        f"('posture_{name}', s.{name})" for name in ("shared", "measured", "score", "critical", "high", "medium", "low")
    )
    + ") AS f (name, count)",
}
_SOLD = (
    "SELECT s.status, s.currency, s.mrr, s.trial_ends_on, mine.billing FROM mine JOIN portal.subscription AS s"
    " ON s.partner_id = :partner_id AND s.tenant_id = mine.tenant_id AND s.status <> 'cancelled'"
)
_ROLLED = ", ".join(f"coalesce(sum(r.{name}), 0) AS {name}" for name in (*PRIORITIES, "late"))
_SHARED = (
    "SELECT count(*) AS shared, count(p.score) AS measured, round(avg(p.score)) AS score, "
    + ", ".join(f"sum(p.{name}) AS {name}" for name in ("critical", "high", "medium", "low"))
    + " FROM mine LEFT JOIN LATERAL (SELECT p.score, p.critical, p.high, p.medium, p.low"
    " FROM tenancy.posture_snapshot AS p WHERE p.tenant_id = mine.tenant_id ORDER BY p.taken_at DESC LIMIT 1) AS p"
    " ON true WHERE mine.posture"
)


@lru_cache(maxsize=64)
def statement(parts: tuple[str, ...]) -> tuple[TextClause, tuple[str, ...]]:
    """Return the statement that yields `parts` (keys of NEEDS), and the names of its parameters."""
    opens = ", ".join(f"{condition} AS {name}" for name, condition in _OPENS.items())
    shelves = {
        "linked": _LINKED % opens,
        "mine": _MINE,
        "sold": _SOLD,
        "helped": f"SELECT {_ROLLED} FROM mine JOIN tenancy.support_rollup AS r USING (tenant_id) WHERE mine.support",
        "owing": _OWED,
        "shared": _SHARED,
    }
    named = ", ".join(f"{name} AS MATERIALIZED ({sql})" for name, sql in shelves.items())
    chosen = " UNION ALL ".join(f"({_PARTS[part]})" for part in parts)
    answer = f"WITH {named}, answer (part, name, count, amount) AS ({chosen})"
    return bound(f"{answer} SELECT part, name, CAST(count AS bigint), CAST(amount AS numeric) FROM answer", _TYPES)
