"""Which counts of calls and which quotas each role may touch (see `policies.py`)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import ANY_ROW, PARTNER_ID, Rule, adds, changes, reads, staff_with
from guildhall.domain.rbac.registry import STAFF

_MANAGING = staff_with(*sorted(STAFF["staff.quotas.manage"].roles))

QUOTAS: Mapping[str, tuple[Rule, ...]] = {
    "portal.call_count": (
        reads("partner", f"subject = {PARTNER_ID}"),
        reads("staff", ANY_ROW),
        reads("worker", ANY_ROW),
        Rule("worker", "DELETE", ANY_ROW),
    ),
    "portal.partner_quota": (
        reads("partner", f"partner_id = {PARTNER_ID}"),
        reads("staff", ANY_ROW),
        adds("staff", _MANAGING),
        changes("staff", _MANAGING),
        Rule("staff", "DELETE", _MANAGING),
    ),
}
