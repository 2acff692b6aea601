"""Which rows each surface's role may touch: one entry per table, for grants and policies alike (BOUNDARY §4).

A rule grants one command on a table to one role and says for which rows. A table that no rule names is closed
to every surface. Policies work by area, so a forgotten gate 4 or 5 still shows nothing. The rules of people, their
limits, their sign-in, one-time links, API clients, webhooks, applications and links lie beside this file, by noun.
"""

from collections.abc import Mapping

from guildhall.domain.access.boundary.alert_policies import ALERTS
from guildhall.domain.access.boundary.application_policies import APPLICATIONS
from guildhall.domain.access.boundary.client_policies import CLIENTS, LED_AUDIENCE
from guildhall.domain.access.boundary.file_policies import FILES
from guildhall.domain.access.boundary.limit_policies import LIMITS
from guildhall.domain.access.boundary.link_policies import LINKS
from guildhall.domain.access.boundary.one_time_policies import ONE_TIME
from guildhall.domain.access.boundary.people_policies import PEOPLE
from guildhall.domain.access.boundary.quota_policies import QUOTAS
from guildhall.domain.access.boundary.rules import (
    ACCOUNT_INVOICES,
    ACCOUNT_TICKETS,
    ACCOUNTS,
    ANY_ROW,
    DECIDING_STAFF,
    OWN,
    OWN_TENANT,
    PARTNER_ID,
    USER_ID,
    WITHIN_JOB,
    WITHIN_LIMITS,
    Rule,
    adds,
    changes,
    data_of,
    everything,
    kept_data,
    reach,
    reads,
    tenant_data,
)
from guildhall.domain.access.boundary.sign_in_policies import SIGN_IN
from guildhall.domain.access.boundary.ticket_view_policies import TICKET_VIEWS
from guildhall.domain.access.boundary.webhook_policies import WEBHOOKS
from guildhall.domain.mail.tables import SHOWN as LETTER_SHOWN

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
_TICKET_AUTHOR = f"created_by_id = {USER_ID}"
_PARTNER_AUTHOR = f"created_by_partner_id = {PARTNER_ID} AND {_TICKET_AUTHOR}"
_TICKET_FIELDS = (
    "status",
    "priority",
    "assigned_to_id",
    "assigned_to_name",
    "sla_breach_at",
    "sla_breached_at",
    "clock_from",
    "resolved_at",
    "last_response_at",
    "response_count",
    "version",
    "updated_at",
)
_SUBSCRIBER_STEP = ("status", "updated_at")


def _activating(status: str, area: str) -> str:
    """Return the condition for a subscriber that the partner at work gave `status`."""
    return f"{reach(f'provisioning_{area}')} AND status = '{status}'"


def _summed(report: str) -> str:
    """Return the condition for sums of the partner at work that hold only what the person reaches."""
    return f"partner_id = {PARTNER_ID} AND (SELECT portal.reaches_sums('{report}'))"


RULES: Mapping[str, tuple[Rule, ...]] = {
    **PEOPLE,
    **LIMITS,
    **SIGN_IN,
    **ONE_TIME,
    **CLIENTS,
    **APPLICATIONS,
    **LINKS,
    **FILES,
    **WEBHOOKS,
    **TICKET_VIEWS,
    **ALERTS,
    **QUOTAS,
    # -- portal: partners
    "portal.partner": (
        reads("partner", f"id = {PARTNER_ID}"),
        reads("staff", ANY_ROW),
        adds("staff", DECIDING_STAFF),
        changes("staff", ANY_ROW),
        reads("worker", ANY_ROW),
    ),
    "portal.partner_account": (
        reads("partner", f"partner_id = {PARTNER_ID}"),
        *everything("staff"),
    ),
    "portal.subscription": (
        reads("partner", f"partner_id = {PARTNER_ID} AND {data_of('any')}"),
        reads("customer", OWN_TENANT),
        *everything("staff"),
        reads("worker", ANY_ROW),
    ),
    # Only functions read which tenants are in sums, and how many a partner has.
    "portal.summed_tenant": (),
    "portal.roster": (),
    "portal.roster_change": (),
    # Sums are read where the person at work reaches every tenant in them.
    "portal.usage_sum": (reads("partner", _summed("usage")),),
    "portal.revenue_sum": (reads("partner", _summed("revenue")),),
    "portal.subscription_sum": (reads("partner", _summed("revenue")),),
    "portal.balance_sum": (reads("partner", _summed("revenue")),),
    "portal.posture_sum": (reads("partner", _summed("posture")),),
    "portal.ticket_sum": (reads("partner", _summed("tickets")),),
    "portal.partner_downtime": (reads("partner", _summed("uptime")),),
    "portal.downtime_sum": (reads("partner", _summed("uptime")),),
    # -- portal: trail, notices, letters, keys
    "portal.audit_head": (),
    "portal.audit_entry": (
        reads("partner", f"kind = 'partner' AND chain_id = {PARTNER_ID} AND (tenant_id IS NULL OR {WITHIN_LIMITS})"),
        reads("customer", "kind = 'tenant' AND chain_id = ANY (ARRAY(SELECT portal.own_tenant()))"),
        reads("staff", ANY_ROW),
        reads("worker", ANY_ROW),
    ),
    "portal.audit_signature": (
        reads("partner", f"kind = 'partner' AND chain_id = {PARTNER_ID}"),
        reads("customer", "kind = 'tenant' AND chain_id = ANY (ARRAY(SELECT portal.own_tenant()))"),
        reads("staff", ANY_ROW),
        reads("worker", ANY_ROW),
        adds("worker", ANY_ROW),
    ),
    "portal.audit_view": (
        reads("partner", OWN),
        adds("partner", f"{OWN} AND ({reach('any')} OR {_HOME_TENANT})"),
        reads("worker", ANY_ROW, "hour"),
        Rule("worker", "DELETE", "hour < now() - interval '1 day'"),
    ),
    "portal.notice": (
        reads(
            "partner",
            f"audience = 'partner' AND audience_id = {PARTNER_ID} AND {_WITHIN_LIMITS}"
            f" AND (person_id IS NULL OR person_id = {USER_ID})"
            f" AND (area = '' OR (area = 'support' AND (tenant_id IS NULL OR {reach('support')}))"
            f" OR (area = 'clients' AND {LED_AUDIENCE}))",
        ),
        reads("customer", "audience = 'tenant' AND audience_id = ANY (ARRAY(SELECT portal.own_tenant()))"),
        reads("staff", "audience = 'staff'"),
        reads("worker", ANY_ROW),
        adds("worker", ANY_ROW),
        changes("worker", ANY_ROW, "told_at"),
        Rule("worker", "DELETE", "created_at < now() - interval '180 days'"),
    ),
    "portal.notice_read": (
        *(rule for role in ("partner", "customer", "staff") for rule in (reads(role, OWN), adds(role, OWN))),
        reads("worker", ANY_ROW, "notice_id"),
        Rule("worker", "DELETE", ANY_ROW),
    ),
    "portal.notice_read_until": tuple(
        rule
        for role in ("partner", "customer", "staff")
        for rule in (reads(role, OWN), adds(role, OWN), changes(role, OWN, "moment"))
    ),
    # Whoever causes a letter writes it; nobody but its deliverer reads it, and staff by portal.open_letter.
    "portal.mail": (
        *(adds(role, ANY_ROW, "id", "kind", "recipient", "sealed") for role in ("partner", "customer", "staff")),
        reads("staff", ANY_ROW, *LETTER_SHOWN),
        changes("staff", ANY_ROW, "status", "error", "queued_at", check="status = 'queued'"),
        *everything("worker"),
    ),
    "portal.idempotency_key": (
        reads("partner", f"client_id = {USER_ID} AND partner_id = {PARTNER_ID}"),
        adds("partner", f"client_id = {USER_ID} AND partner_id = {PARTNER_ID}"),
        changes("partner", f"client_id = {USER_ID} AND partner_id = {PARTNER_ID}", "status", "headers", "body"),
        Rule("partner", "DELETE", f"client_id = {USER_ID} AND partner_id = {PARTNER_ID}"),
        reads("worker", ANY_ROW, "expires_at"),
        Rule("worker", "DELETE", "expires_at < now()"),
    ),
    # -- tenancy: data
    "tenancy.tenant": (
        reads("partner", reach("any", "id")),
        reads("customer", OWN_TENANT.replace("tenant_id", "id", 1)),
        *everything("staff"),
        *everything("platform"),
        reads("worker", WITHIN_JOB.replace("OR tenant_id", "OR id")),
    ),
    "tenancy.subscriber": tenant_data(
        f"{data_of('provisioning')} OR id = ANY (ARRAY(SELECT portal.account_subscribers()))",
        changes("partner", reach("provisioning_activate"), *_SUBSCRIBER_STEP, check=_activating("active", "activate")),
        changes("partner", reach("provisioning_suspend"), *_SUBSCRIBER_STEP, check=_activating("suspended", "suspend")),
    ),
    "tenancy.invoice": tenant_data(f"{data_of('billing')} OR {ACCOUNTS}"),
    "tenancy.invoice_line": tenant_data(f"{data_of('billing')} OR {ACCOUNT_INVOICES}"),
    "tenancy.payment": tenant_data(f"{data_of('billing')} OR {ACCOUNT_INVOICES}"),
    "tenancy.ticket": tenant_data(
        f"{data_of('support')} OR {ACCOUNTS}",
        adds("partner", f"{reach('support_write')} AND {_PARTNER_AUTHOR}"),
        changes("partner", reach("support_write"), *_TICKET_FIELDS),
        adds("customer", f"{OWN_TENANT} AND created_by_partner_id IS NULL AND {_TICKET_AUTHOR}"),
        changes("customer", OWN_TENANT, *_TICKET_FIELDS),
        changes("worker", WITHIN_JOB, "sla_breached_at", "version", "updated_at"),
    ),
    "tenancy.ticket_comment": tenant_data(
        f"({data_of('support')} OR {ACCOUNT_TICKETS})"
        f" AND (NOT is_internal OR author_partner_id IS NULL OR author_partner_id = {PARTNER_ID})",
        adds(
            "partner",
            f"{reach('support_write')} AND author_partner_id = {PARTNER_ID} AND author_id = {USER_ID}",
        ),
        adds(
            "customer",
            f"{OWN_TENANT} AND NOT is_internal AND author_partner_id IS NULL AND author_id = {USER_ID}",
        ),
        customer=f"{OWN_TENANT} AND NOT is_internal",
    ),
    "tenancy.usage_daily": tenant_data(data_of("reports")),
    "tenancy.outage": tenant_data(data_of("reports")),
    "tenancy.uptime_daily": kept_data(data_of("reports")),
    "tenancy.posture_snapshot": tenant_data(data_of("posture")),
    "tenancy.billing_rollup": kept_data(data_of("billing")),
    "tenancy.support_rollup": kept_data(data_of("support")),
    "tenancy.subscriber_rollup": kept_data(data_of("provisioning")),
    "tenancy.posture_rollup": kept_data(data_of("posture")),
}

UNPROTECTED = frozenset({"portal.boundary", "portal.alembic_version", "tenancy.alembic_version"})
