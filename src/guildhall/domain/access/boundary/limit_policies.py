"""Which limits of people to some customers each role may touch, and the groups that they name (see `policies.py`)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import (
    ANY_ROW,
    LED_PARTNER,
    OF_COLLEAGUE,
    OF_LED,
    PARTNER_ID,
    Rule,
    adds,
    changes,
    reads,
)

_OWN_GROUP = f"group_id = ANY (ARRAY(SELECT id FROM portal.tenant_group WHERE partner_id = {PARTNER_ID}))"
_LED_GROUP = f"group_id = ANY (ARRAY(SELECT id FROM portal.tenant_group WHERE {LED_PARTNER}))"

LIMITS: Mapping[str, tuple[Rule, ...]] = {
    "portal.partner_user_tenant": (
        reads("partner", OF_COLLEAGUE),
        adds("partner", OF_LED),
        Rule("partner", "DELETE", OF_LED),
        reads("staff", ANY_ROW),
    ),
    "portal.partner_user_group": (
        reads("partner", OF_COLLEAGUE),
        adds("partner", f"{OF_LED} AND {_LED_GROUP}"),
        Rule("partner", "DELETE", OF_LED),
        reads("staff", ANY_ROW),
    ),
    "portal.tenant_group": (
        reads("partner", f"partner_id = {PARTNER_ID}"),
        adds("partner", LED_PARTNER),
        changes("partner", LED_PARTNER, "name", "updated_at"),
        Rule("partner", "DELETE", LED_PARTNER),
        reads("staff", ANY_ROW),
    ),
    "portal.tenant_group_tenant": (
        reads("partner", _OWN_GROUP),
        adds("partner", _LED_GROUP),
        Rule("partner", "DELETE", _LED_GROUP),
        reads("staff", ANY_ROW),
    ),
}
