"""Quotas of the demo: one partner has its own; two were refused calls this morning."""

from datetime import date, timedelta

from guildhall.domain.quotas.kinds import STANDARD
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.demo_partners import BY_SLUG
from guildhall.worlds.ground import Connection, copy, midnight

_SLOTS = 61  # as counting.sql has them
# Partner, kind, refusals, minutes after midnight.
_REFUSED = (("northwind", "list", 12, 2), ("northwind", "across", 31, 2), ("bluepeak", "detail", 3, 1))
_REASON = "Its product asks for every customer once a minute"


def seed_quotas(connection: Connection, today: date) -> None:
    """Write one own quota, and counts that have been empty again since."""
    begun = midnight(today)
    set_by = full_name("lead@halcyon.example")
    own = (BY_SLUG["bluepeak"].id, 400, 800, None, None, _REASON, set_by, begun - timedelta(days=40))
    columns = "partner_id list_calls detail_calls write_calls export_calls reason set_by updated_at"
    copy(connection, "portal.partner_quota", columns, [own])
    seconds = STANDARD["list"].seconds
    counts = [
        (BY_SLUG[slug].id, kind, seconds, [0] * _SLOTS, begun + timedelta(minutes=minutes), refused)
        for slug, kind, refused, minutes in _REFUSED
    ]
    counts_at = [(*count, count[4]) for count in counts]
    copy(connection, "portal.call_count", "subject kind seconds slots used_at refused refused_at", counts_at)
