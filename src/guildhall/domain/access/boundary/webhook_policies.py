"""Which rows of webhooks each surface's role may touch (see `policies.py`)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import ANY_ROW, PARTNER_ID, Rule, adds, changes, reads, staff_with
from guildhall.domain.rbac.registry import STAFF

_OWN = "partner_id = ANY (ARRAY(SELECT portal.webhook_partner()))"
_OWN_ENDPOINT = f"{_OWN} AND endpoint_id = ANY (ARRAY(SELECT id FROM portal.webhook_endpoint WHERE {_OWN}))"
_JOB = f"({PARTNER_ID} IS NULL OR partner_id = {PARTNER_ID})"  # a delivery is its partner's; the clock is nobody's
_OLD = "created_at < now() - interval '30 days'"
_SECRET = ("id", "endpoint_id", "partner_id", "hint", "created_by", "ends_at", "created_at")
_SWITCH = ("status", "disabled_for", "disabled_because", "disabled_at", "failing_since", "version", "updated_at")
# The platform's are the vendor's affair. Of a partner's, staff see how they fare, never what they were told.
_PLATFORM = "partner_id IS NULL"
_SEEING = staff_with(*sorted(STAFF["staff.webhooks.read"].roles))
_HEAD = ("id", "partner_id", "kind", "tenant_id", "created_at")
_MANAGING = staff_with(*sorted(STAFF["staff.webhooks.manage"].roles))
_MANAGED = f"{_PLATFORM} AND {_MANAGING}"
_MANAGED_ENDPOINT = (
    f"{_MANAGED} AND endpoint_id = ANY (ARRAY(SELECT id FROM portal.webhook_endpoint WHERE {_PLATFORM}))"
)
_AGAIN = ("status", "attempts", "next_at", "first_at")

WEBHOOKS: Mapping[str, tuple[Rule, ...]] = {
    "portal.webhook_endpoint": (
        reads("partner", _OWN),
        adds("partner", _OWN, "id", "partner_id", "url", "description", "events", "created_by"),
        changes("partner", _OWN, "url", "description", "events", *_SWITCH),
        reads("staff", ANY_ROW),
        adds("staff", _MANAGED, "id", "partner_id", "url", "description", "events", "created_by"),
        # Of a partner's only the switch: portal.endpoint_guard (webhooks/emitting.sql) keeps the rest.
        changes("staff", _MANAGING, "url", "description", "events", *_SWITCH),
        reads("worker", _JOB),
        changes("worker", _JOB, *_SWITCH),
    ),
    # The sealed value goes in and comes out to nobody but portal.webhook_secrets.
    "portal.webhook_secret": (
        reads("partner", _OWN, *_SECRET),
        adds("partner", _OWN_ENDPOINT, "id", "endpoint_id", "partner_id", "sealed", "hint", "created_by"),
        changes("partner", _OWN, "ends_at"),
        reads("staff", _PLATFORM, *_SECRET),
        adds("staff", _MANAGED_ENDPOINT, "id", "endpoint_id", "partner_id", "sealed", "hint", "created_by"),
        changes("staff", _MANAGED, "ends_at"),
    ),
    "portal.webhook_event": (
        reads("partner", _OWN),
        reads("staff", f"{_PLATFORM} AND {_SEEING}", *_HEAD),  # leads read the rest by portal.webhook_platform_data
        reads("worker", _JOB),
        Rule("worker", "DELETE", _OLD),
    ),
    # What somebody queues again starts anew; the rest of the log is the worker's.
    "portal.webhook_delivery": (
        reads("partner", _OWN),
        changes("partner", _OWN, *_AGAIN, check=f"{_OWN} AND status = 'waiting'"),
        reads("staff", ANY_ROW),
        changes("staff", _MANAGED, *_AGAIN, check=f"{_MANAGED} AND status = 'waiting'"),
        reads("worker", _JOB),
        changes("worker", _JOB),
        Rule("worker", "DELETE", _OLD),
    ),
    "portal.webhook_attempt": (
        reads("partner", _OWN),
        reads("staff", _MANAGED),
        reads("worker", _JOB),
        adds("worker", _JOB),
        Rule("worker", "DELETE", "at < now() - interval '30 days'"),
    ),
}
