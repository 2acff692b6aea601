"""Which rows each surface's role may touch: one entry per table, for grants and policies alike (BOUNDARY §4).

A rule grants one command on a table to one role and says for which rows. A table that no rule names is closed
to every surface. Policies work by area, so a forgotten gate 4 or 5 still shows nothing.
"""

from collections.abc import Mapping

from guildhall.domain.access.boundary.application_policies import APPLICATIONS
from guildhall.domain.access.boundary.client_policies import CLIENTS, LED_AUDIENCE
from guildhall.domain.access.boundary.rules import (
    ACCOUNT_INVOICES,
    ACCOUNT_TICKETS,
    ACCOUNTS,
    ANY_ROW,
    DECIDING_STAFF,
    LED_PARTNER,
    OWN_TENANT,
    PARTNER_ID,
    PEOPLE_STAFF,
    USER_ID,
    WITHIN_JOB,
    Rule,
    data_of,
    reach,
)
from guildhall.domain.access.boundary.rules import APPROVED_TENANT as _APPROVED_TENANT
from guildhall.domain.access.boundary.rules import adds as _adds
from guildhall.domain.access.boundary.rules import changes as _changes
from guildhall.domain.access.boundary.rules import everything as _everything
from guildhall.domain.access.boundary.rules import reads as _reads
from guildhall.domain.access.boundary.rules import tenant_data as _tenant_data
from guildhall.domain.mail.tables import SHOWN as LETTER_SHOWN

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
_OWN_PERSON = ("language", "timezone", "last_active_at", "updated_at")
_PARTNER_PERSON = (*_PERSON, "partner_id", "roles", "tenant_scope")
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
OWN_SESSION = f"user_id = {USER_ID}"
# What everybody but the definer sees of a one-time link: never its hash.
_ONE_TIME = ("id", "user_id", "purpose", "created_by", "expires_at", "used_at", "created_at")
_RECOVERY_CODE = ("id", "user_id", "used_at", "created_at")


def _passkeys(role: str) -> tuple[Rule, ...]:
    """Return the rules of one kind's passkeys: everybody keeps the own, nobody sees another's."""
    return (
        _reads(role, OWN_SESSION),
        _adds(role, OWN_SESSION),
        _changes(role, OWN_SESSION, "name", "sign_count", "last_used_at"),
        Rule(role, "DELETE", OWN_SESSION),
    )


_COLLEAGUES = f"user_id = ANY (ARRAY(SELECT id FROM portal.partner_user WHERE partner_id = {PARTNER_ID}))"
_LED = f"user_id = ANY (ARRAY(SELECT id FROM portal.partner_user WHERE {LED_PARTNER}))"
_OWN_RESET = f"{OWN_SESSION} AND purpose = 'reset'"  # anybody may ask for one; the letter goes to the person
_LED_OR_OWN = f"({_LED} AND purpose <> 'reset') OR ({_OWN_RESET})"
_APPROVED_MEMBER = (
    "user_id = ANY (ARRAY(SELECT m.user_id FROM tenancy.customer_membership AS m"
    " WHERE m.tenant_id = ANY (ARRAY(SELECT tenancy.approved_tenant())) AND m.status = 'active'))"
)
_APPROVED_OR_OWN = f"({_APPROVED_TENANT} AND {_APPROVED_MEMBER} AND purpose IN ('join', 'recover')) OR ({_OWN_RESET})"


_HOME_TENANT = f"tenant_id = ANY (ARRAY(SELECT home_tenant_id FROM portal.partner WHERE id = {PARTNER_ID}))"
_OWN_SCOPE = f"(SELECT tenant_scope FROM portal.partner_user WHERE id = {USER_ID})"
_LIMITED_TO = (
    f"ANY (ARRAY(SELECT tenant_id FROM portal.partner_user_tenant WHERE user_id = {USER_ID}"
    " UNION ALL SELECT g.tenant_id FROM portal.tenant_group_tenant AS g"
    f" JOIN portal.partner_user_group AS n ON n.group_id = g.group_id WHERE n.user_id = {USER_ID}))"
)
_WITHIN_LIMITS = (
    f"(tenant_id IS NULL OR {_OWN_SCOPE} = 'all' OR ({_OWN_SCOPE} = 'include') = (tenant_id = {_LIMITED_TO}))"
)
_OWN_GROUP = f"group_id = ANY (ARRAY(SELECT id FROM portal.tenant_group WHERE partner_id = {PARTNER_ID}))"
_LED_GROUP = f"group_id = ANY (ARRAY(SELECT id FROM portal.tenant_group WHERE {LED_PARTNER}))"
_LEAD = "(SELECT portal.is_lead())"
_LEAD_OR_OWN = f"({_LEAD} AND purpose <> 'reset') OR ({_OWN_RESET})"
_STAFF_OF_PARTNERS = (
    f"(purpose IN ('join', 'first') AND {DECIDING_STAFF})"
    f" OR (purpose = 'recover' AND {PEOPLE_STAFF} AND portal.may_recover(user_id))"
)
_STAFF_OF_CUSTOMERS = f"purpose <> 'reset' AND {PEOPLE_STAFF}"


def _ends(role: str, rows: str) -> Rule:
    """Return the leave of `role` for ending one-time links: none lives longer than it was issued for."""
    return _changes(role, rows, "expires_at", check=f"({rows}) AND expires_at <= now()")


_TICKET_AUTHOR = f"created_by_id = {USER_ID}"
_PARTNER_AUTHOR = f"created_by_partner_id = {PARTNER_ID} AND {_TICKET_AUTHOR}"
_TICKET_FIELDS = (
    "status",
    "priority",
    "assigned_to_id",
    "assigned_to_name",
    "sla_breach_at",
    "sla_breached_at",
    "resolved_at",
    "last_response_at",
    "response_count",
    "version",
    "updated_at",
)


def _own_codes(role: str) -> tuple[Rule, ...]:
    """Return the rules of recovery codes: a person's own, counted and replaced, never read."""
    return (
        _reads(role, OWN_SESSION, *_RECOVERY_CODE),
        _adds(role, OWN_SESSION, "id", "user_id", "code_hash"),
        Rule(role, "DELETE", OWN_SESSION),
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
# others are seen and written within the limits of whoever is at work; a look into a hash for each row.
_OWN_LINK = (
    f"partner_id = {PARTNER_ID} AND (tenant_name IS NULL OR (SELECT portal.sees_every_customer())"
    " OR tenant_id IN (SELECT within FROM portal.tenants_within_limits() AS within))"
)
_LINK_OF_PARTNER = f"link_id = ANY (ARRAY(SELECT id FROM portal.partner_tenant_link WHERE partner_id = {PARTNER_ID}))"
_LINK_OF_TENANT = f"link_id = ANY (ARRAY(SELECT id FROM portal.partner_tenant_link WHERE {OWN_TENANT}))"

RULES: Mapping[str, tuple[Rule, ...]] = {
    **CLIENTS,
    # -- portal: people and partners
    "portal.partner": (
        _reads("partner", f"id = {PARTNER_ID}"),
        _reads("staff", ANY_ROW),
        _adds("staff", DECIDING_STAFF),
        _changes("staff", ANY_ROW),
        _reads("worker", ANY_ROW),
    ),
    **APPLICATIONS,
    "portal.partner_user": (
        _reads("partner", f"partner_id = {PARTNER_ID}", *_PARTNER_PERSON),
        _changes("partner", f"id = {USER_ID} AND partner_id = {PARTNER_ID}", *_OWN_PERSON, "totp_last_step"),
        _adds("partner", LED_PARTNER, "id", "email", "name", "language", "timezone", *_ACCESS, "partner_id"),
        _changes("partner", f"{LED_PARTNER} AND id <> {USER_ID}", *_ACCESS, "status", "updated_at"),
        _reads("staff", ANY_ROW, *_PARTNER_PERSON),
        _adds("staff", DECIDING_STAFF, "id", "email", "name", "language", "partner_id", "roles"),
        _changes("staff", ANY_ROW, "status", "updated_at"),
        _reads("worker", ANY_ROW, "id", "partner_id", "email", "name", "language", "status", "roles", "last_active_at"),
    ),
    "portal.partner_user_tenant": (
        _reads("partner", _COLLEAGUES),
        _adds("partner", _LED),
        Rule("partner", "DELETE", _LED),
        _reads("staff", ANY_ROW),
    ),
    "portal.partner_user_group": (
        _reads("partner", _COLLEAGUES),
        _adds("partner", f"{_LED} AND {_LED_GROUP}"),
        Rule("partner", "DELETE", _LED),
        _reads("staff", ANY_ROW),
    ),
    "portal.tenant_group": (
        _reads("partner", f"partner_id = {PARTNER_ID}"),
        _adds("partner", LED_PARTNER),
        _changes("partner", LED_PARTNER, "name", "updated_at"),
        Rule("partner", "DELETE", LED_PARTNER),
        _reads("staff", ANY_ROW),
    ),
    "portal.tenant_group_tenant": (
        _reads("partner", _OWN_GROUP),
        _adds("partner", _LED_GROUP),
        Rule("partner", "DELETE", _LED_GROUP),
        _reads("staff", ANY_ROW),
    ),
    "portal.partner_session": (
        _reads("partner", OWN_SESSION, *_SESSION, "kind"),
        _adds("partner", OWN_SESSION, *_NEW_SESSION, "kind"),
        _changes("partner", OWN_SESSION, "ended_at", "factor_at"),
        _reads("staff", ANY_ROW, *_SESSION, "kind"),
        _changes("staff", ANY_ROW, "ended_at"),
    ),
    "portal.partner_refresh_token": (
        _reads(
            "partner",
            f"session_id = ANY (ARRAY(SELECT id FROM portal.partner_session WHERE {OWN_SESSION}))",
            "id",
            "session_id",
            "expires_at",
            "used_at",
        ),
        _adds("partner", f"session_id = ANY (ARRAY(SELECT id FROM portal.partner_session WHERE {OWN_SESSION}))"),
    ),
    "portal.staff_user": (
        _reads("staff", ANY_ROW, *_PERSON, "roles"),
        _changes("staff", f"id = {USER_ID}", *_OWN_PERSON, "totp_last_step"),
        _adds("staff", _LEAD, "id", "email", "name", "language", "timezone", "roles"),
        _changes("staff", f"{_LEAD} AND id <> {USER_ID}", "roles", "status", "updated_at"),
    ),
    "portal.staff_session": (
        _reads("staff", ANY_ROW, *_SESSION),
        _adds("staff", OWN_SESSION, *_NEW_SESSION),
        _changes("staff", _LEAD, "ended_at"),
        _changes("staff", OWN_SESSION, "ended_at", "factor_at"),
    ),
    "portal.sign_in_backoff": (),
    "portal.used_challenge": (),
    "portal.partner_passkey": _passkeys("partner"),
    "portal.staff_passkey": _passkeys("staff"),
    "portal.partner_email_link": (),
    "portal.staff_email_link": (),
    "portal.partner_one_time": (
        _reads("partner", f"{OWN_SESSION} OR {_COLLEAGUES}", *_ONE_TIME),
        _adds("partner", _LED_OR_OWN),
        _ends("partner", _LED_OR_OWN),
        _reads("staff", ANY_ROW, *_ONE_TIME),
        _adds("staff", _STAFF_OF_PARTNERS),
        _ends("staff", PEOPLE_STAFF),
    ),
    "portal.staff_one_time": (
        _reads("staff", ANY_ROW, *_ONE_TIME),
        _adds("staff", _LEAD_OR_OWN),
        _ends("staff", _LEAD_OR_OWN),
    ),
    "portal.partner_recovery_code": _own_codes("partner"),
    "portal.staff_recovery_code": _own_codes("staff"),
    "portal.partner_recovery": (
        _reads("staff", ANY_ROW),
        _adds("staff", f"asked_by_id = {USER_ID} AND confirmed_by_id IS NULL"),
        _changes(
            "staff",
            "confirmed_at IS NULL AND withdrawn_at IS NULL",
            "confirmed_by_id",
            "confirmed_by_name",
            "confirmed_at",
            "withdrawn_at",
            check=f"confirmed_by_id IS NULL OR confirmed_by_id = {USER_ID}",
        ),
    ),
    # -- portal: links
    "portal.partner_tenant_link": (
        _reads("partner", _OWN_LINK),
        _changes("partner", _OWN_LINK, *_LINK_FIELDS, "notes"),
        _reads("customer", OWN_TENANT),
        _changes("customer", OWN_TENANT, *_LINK_FIELDS),
        _reads("staff", ANY_ROW),
        _adds("staff", ANY_ROW),
        _changes("staff", ANY_ROW, *_LINK_FIELDS, "attention"),
        _reads("worker", ANY_ROW),
        _changes("worker", ANY_ROW, "status", "paused_by", "version", "updated_at", "updated_by"),
    ),
    "portal.link_change": (
        _reads("partner", _LINK_OF_PARTNER),
        _adds("partner", f"{_LINK_OF_PARTNER} AND kind = 'change' AND status = 'open'"),
        _changes("partner", _LINK_OF_PARTNER, "status", "decided_by", "decided_at"),
        _reads("customer", _LINK_OF_TENANT),
        _adds("customer", f"{_LINK_OF_TENANT} AND kind = 'counter' AND status = 'open'"),
        _changes("customer", _LINK_OF_TENANT, "status", "decided_by", "decided_at"),
        _reads("staff", ANY_ROW),
        _reads("worker", ANY_ROW),
        _changes("worker", ANY_ROW, "status", "decided_by", "decided_at"),
    ),
    "portal.partner_account": (
        _reads("partner", f"partner_id = {PARTNER_ID}"),
        *_everything("staff"),
    ),
    "portal.subscription": (
        _reads("partner", f"partner_id = {PARTNER_ID} AND {data_of('any')}"),
        _reads("customer", OWN_TENANT),
        *_everything("staff"),
        _reads("worker", ANY_ROW),
    ),
    # -- portal: trail, notices, keys
    "portal.audit_head": (),
    "portal.audit_entry": (
        _reads("partner", f"kind = 'partner' AND chain_id = {PARTNER_ID}"),
        _reads("customer", "kind = 'tenant' AND chain_id = ANY (ARRAY(SELECT portal.own_tenant()))"),
        _reads("staff", ANY_ROW),
        _reads("worker", ANY_ROW),
    ),
    "portal.audit_signature": (
        _reads("partner", f"kind = 'partner' AND chain_id = {PARTNER_ID}"),
        _reads("customer", "kind = 'tenant' AND chain_id = ANY (ARRAY(SELECT portal.own_tenant()))"),
        _reads("staff", ANY_ROW),
        _reads("worker", ANY_ROW),
        _adds("worker", ANY_ROW),
    ),
    "portal.audit_view": (
        _reads("partner", OWN_SESSION),
        _adds("partner", f"{OWN_SESSION} AND ({reach('any')} OR {_HOME_TENANT})"),
        _reads("worker", ANY_ROW, "hour"),
        Rule("worker", "DELETE", "hour < now() - interval '1 day'"),
    ),
    "portal.notice": (
        _reads(
            "partner",
            f"audience = 'partner' AND audience_id = {PARTNER_ID} AND {_WITHIN_LIMITS}"
            f" AND (area = '' OR (area = 'support' AND {reach('support')}) OR (area = 'clients' AND {LED_AUDIENCE}))",
        ),
        _reads("customer", "audience = 'tenant' AND audience_id = ANY (ARRAY(SELECT portal.own_tenant()))"),
        _reads("staff", "audience = 'staff'"),
        _reads("worker", ANY_ROW),
        _adds("worker", ANY_ROW),
        Rule("worker", "DELETE", "created_at < now() - interval '180 days'"),
    ),
    "portal.notice_read": (
        *(
            rule
            for role in ("partner", "customer", "staff")
            for rule in (_reads(role, OWN_SESSION), _adds(role, OWN_SESSION))
        ),
        _reads("worker", ANY_ROW, "notice_id"),
        Rule("worker", "DELETE", ANY_ROW),
    ),
    "portal.notice_read_until": tuple(
        rule
        for role in ("partner", "customer", "staff")
        for rule in (_reads(role, OWN_SESSION), _adds(role, OWN_SESSION), _changes(role, OWN_SESSION, "moment"))
    ),
    # Whoever causes a letter writes it; nobody but its deliverer reads it, and staff by portal.open_letter.
    "portal.mail": (
        *(_adds(role, ANY_ROW, "id", "kind", "recipient", "sealed") for role in ("partner", "customer", "staff")),
        _reads("staff", ANY_ROW, *LETTER_SHOWN),
        _changes("staff", ANY_ROW, "status", "error", "queued_at", check="status = 'queued'"),
        *_everything("worker"),
    ),
    "portal.idempotency_key": (
        _reads("partner", f"client_id = {USER_ID} AND partner_id = {PARTNER_ID}"),
        _adds("partner", f"client_id = {USER_ID} AND partner_id = {PARTNER_ID}"),
        _changes("partner", f"client_id = {USER_ID} AND partner_id = {PARTNER_ID}", "status", "headers", "body"),
        Rule("partner", "DELETE", f"client_id = {USER_ID} AND partner_id = {PARTNER_ID}"),
        _reads("worker", ANY_ROW, "expires_at"),
        Rule("worker", "DELETE", "expires_at < now()"),
    ),
    # -- tenancy: people of customers
    "tenancy.customer_user": (
        _reads(
            "customer",
            f"id = ANY (ARRAY(SELECT user_id FROM tenancy.customer_membership WHERE {OWN_TENANT})) OR id = {USER_ID}",
            *_PERSON,
        ),
        _changes("customer", f"id = {USER_ID}", *_OWN_PERSON, "totp_last_step"),
        _reads("staff", ANY_ROW, *_PERSON),
        _adds("staff", ANY_ROW, "id", "email", "name", "language", "timezone"),
        _changes("staff", ANY_ROW, "status", "updated_at"),
        _reads("platform", ANY_ROW, *_PERSON),
        _adds("platform", ANY_ROW, "id", "email", "name", "language", "timezone"),
    ),
    "tenancy.customer_membership": (
        _reads("customer", f"{OWN_TENANT} OR user_id = {USER_ID}"),
        _adds(
            "customer", f"{_APPROVED_TENANT} AND user_id <> {USER_ID}", "user_id", "tenant_id", "role", "invited_name"
        ),
        _changes(
            "customer",
            _APPROVED_TENANT,
            "role",
            "status",
            "invited_name",
            check=f"{_APPROVED_TENANT} AND user_id <> {USER_ID}",
        ),
        *_everything("staff"),
        *_everything("platform"),
    ),
    "tenancy.customer_session": (
        _reads("customer", OWN_SESSION, *_SESSION, "tenant_id"),
        _adds("customer", OWN_SESSION, *_NEW_SESSION, "tenant_id"),
        _changes("customer", OWN_SESSION, "ended_at", "factor_at", "tenant_id"),
        _reads("staff", ANY_ROW, *_SESSION, "tenant_id"),
        _changes("staff", ANY_ROW, "ended_at"),
    ),
    "tenancy.customer_one_time": (
        _reads("customer", f"{OWN_SESSION} OR {OWN_TENANT}", *_ONE_TIME, "tenant_id"),
        _adds("customer", _APPROVED_OR_OWN),
        _ends("customer", f"({_APPROVED_TENANT} AND purpose <> 'reset') OR ({_OWN_RESET})"),
        _reads("staff", ANY_ROW, *_ONE_TIME, "tenant_id"),
        _adds("staff", _STAFF_OF_CUSTOMERS),
        _ends("staff", _STAFF_OF_CUSTOMERS),
        _adds("platform", ANY_ROW),
    ),
    "tenancy.customer_passkey": _passkeys("customer"),
    "tenancy.customer_email_link": (),
    "tenancy.customer_recovery_code": _own_codes("customer"),
    "tenancy.link_code": (
        _reads(
            "customer",
            OWN_TENANT,
            "id",
            "tenant_id",
            "created_by",
            "expires_at",
            "withdrawn_at",
            "created_at",
        ),
        _adds("customer", OWN_TENANT),
        _changes("customer", OWN_TENANT, "withdrawn_at"),
    ),
    # -- tenancy: data
    "tenancy.tenant": (
        _reads("partner", reach("any", "id")),
        _reads("customer", OWN_TENANT.replace("tenant_id", "id", 1)),
        *_everything("staff"),
        *_everything("platform"),
        _reads("worker", WITHIN_JOB.replace("OR tenant_id", "OR id")),
    ),
    "tenancy.subscriber": _tenant_data(
        f"{data_of('provisioning')} OR id = ANY (ARRAY(SELECT portal.account_subscribers()))"
    ),
    "tenancy.invoice": _tenant_data(f"{data_of('billing')} OR {ACCOUNTS}"),
    "tenancy.invoice_line": _tenant_data(f"{data_of('billing')} OR {ACCOUNT_INVOICES}"),
    "tenancy.payment": _tenant_data(f"{data_of('billing')} OR {ACCOUNT_INVOICES}"),
    "tenancy.ticket": _tenant_data(
        f"{data_of('support')} OR {ACCOUNTS}",
        _adds("partner", f"{reach('support_write')} AND {_PARTNER_AUTHOR}"),
        _changes("partner", reach("support_write"), *_TICKET_FIELDS),
        _adds("customer", f"{OWN_TENANT} AND created_by_partner_id IS NULL AND {_TICKET_AUTHOR}"),
        _changes("customer", OWN_TENANT, *_TICKET_FIELDS),
        _changes("worker", WITHIN_JOB, "sla_breached_at", "version", "updated_at"),
    ),
    "tenancy.ticket_comment": _tenant_data(
        f"{data_of('support')} OR {ACCOUNT_TICKETS}",
        _adds(
            "partner",
            f"{reach('support_write')} AND author_partner_id = {PARTNER_ID} AND author_id = {USER_ID}",
        ),
        _adds(
            "customer",
            f"{OWN_TENANT} AND NOT is_internal AND author_partner_id IS NULL AND author_id = {USER_ID}",
        ),
        customer=f"{OWN_TENANT} AND NOT is_internal",
    ),
    "tenancy.usage_daily": _tenant_data(data_of("reports")),
    "tenancy.outage": _tenant_data(data_of("reports")),
    "tenancy.uptime_daily": _tenant_data(data_of("reports")),
    "tenancy.posture_snapshot": _tenant_data(data_of("posture")),
    "tenancy.billing_rollup": _tenant_data(data_of("billing")),
    "tenancy.support_rollup": _tenant_data(data_of("support")),
    "tenancy.subscriber_rollup": _tenant_data(data_of("provisioning")),
    "tenancy.posture_rollup": _tenant_data(data_of("posture")),
}

UNPROTECTED = frozenset({"portal.boundary", "portal.alembic_version", "tenancy.alembic_version"})
