"""Which files, and exports that become files, each role may touch (see `policies.py`)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import (
    ANY_ROW,
    PARTNER_ID,
    USER_ID,
    Rule,
    adds,
    changes,
    everything,
    reads,
)

# What one asked for is one's own: a colleague's customers may be others.
_OWN = f"partner_id = {PARTNER_ID} AND created_by = {USER_ID}"

FILES: Mapping[str, tuple[Rule, ...]] = {
    "portal.file": (
        reads("partner", _OWN),
        adds("partner", f"{_OWN} AND state = 'writing'"),
        *everything("worker"),
        Rule("worker", "DELETE", "expires_at <= now()"),
    ),
    "portal.invoice_export": (
        reads("partner", _OWN),
        adds("partner", f"{_OWN} AND status = 'processing'"),
        reads("worker", ANY_ROW),
        changes(
            "worker",
            ANY_ROW,
            *("status", "rows_done", "rows_total", "tenants", "left_out", "failure", "completed_at"),
        ),
    ),
}
