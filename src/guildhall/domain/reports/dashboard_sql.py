"""The SQL of the dashboard: one statement of parts, each there only if the person may see it.

Every part yields rows of one form: part, name, count, amount. Tenants come from the live links once, with what
each opens; figures come from rollups.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import Date, DateTime, Uuid
from sqlalchemy.types import TypeEngine

from guildhall.core.sql import Fixed, bound
from guildhall.domain.access.links import EXPIRING_DAYS
from guildhall.domain.access.tables import OPERATING_MODELS
from guildhall.domain.reports.report_scope import reached
from guildhall.domain.support.board_sql import RUNNING, SOON, SOONEST
from guildhall.domain.tenancy.tables import PRIORITIES

TRIAL_DAYS = 30

# Parts, and what a person must hold to see each, beside partner.tenants.list for all but the funnel.
_SUPPORT = frozenset({"partner.support.tickets.list"})
_MONEY = frozenset({"partner.billing.read", "partner.money.read"})
NEEDS: dict[str, frozenset[str]] = {
    "funnel": frozenset({"partner.links.read"}),
    "customers": frozenset(),
    "models": frozenset(),
    "plans": frozenset(),
    "trials": frozenset(),
    "tickets": _SUPPORT,
    "breached": _SUPPORT,
    "due_soon": _SUPPORT,
    "owed": _MONEY,
    "late_payers": _MONEY,
    "mrr": _MONEY,
    "posture": frozenset({"partner.posture.read"}),
}

_TYPES: dict[str, TypeEngine[Any]] = {
    "partner_id": Uuid(),
    "user_id": Uuid(),
    "now": DateTime(timezone=True),
    "today": Date(),
}


def _those(condition: str) -> str:
    """Return the tenants of `mine` that meet a condition, as an array: one walk along an index, however many."""
    return f"ANY (ARRAY(SELECT tenant_id FROM mine WHERE {condition}))"


def _rows(source: str, columns: tuple[str, ...]) -> str:
    """Return a list of VALUES that turns columns of one row into rows of name and value."""
    return ", ".join(f"('{name}', {source}.{name})" for name in columns)


_UNCOUNTED = "NOT EXISTS (SELECT 1 FROM roster)"
_SCORED = ("score", "critical", "high", "medium", "low")
_POSTURE = ("shared", "measured", *_SCORED)


def _columns(source: str) -> str:
    """Return what posture is told by, of one table."""
    return ", ".join(f"{source}.{name}" for name in _SCORED)


_BILLED = "((SELECT everybody FROM billed) OR s.tenant_id IN (SELECT tenant_id FROM mine WHERE shows_billing))"
# What parts stand on, in order; each is read once, and only where a part asks for it.
_SHELVES = {
    "mine": "SELECT l.tenant_id, l.operating_model, l.shows_billing, l.shows_tickets, l.shows_posture"
    f" {reached(named=False)}",
    "roster": "SELECT * FROM portal.roster_now()",
    "kinds": "SELECT k.operating_model, k.number FROM roster AS r CROSS JOIN LATERAL"
    f" (VALUES {_rows('r', OPERATING_MODELS)}) AS k (operating_model, number) WHERE k.number > 0 UNION ALL"
    f" SELECT operating_model, count(*) FROM mine WHERE {_UNCOUNTED} GROUP BY 1",
    "sharing": "SELECT posture AS shared FROM roster UNION ALL"
    f" SELECT count(*) FILTER (WHERE shows_posture) FROM mine WHERE {_UNCOUNTED} HAVING {_UNCOUNTED}",
    "billed": "SELECT bool_and(shows_billing) AS everybody FROM mine",
    "kept": "SELECT r.plan, r.currency, r.status, r.trial_ends_on, r.number, r.mrr, true AS billed"
    " FROM portal.subscription_sum AS r WHERE r.partner_id = :partner_id AND r.number > 0"
    " AND EXISTS (SELECT 1 FROM roster WHERE sums @> ARRAY['billing', 'customers'])",  # of everybody, all of it
    # The policy of subscriptions yields those of `mine`; whose billing is open is asked where it is not everybody's.
    "sold": "SELECT plan, currency, sum(number) AS number, sum(number) FILTER (WHERE status = 'trial'"
    f" AND trial_ends_on BETWEEN :today AND :today + {TRIAL_DAYS}) AS ending,"
    " sum(number) FILTER (WHERE status = 'active' AND billed) AS paying,"
    " sum(mrr) FILTER (WHERE status = 'active' AND billed) AS mrr FROM (SELECT * FROM kept UNION ALL"
    f" SELECT s.plan, s.currency, s.status, s.trial_ends_on, 1, s.mrr, {_BILLED} FROM portal.subscription AS s"
    " WHERE NOT EXISTS (SELECT 1 FROM kept) AND s.partner_id = :partner_id AND s.status <> 'cancelled') AS s"
    " GROUP BY 1, 2",
    "kept_tickets": f"SELECT {', '.join(f'sum(r.{name}) AS {name}' for name in (*PRIORITIES, 'late'))}"
    " FROM portal.ticket_sum AS r WHERE r.partner_id = :partner_id"
    " AND EXISTS (SELECT 1 FROM roster WHERE 'tickets' = ANY (sums)) HAVING count(*) > 0",
    # Sums know no clock: of those that run, the few that ran out unrecorded or soon will come from an index of clocks.
    "running": "SELECT k.priority, k.number, 0 AS late, 0 AS soon FROM kept_tickets AS r CROSS JOIN LATERAL"
    f" (VALUES {_rows('r', PRIORITIES)}) AS k (priority, number) WHERE k.number > 0 UNION ALL"
    " SELECT NULL, 0, (SELECT late FROM kept_tickets) + count(*) FILTER (WHERE t.sla_breach_at <= :now),"
    f" count(*) FILTER (WHERE {SOON}) FROM (SELECT * FROM tenancy.ticket AS t WHERE {RUNNING}"
    f" AND t.sla_breach_at <= :now + {SOONEST} AND EXISTS (SELECT 1 FROM kept_tickets)"
    " ORDER BY t.sla_breach_at OFFSET 0) AS t"
    f" WHERE EXISTS (SELECT 1 {reached(named=False)} AND l.tenant_id = t.tenant_id AND l.shows_tickets)"
    " HAVING EXISTS (SELECT 1 FROM kept_tickets) UNION ALL"
    " SELECT t.priority, count(*) AS number,"
    " count(*) FILTER (WHERE t.sla_breached_at IS NOT NULL OR t.sla_breach_at <= :now) AS late,"
    f" count(*) FILTER (WHERE {SOON}) AS soon FROM tenancy.ticket AS t WHERE t.tenant_id ="
    f" {_those('shows_tickets AND NOT EXISTS (SELECT 1 FROM kept_tickets)')} AND t.status IN ('open', 'pending')"
    " GROUP BY t.priority",
    "kept_owing": "SELECT r.currency, r.outstanding, r.overdue, r.late_payers FROM portal.balance_sum AS r"
    " WHERE r.partner_id = :partner_id AND EXISTS (SELECT 1 FROM roster WHERE 'billing' = ANY (sums))",
    "owing": "SELECT r.tenant_id, r.currency, r.outstanding, r.overdue FROM tenancy.billing_rollup AS r"
    f" WHERE r.tenant_id = {_those('shows_billing AND NOT EXISTS (SELECT 1 FROM kept_owing)')}"
    " AND (r.outstanding <> 0 OR r.overdue <> 0)",
    "kept_posture": f"SELECT r.measured, {_columns('r')} FROM portal.posture_sum AS r"
    " WHERE r.partner_id = :partner_id AND r.measured > 0"
    " AND EXISTS (SELECT 1 FROM roster WHERE 'posture' = ANY (sums))",
    "shared": "SELECT (SELECT shared FROM sharing) AS shared, sum(measured) AS measured,"
    " round(sum(score)::numeric / sum(measured)) AS score, sum(critical) AS critical, sum(high) AS high,"
    " sum(medium) AS medium, sum(low) AS low FROM (SELECT * FROM kept_posture UNION ALL"
    f" SELECT 1, {_columns('p')} FROM tenancy.posture_rollup AS p WHERE NOT EXISTS (SELECT 1 FROM kept_posture)"
    f" AND p.tenant_id = {_those('shows_posture')} AND p.score IS NOT NULL) AS p",
}
_SHOWN = (
    "CASE WHEN l.ends_at IS NULL THEN l.status"  # most links, and the cheapest to tell
    " WHEN l.status IN ('scheduled', 'active', 'paused') AND l.ends_at <= now() THEN 'expired'"
    f" WHEN l.status = 'active' AND l.ends_at <= now() + make_interval(days => {EXPIRING_DAYS}) THEN 'expiring'"
    " ELSE l.status END"
)


_PARTS = {
    "funnel": f"SELECT 'funnel', {_SHOWN}, count(*), 0 FROM portal.partner_tenant_link AS l"
    " WHERE l.partner_id = :partner_id GROUP BY 2",
    "customers": "SELECT 'customers', '', coalesce(sum(number), 0), 0 FROM kinds",
    "models": "SELECT 'models', operating_model, number, 0 FROM kinds",
    "plans": "SELECT 'plans', plan, sum(number), 0 FROM sold GROUP BY 2",
    "trials": "SELECT 'trials', '', sum(ending), 0 FROM sold",
    "mrr": "SELECT 'mrr', currency, sum(paying), sum(mrr) FROM sold WHERE paying > 0 GROUP BY 2",
    "tickets": "SELECT 'tickets', priority, number, 0 FROM running WHERE priority IS NOT NULL",
    "breached": "SELECT 'breached', '', sum(late), 0 FROM running",
    "due_soon": "SELECT 'due_soon', '', sum(soon), 0 FROM running",
    "owed": "SELECT o.kind, r.currency, 0, o.amount FROM (SELECT currency, outstanding, overdue FROM kept_owing"
    " UNION ALL SELECT currency, sum(outstanding), sum(overdue) FROM owing GROUP BY currency) AS r CROSS JOIN LATERAL"
    " (VALUES ('outstanding', r.outstanding), ('overdue', r.overdue)) AS o (kind, amount) WHERE o.amount <> 0",
    "late_payers": "SELECT 'late_payers', '', coalesce((SELECT sum(late_payers) FROM kept_owing),"
    " (SELECT count(DISTINCT tenant_id) FROM owing WHERE overdue <> 0)), 0",
    "posture": "SELECT 'posture', f.name, f.figure, 0 FROM shared AS s CROSS JOIN LATERAL"
    f" (VALUES {_rows('s', _POSTURE)}) AS f (name, figure)",
}


@lru_cache(maxsize=64)
def statement(parts: tuple[str, ...]) -> Fixed:
    """Return the statement that yields `parts` (keys of NEEDS)."""
    shelves = ", ".join(f"{name} AS MATERIALIZED ({sql})" for name, sql in _SHELVES.items())
    chosen = " UNION ALL ".join(f"({_PARTS[part]})" for part in parts)
    answer = f"WITH {shelves}, answer (part, name, count, amount) AS ({chosen})"
    return bound(f"{answer} SELECT part, name, CAST(count AS bigint), CAST(amount AS numeric) FROM answer", _TYPES)
