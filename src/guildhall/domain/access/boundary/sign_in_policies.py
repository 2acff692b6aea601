"""What each role may touch of sessions, passkeys, letters and recovery codes: the own (see `policies.py`)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import (
    ANY_ROW,
    IS_LEAD,
    OWN,
    Rule,
    adds,
    changes,
    reads,
)

_SESSION = (
    "id",
    "user_id",
    "method",
    "factor_at",
    "ip",
    "user_agent",
    "last_seen_at",
    "expires_at",
    "ended_at",
    "created_at",
)
_NEW_SESSION = (
    "id",
    "user_id",
    "token_hash",
    "method",
    "factor_at",
    "ip",
    "user_agent",
    "last_seen_at",
    "expires_at",
)
_RECOVERY_CODE = ("id", "user_id", "used_at", "created_at")


def _passkeys(role: str) -> tuple[Rule, ...]:
    """Return the rules of one kind's passkeys: everybody keeps the own, nobody sees another's."""
    return (
        reads(role, OWN),
        adds(role, OWN),
        changes(role, OWN, "name", "sign_count", "last_used_at"),
        Rule(role, "DELETE", OWN),
    )


def _own_codes(role: str) -> tuple[Rule, ...]:
    """Return the rules of recovery codes: a person's own, counted and replaced, never read."""
    return (
        reads(role, OWN, *_RECOVERY_CODE),
        adds(role, OWN, "id", "user_id", "code_hash"),
        Rule(role, "DELETE", OWN),
    )


SIGN_IN: Mapping[str, tuple[Rule, ...]] = {
    "portal.partner_session": (
        reads("partner", OWN, *_SESSION, "kind"),
        adds("partner", OWN, *_NEW_SESSION, "kind"),
        changes("partner", OWN, "ended_at", "factor_at"),
        reads("staff", ANY_ROW, *_SESSION, "kind"),
        changes("staff", ANY_ROW, "ended_at"),
    ),
    "portal.partner_refresh_token": (
        reads(
            "partner",
            f"session_id = ANY (ARRAY(SELECT id FROM portal.partner_session WHERE {OWN}))",
            "id",
            "session_id",
            "expires_at",
            "used_at",
        ),
        adds("partner", f"session_id = ANY (ARRAY(SELECT id FROM portal.partner_session WHERE {OWN}))"),
    ),
    "portal.staff_session": (
        reads("staff", ANY_ROW, *_SESSION),
        adds("staff", OWN, *_NEW_SESSION),
        changes("staff", IS_LEAD, "ended_at"),
        changes("staff", OWN, "ended_at", "factor_at"),
    ),
    "tenancy.customer_session": (
        reads("customer", OWN, *_SESSION, "tenant_id"),
        adds("customer", OWN, *_NEW_SESSION, "tenant_id"),
        changes("customer", OWN, "ended_at", "factor_at", "tenant_id"),
        reads("staff", ANY_ROW, *_SESSION, "tenant_id"),
        changes("staff", ANY_ROW, "ended_at"),
    ),
    "portal.sign_in_backoff": (),
    "portal.used_challenge": (),
    "portal.partner_passkey": _passkeys("partner"),
    "portal.staff_passkey": _passkeys("staff"),
    "tenancy.customer_passkey": _passkeys("customer"),
    "portal.partner_email_link": (),
    "portal.staff_email_link": (),
    "tenancy.customer_email_link": (),
    "portal.partner_recovery_code": _own_codes("partner"),
    "portal.staff_recovery_code": _own_codes("staff"),
    "tenancy.customer_recovery_code": _own_codes("customer"),
}
