"""Which rows of applications, tiers and the allow-list each role may touch (BOUNDARY §4)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import (
    ANY_ROW,
    DECIDING_STAFF,
    LEADING_STAFF,
    PARTNER_ID,
    USER_ID,
    Rule,
    adds,
    changes,
    reads,
)

_APPLICATION = (
    "id",
    "status",
    "legal_name",
    "website",
    "country",
    "type",
    "contact_name",
    "email",
    "email_domain",
    "website_domain",
    "expected_customers",
    "note",
    "language",
    "consented_at",
    "mx",
    "listed",
    "asked",
    "answer",
    "email_before",
    "decline_reason",
    "decline_note",
    "assigned_to",
    "partner_id",
    "principal_id",
    "state_since",
    "decided_at",
    "decided_by",
    "erased_at",
    "created_at",
    "updated_at",
)
_DECISION = (
    "status",
    "asked",
    "answer",
    "decline_reason",
    "decline_note",
    "assigned_to",
    "partner_id",
    "principal_id",
    "state_since",
    "decided_at",
    "decided_by",
    "updated_at",
)
_ERASED = (
    "legal_name",
    "website",
    "website_domain",
    "contact_name",
    "email",
    "email_domain",
    "note",
    "mx",
    "asked",
    "answer",
    "email_before",
    "decline_note",
    "erased_at",
    "updated_at",
)

APPLICATIONS: Mapping[str, tuple[Rule, ...]] = {
    "portal.partner_tier": (
        reads("partner", f"{PARTNER_ID} IS NOT NULL"),
        reads("staff", ANY_ROW),
        adds("staff", LEADING_STAFF),
        changes("staff", LEADING_STAFF, "name", "rank", "description", "closed_at"),
    ),
    # Whoever applies has no account and goes through functions; only who decides may write here.
    "portal.application": (
        reads("staff", ANY_ROW, *_APPLICATION),
        changes("staff", DECIDING_STAFF, *_DECISION),
        reads("worker", ANY_ROW, *_APPLICATION),
        changes("worker", "erased_at IS NULL", *_ERASED, check=ANY_ROW),
    ),
    "portal.application_note": (
        reads("staff", ANY_ROW),
        adds("staff", f"author_id = {USER_ID} AND {DECIDING_STAFF}"),
        reads("worker", ANY_ROW, "application_id"),
        Rule("worker", "DELETE", ANY_ROW),
    ),
    "portal.application_attempt": (
        reads("worker", ANY_ROW, "at"),
        Rule("worker", "DELETE", "at < now() - interval '1 day'"),
    ),
    "portal.email_domain_allowed": (
        reads("staff", ANY_ROW),
        adds("staff", DECIDING_STAFF),
        Rule("staff", "DELETE", DECIDING_STAFF),
    ),
}
