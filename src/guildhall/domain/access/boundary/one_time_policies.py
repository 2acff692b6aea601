"""Who issues, sees and ends one-time links, and the recoveries that two of staff start (see `policies.py`)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import (
    ANY_ROW,
    APPROVED_TENANT,
    DECIDING_STAFF,
    IS_LEAD,
    OF_COLLEAGUE,
    OF_LED,
    OWN,
    OWN_TENANT,
    PEOPLE_STAFF,
    USER_ID,
    Rule,
    adds,
    changes,
    reads,
)

# What everybody but the definer sees of a one-time link: never its hash.
_ONE_TIME = ("id", "user_id", "purpose", "created_by", "expires_at", "used_at", "created_at")
_OWN_RESET = f"{OWN} AND purpose = 'reset'"  # anybody may ask for one; the letter goes to the person
_LED_OR_OWN = f"({OF_LED} AND purpose <> 'reset') OR ({_OWN_RESET})"
_APPROVED_MEMBER = (
    "user_id = ANY (ARRAY(SELECT m.user_id FROM tenancy.customer_membership AS m"
    " WHERE m.tenant_id = ANY (ARRAY(SELECT tenancy.approved_tenant())) AND m.status = 'active'))"
)
_APPROVED_PURPOSE = "(purpose = 'join' OR (purpose = 'recover' AND tenancy.may_recover(user_id)))"
_APPROVED_OR_OWN = f"({APPROVED_TENANT} AND {_APPROVED_MEMBER} AND {_APPROVED_PURPOSE}) OR ({_OWN_RESET})"
_LEAD_OR_OWN = f"({IS_LEAD} AND purpose <> 'reset') OR ({_OWN_RESET})"
_STAFF_OF_PARTNERS = (
    f"(purpose IN ('join', 'first') AND {DECIDING_STAFF})"
    f" OR (purpose = 'recover' AND {PEOPLE_STAFF} AND portal.may_recover(user_id))"
)
_STAFF_OF_CUSTOMERS = f"purpose <> 'reset' AND {PEOPLE_STAFF}"


def _ends(role: str, rows: str) -> Rule:
    """Return the leave of `role` for ending one-time links: none lives longer than it was issued for."""
    return changes(role, rows, "expires_at", check=f"({rows}) AND expires_at <= now()")


ONE_TIME: Mapping[str, tuple[Rule, ...]] = {
    "portal.partner_one_time": (
        reads("partner", f"{OWN} OR {OF_COLLEAGUE}", *_ONE_TIME),
        adds("partner", _LED_OR_OWN),
        _ends("partner", _LED_OR_OWN),
        reads("staff", ANY_ROW, *_ONE_TIME),
        adds("staff", _STAFF_OF_PARTNERS),
        _ends("staff", PEOPLE_STAFF),
    ),
    "portal.staff_one_time": (
        reads("staff", ANY_ROW, *_ONE_TIME),
        adds("staff", _LEAD_OR_OWN),
        _ends("staff", _LEAD_OR_OWN),
    ),
    "tenancy.customer_one_time": (
        reads("customer", f"{OWN} OR {OWN_TENANT}", *_ONE_TIME, "tenant_id"),
        adds("customer", _APPROVED_OR_OWN),
        _ends("customer", f"({APPROVED_TENANT} AND purpose <> 'reset') OR ({_OWN_RESET})"),
        reads("staff", ANY_ROW, *_ONE_TIME, "tenant_id"),
        adds("staff", _STAFF_OF_CUSTOMERS),
        _ends("staff", _STAFF_OF_CUSTOMERS),
        adds("platform", ANY_ROW),
    ),
    "portal.partner_recovery": (
        reads("staff", ANY_ROW),
        adds("staff", f"asked_by_id = {USER_ID} AND confirmed_by_id IS NULL"),
        changes(
            "staff",
            "confirmed_at IS NULL AND withdrawn_at IS NULL",
            "confirmed_by_id",
            "confirmed_by_name",
            "confirmed_at",
            "withdrawn_at",
            check=f"confirmed_by_id IS NULL OR confirmed_by_id = {USER_ID}",
        ),
    ),
}
