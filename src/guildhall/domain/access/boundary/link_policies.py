"""Which links, and offers and codes for them, each role may touch (see `policies.py`)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import (
    ANY_ROW,
    OWN_TENANT,
    PARTNER_ID,
    WITHIN_LIMITS,
    Rule,
    adds,
    changes,
    reads,
)

_LINK_FIELDS = (
    "access_role",
    "custom_permissions",
    "permissions",
    "areas",
    "operating_model",
    "starts_at",
    "ends_at",
    "status",
    "paused_by",
    "tenant_name",
    "reason",
    "version",
    "updated_by",
    "updated_at",
    "decided_at",
)
# A link without the customer's name is a wish: it looks the same whether such a customer exists, to everybody. All
# others are seen and written within the limits of whoever is at work.
_OWN_LINK = f"partner_id = {PARTNER_ID} AND (tenant_name IS NULL OR {WITHIN_LIMITS})"
_LINK_OF_PARTNER = f"link_id = ANY (ARRAY(SELECT id FROM portal.partner_tenant_link WHERE partner_id = {PARTNER_ID}))"
_LINK_OF_TENANT = f"link_id = ANY (ARRAY(SELECT id FROM portal.partner_tenant_link WHERE {OWN_TENANT}))"

LINKS: Mapping[str, tuple[Rule, ...]] = {
    "portal.partner_tenant_link": (
        reads("partner", _OWN_LINK),
        changes("partner", _OWN_LINK, *_LINK_FIELDS, "notes", "sla_config", "alert_config"),
        reads("customer", OWN_TENANT),
        changes("customer", OWN_TENANT, *_LINK_FIELDS),
        reads("staff", ANY_ROW),
        adds("staff", ANY_ROW),
        changes("staff", ANY_ROW, *_LINK_FIELDS, "attention"),
        reads("worker", ANY_ROW),
        changes("worker", ANY_ROW, "status", "paused_by", "version", "updated_at", "updated_by"),
    ),
    "portal.link_change": (
        reads("partner", _LINK_OF_PARTNER),
        adds("partner", f"{_LINK_OF_PARTNER} AND kind = 'change' AND status = 'open'"),
        changes("partner", _LINK_OF_PARTNER, "status", "decided_by", "decided_at"),
        reads("customer", _LINK_OF_TENANT),
        adds("customer", f"{_LINK_OF_TENANT} AND kind = 'counter' AND status = 'open'"),
        changes("customer", _LINK_OF_TENANT, "status", "decided_by", "decided_at"),
        reads("staff", ANY_ROW),
        reads("worker", ANY_ROW),
        changes("worker", ANY_ROW, "status", "decided_by", "decided_at"),
    ),
    "tenancy.link_code": (
        reads(
            "customer",
            OWN_TENANT,
            "id",
            "tenant_id",
            "created_by",
            "expires_at",
            "withdrawn_at",
            "created_at",
        ),
        adds("customer", OWN_TENANT),
        changes("customer", OWN_TENANT, "withdrawn_at"),
    ),
}
