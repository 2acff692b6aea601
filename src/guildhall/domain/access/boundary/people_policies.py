"""Which people each surface's role may see and change, of partners, staff and customers (see `policies.py`)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import (
    ANY_ROW,
    APPROVED_TENANT,
    DECIDING_STAFF,
    IS_LEAD,
    LED_PARTNER,
    OWN_TENANT,
    PARTNER_ID,
    USER_ID,
    Rule,
    adds,
    changes,
    everything,
    reads,
)

_PERSON = (
    "id",
    "email",
    "name",
    "status",
    "language",
    "timezone",
    "totp_last_step",
    "last_active_at",
    "created_at",
    "updated_at",
)
_ACCESS = ("roles", "tenant_scope")
# What a letter needs to know of its reader.
_TOLD = ("id", "email", "name", "language", "timezone", "status", "last_active_at")
_OWN_PERSON = ("language", "timezone", "last_active_at", "updated_at")
_PARTNER_PERSON = (*_PERSON, "partner_id", "roles", "tenant_scope")
# Who was invited and has not come is told by tenancy.waiting_people: the row would say that it is known from elsewhere.
_CAME = (
    f"id = ANY (ARRAY(SELECT user_id FROM tenancy.customer_membership WHERE {OWN_TENANT} AND accepted_at IS NOT NULL))"
)

PEOPLE: Mapping[str, tuple[Rule, ...]] = {
    "portal.partner_user": (
        reads("partner", f"partner_id = {PARTNER_ID}", *_PARTNER_PERSON),
        changes("partner", f"id = {USER_ID} AND partner_id = {PARTNER_ID}", *_OWN_PERSON, "totp_last_step"),
        adds("partner", LED_PARTNER, "id", "email", "name", "language", "timezone", *_ACCESS, "partner_id"),
        changes("partner", f"{LED_PARTNER} AND id <> {USER_ID}", *_ACCESS, "name", "status", "updated_at"),
        reads("staff", ANY_ROW, *_PARTNER_PERSON),
        adds("staff", DECIDING_STAFF, "id", "email", "name", "language", "partner_id", "roles"),
        changes("staff", ANY_ROW, "status", "updated_at"),
        reads("worker", ANY_ROW, "partner_id", "roles", *_TOLD),
    ),
    "portal.staff_user": (
        reads("staff", ANY_ROW, *_PERSON, "roles"),
        changes("staff", f"id = {USER_ID}", *_OWN_PERSON, "totp_last_step"),
        adds("staff", IS_LEAD, "id", "email", "name", "language", "timezone", "roles"),
        changes("staff", f"{IS_LEAD} AND id <> {USER_ID}", "name", "roles", "status", "updated_at"),
        reads("worker", ANY_ROW, "roles", *_TOLD),
    ),
    "tenancy.customer_user": (
        reads(
            "customer",
            f"{_CAME} OR id = {USER_ID}",
            *_PERSON,
        ),
        changes("customer", f"id = {USER_ID}", *_OWN_PERSON, "totp_last_step"),
        reads("staff", ANY_ROW, *_PERSON),
        adds("staff", ANY_ROW, "id", "email", "name", "language", "timezone"),
        changes("staff", ANY_ROW, "status", "updated_at"),
        reads("platform", ANY_ROW, *_PERSON),
        adds("platform", ANY_ROW, "id", "email", "name", "language", "timezone"),
        reads("worker", ANY_ROW, *_TOLD),
    ),
    "tenancy.customer_membership": (
        reads("customer", f"{OWN_TENANT} OR user_id = {USER_ID}"),
        adds("customer", f"{APPROVED_TENANT} AND user_id <> {USER_ID}", "user_id", "tenant_id", "role", "invited_name"),
        changes(
            "customer",
            APPROVED_TENANT,
            "role",
            "status",
            "invited_name",
            check=f"{APPROVED_TENANT} AND user_id <> {USER_ID}",
        ),
        *everything("staff"),
        *everything("platform"),
        reads("worker", ANY_ROW, "user_id", "tenant_id", "role", "status", "accepted_at"),
    ),
}
