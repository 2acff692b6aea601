"""Which rows of API clients each surface's role may touch (see `policies.py`)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import (
    ANY_ROW,
    LED_PARTNER,
    PARTNER_ID,
    USER_ID,
    Rule,
    adds,
    changes,
    reads,
    staff_with,
)
from guildhall.domain.rbac.registry import STAFF

_CLIENT = (
    "name",
    "purpose",
    "responsible_id",
    "responsible_name",
    "scopes",
    "areas",
    "tenant_scope",
    "networks",
    "expires_at",
)
_REVOCATION = ("revoked_at", "revoked_by", "revoked_because", "updated_at")
_CLIENT_SECRET = ("id", "client_id", "hint", "created_by", "ends_at", "last_used_at", "created_at")
LED_AUDIENCE = LED_PARTNER.replace("partner_id", "audience_id")
_TAKEN_ON = f"{LED_PARTNER} AND expires_at < now() + interval '367 days'"
_CLIENT_OF_LED = f"client_id = ANY (ARRAY(SELECT id FROM portal.api_client WHERE {LED_PARTNER}))"
_STANDING_CLIENT = (
    f"client_id = ANY (ARRAY(SELECT id FROM portal.api_client WHERE {LED_PARTNER} AND revoked_at IS NULL))"
)
_PLATFORM_STAFF = staff_with(*sorted(STAFF["staff.platform.manage"].roles))
_PLATFORM_CLIENT = ("name", "purpose", "networks", "expires_at")
_LASTS_A_YEAR = f"{_PLATFORM_STAFF} AND expires_at < now() + interval '367 days'"
_STANDING_PLATFORM_CLIENT = (
    f"{_PLATFORM_STAFF} AND client_id = ANY (ARRAY(SELECT id FROM portal.platform_client WHERE revoked_at IS NULL))"
)

CLIENTS: Mapping[str, tuple[Rule, ...]] = {
    # A client is its partner's principals' affair; it sees itself. What was revoked stays as it is.
    "portal.api_client": (
        reads("partner", f"{LED_PARTNER} OR (id = {USER_ID} AND partner_id = {PARTNER_ID})"),
        adds("partner", f"{_TAKEN_ON} AND responsible_id = {USER_ID}", "id", "partner_id", "created_by", *_CLIENT),
        changes("partner", f"{LED_PARTNER} AND revoked_at IS NULL", *_CLIENT, *_REVOCATION, check=_TAKEN_ON),
        reads("staff", ANY_ROW),
        changes("staff", "revoked_at IS NULL", *_REVOCATION, check=ANY_ROW),
        reads("worker", ANY_ROW),
    ),
    "portal.api_client_tenant": (
        reads("partner", f"{_CLIENT_OF_LED} OR client_id = {USER_ID}"),
        adds("partner", _STANDING_CLIENT),
        Rule("partner", "DELETE", _STANDING_CLIENT),
        reads("staff", ANY_ROW),
    ),
    "portal.api_client_secret": (
        reads("partner", _CLIENT_OF_LED, *_CLIENT_SECRET),
        adds("partner", _STANDING_CLIENT, "id", "client_id", "secret_hash", "hint", "created_by"),
        changes("partner", _STANDING_CLIENT, "ends_at"),
        reads("staff", ANY_ROW, *_CLIENT_SECRET),
    ),
    # The platform's clients are the vendor's affair; the platform itself reads none of them.
    "portal.platform_client": (
        reads("staff", ANY_ROW),
        adds("staff", _LASTS_A_YEAR, "id", "created_by", *_PLATFORM_CLIENT),
        changes(
            "staff",
            f"{_PLATFORM_STAFF} AND revoked_at IS NULL",
            *_PLATFORM_CLIENT,
            *_REVOCATION,
            check=_LASTS_A_YEAR,
        ),
    ),
    "portal.platform_client_secret": (
        reads("staff", ANY_ROW, *_CLIENT_SECRET),
        adds("staff", _STANDING_PLATFORM_CLIENT, "id", "client_id", "secret_hash", "hint", "created_by"),
        changes("staff", _STANDING_PLATFORM_CLIENT, "ends_at"),
    ),
}
