"""The functions and triggers of the database, each written beside its noun, and which surface may call which.

docs/definer-functions.md says of each what it can leak.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from importlib.resources import files

from guildhall.core.jobs import tasks
from guildhall.domain.access.boundary.roles import SURFACE_ROLES
from guildhall.domain.access.states import steps
from guildhall.domain.access.tables import AREA_BITS, SHOWS
from guildhall.domain.partners.application_states import STEPS as APPLICATION_STEPS
from guildhall.domain.webhooks import events

SOURCES = (
    ("guildhall.domain.people", "clients.sql"),
    ("guildhall.domain.access.boundary", "reach.sql"),
    ("guildhall.domain.access.boundary", "doors.sql"),
    ("guildhall.domain.access.boundary", "links.sql"),
    ("guildhall.domain.access.boundary", "roster.sql"),
    ("guildhall.domain.people", "memberships.sql"),
    ("guildhall.domain.people", "team.sql"),
    ("guildhall.domain.people", "own_marks.sql"),
    ("guildhall.domain.people", "recovering.sql"),
    ("guildhall.domain.audit", "append.sql"),
    ("guildhall.domain.tenancy", "rollups.sql"),
    ("guildhall.domain.reports", "sums.sql"),
    ("guildhall.domain.alerts", "waiting.sql"),
    ("guildhall.domain.notify", "notices.sql"),
    ("guildhall.domain.partners", "applications.sql"),
    ("guildhall.domain.jobs", "jobs.sql"),
    ("guildhall.domain.mail", "letters.sql"),
    ("guildhall.domain.webhooks", "emitting.sql"),
    ("guildhall.domain.quotas", "counting.sql"),
    ("guildhall.domain.files", "room.sql"),
)
# Written once and run for each kind of person: the three have the same shape and share no row.
EACH_KIND = (
    ("guildhall.domain.people", "one_time.sql"),
    ("guildhall.domain.people", "recovery_codes.sql"),
    ("guildhall.domain.people", "sign_in_methods.sql"),
)
KINDS: tuple[dict[str, str], ...] = (
    {
        "KIND": "partner",
        "SCHEMA": "portal",
        "NARROWED": "(SELECT p.sign_in_methods FROM portal.partner AS p WHERE p.id = u.partner_id)",
        "PARTNER": "p.id, p.name",
        "TENANT": "NULL::uuid, NULL::text",
        "ORGANISATION": "JOIN portal.partner AS p ON p.id = u.partner_id AND p.status <> 'terminated'",
    },
    {
        "KIND": "staff",
        "NARROWED": "NULL::text[]",
        "SCHEMA": "portal",
        "PARTNER": "NULL::uuid, NULL::text",
        "TENANT": "NULL::uuid, NULL::text",
        "ORGANISATION": "",
    },
    {
        "KIND": "customer",
        "NARROWED": "NULL::text[]",
        "SCHEMA": "tenancy",
        "PARTNER": "NULL::uuid, NULL::text",
        "TENANT": "t.id, t.name",
        "ORGANISATION": "JOIN tenancy.tenant AS t ON t.id = i.tenant_id JOIN tenancy.customer_membership AS m"
        " ON m.user_id = i.user_id AND m.tenant_id = i.tenant_id AND m.status = 'active'",
    },
)
# What each surface may call once it has taken its role; everything else is closed to it.
CALLS: dict[str, tuple[str, ...]] = {
    "portal.app_id(text)": SURFACE_ROLES,
    "portal.is_live(text, timestamptz, timestamptz)": SURFACE_ROLES,
    "portal.side()": SURFACE_ROLES,
    "portal.reach(text)": ("partner", "worker"),
    "portal.within_own_limits(uuid)": ("partner",),
    "portal.sees_every_customer()": ("partner", "worker"),
    "portal.tenants_within_limits()": ("partner", "worker"),
    "portal.areas_at_work()": ("partner",),
    "portal.people_count(uuid)": ("partner",),
    "portal.waiting_alerts(text[], text[])": ("partner",),
    "portal.account_subscribers()": ("partner",),
    "portal.account_invoices()": ("partner",),
    "portal.account_tickets()": ("partner",),
    "portal.may_attach(uuid, uuid, uuid, uuid)": ("partner", "customer"),
    "portal.file_room(uuid, bigint, bigint)": ("partner", "customer"),
    "portal.tenant_file_octets(uuid)": ("staff",),
    "portal.own_tenant()": ("customer",),
    "portal.partner_people_for_tenant()": ("customer",),
    "portal.request_link(uuid, text, text, bytea, jsonb)": ("partner",),
    "portal.led_partner()": ("partner",),
    "portal.use_partner_one_time(bytea, text, bytea, bigint, bytea[])": ("partner",),
    "portal.use_staff_one_time(bytea, text, bytea, bigint, bytea[])": ("staff",),
    "tenancy.use_customer_one_time(bytea, text, bytea, bigint, bytea[])": ("customer",),
    "portal.keep_partner_email_link(text, bytea, bytea, bytea, timestamptz)": ("partner",),
    "portal.use_partner_email_link(uuid)": ("partner",),
    "portal.own_partner_ways()": ("partner",),
    "portal.keep_staff_email_link(text, bytea, bytea, bytea, timestamptz)": ("staff",),
    "portal.use_staff_email_link(uuid)": ("staff",),
    "portal.own_staff_ways()": ("staff",),
    "tenancy.keep_customer_email_link(text, bytea, bytea, bytea, timestamptz)": ("customer",),
    "tenancy.use_customer_email_link(uuid)": ("customer",),
    "tenancy.own_customer_ways()": ("customer",),
    "portal.keep_partner_password(text)": ("partner",),
    "portal.keep_partner_factor(bytea, bigint)": ("partner",),
    "portal.keep_staff_password(text)": ("staff",),
    "portal.keep_staff_factor(bytea, bigint)": ("staff",),
    "tenancy.keep_customer_password(text)": ("customer",),
    "tenancy.keep_customer_factor(bytea, bigint)": ("customer",),
    "portal.use_partner_recovery_code(bytea)": ("partner",),
    "portal.use_staff_recovery_code(bytea)": ("staff",),
    "tenancy.use_customer_recovery_code(bytea)": ("customer",),
    "tenancy.own_memberships()": ("customer",),
    "tenancy.approved_tenant()": ("customer",),
    "portal.is_lead()": ("staff",),
    "portal.may_recover(uuid)": ("staff",),
    "portal.is_last_principal(uuid)": ("staff",),
    "tenancy.end_member(uuid)": ("customer",),
    "portal.end_colleague(uuid)": ("partner",),
    "portal.partner_factors(uuid)": ("partner", "staff"),
    "tenancy.invited_person(text, text, text, text)": ("customer",),
    "tenancy.waiting_people()": ("customer",),
    "tenancy.may_recover(uuid)": ("customer",),
    "portal.access_guard()": (),
    "portal.principal_stays()": (),
    "portal.people_limit()": (),
    "portal.lead_stays()": (),
    "portal.own_marks()": (),
    "tenancy.approver_stays()": (),
    "tenancy.membership_accepted()": (),
    "portal.audit_append(uuid, text[], uuid[], text[], text, text)": SURFACE_ROLES,
    "portal.audit_append_each(uuid[], text[], uuid[], text[], text, text[])": ("worker",),
    "portal.audit_hold(text[], uuid[])": ("customer", "staff", "worker"),
    "portal.audit_head_of(text, uuid)": SURFACE_ROLES,
    "portal.audit_heads()": ("worker",),
    "portal.audit_erase(uuid)": (),
    "portal.enqueue(text, jsonb)": SURFACE_ROLES,
    "portal.enqueue_at(text, jsonb, timestamptz)": ("worker",),
    "portal.emit_event(text, uuid, uuid, jsonb)": SURFACE_ROLES,
    "portal.webhook_partner()": ("partner",),
    "portal.webhook_test(uuid, jsonb)": ("partner", "staff"),
    "portal.webhook_platform_data(uuid)": ("staff",),
    "portal.webhook_open(uuid, uuid, text)": ("worker",),
    "portal.webhook_secrets(uuid)": ("worker",),
    "portal.webhook_chosen(text[], text)": (),
    "portal.webhook_write(text, uuid, uuid, jsonb, uuid)": (),
    "portal.webhook_to_linked(text, uuid, jsonb)": (),
    "portal.webhook_to_platform(text, uuid, jsonb)": (),
    "portal.link_events()": (),
    "tenancy.ticket_events()": (),
    "tenancy.tenant_events()": (),
    "portal.slots_now(integer[], timestamptz, integer, timestamptz)": ("partner", "staff"),
    "tenancy.platform_ticket_events()": (),
    "tenancy.platform_comment_events()": (),
    "tenancy.platform_subscriber_events()": (),
    "portal.jobs_for_staff(text, text, bigint, integer)": ("staff",),
    "portal.jobs_summary()": ("staff", "worker"),
    "portal.job_retry(bigint)": ("staff",),
    "portal.open_letter(uuid)": ("staff",),
    "portal.link_guard()": (),
    "portal.customer_limit()": (),
    "portal.link_observed()": (),
    "tenancy.mark_recorded(uuid[])": (),
    "tenancy.tenant_renamed()": (),
    "portal.submit_application(uuid, bytea, bytea[], jsonb)": ("partner",),
    "portal.find_application(bytea)": ("partner",),
    "portal.answer_application(bytea, jsonb)": ("partner",),
    "portal.email_domain_listed(text[])": ("partner", "customer", "staff"),
    "portal.application_guard()": (),
    "portal.application_notices()": (),
    "portal.audit_refuse()": (),
    "portal.endpoint_guard()": (),
    "portal.link_notices()": (),
    "portal.link_change_notices()": (),
    "portal.client_notices()": (),
    "portal.account_notices()": (),
    "portal.client_secret_notices()": (),
    "portal.roster_now()": ("partner",),
    "portal.roster_changed()": (),
    "portal.count_rosters()": (),
    "portal.reaches_sums(text)": ("partner",),
    "portal.summed(text)": ("partner",),
    "portal.keep_sums(integer)": ("worker",),
    "portal.sum_up()": (),
    "portal.sum_tickets()": (),
    "portal.fold_tickets()": (),
    "portal.to_sum(integer)": (),
    "tenancy.roll()": (),
    "tenancy.number_ticket()": (),
    "tenancy.ticket_notices()": (),
    "tenancy.comment_notices()": (),
    "tenancy.ticket_assigned()": (),
    "tenancy.subscriber_notices()": (),
}
_PEOPLE_WRITTEN = ("user", "one_time", "recovery_code", "email_link")
_PEOPLE_DELETED = ("recovery_code", "email_link", "passkey")
# The definer reads and writes these beside what it may read: sessions, links, rollups, the trail.
DEFINER_WRITES = (
    "portal.partner_session",
    "portal.staff_session",
    "tenancy.customer_session",
    "tenancy.customer_membership",
    *(f"{kind['SCHEMA']}.{kind['KIND']}_{table}" for kind in KINDS for table in _PEOPLE_WRITTEN),
    "portal.partner_refresh_token",
    "portal.api_client",
    "portal.api_client_secret",
    "portal.platform_client",
    "portal.platform_client_secret",
    "portal.sign_in_backoff",
    "portal.used_challenge",
    "portal.call_count",
    "portal.partner_tenant_link",
    "portal.audit_head",
    "portal.audit_entry",
    "portal.notice",
    "portal.application",
    "portal.application_attempt",
    "portal.webhook_event",
    "portal.webhook_delivery",
    "portal.roster",
    "portal.roster_change",
    "portal.summed_tenant",
    "portal.usage_sum",
    "portal.revenue_sum",
    "portal.subscription_sum",
    "portal.balance_sum",
    "portal.posture_sum",
    "portal.ticket_sum",
    "portal.partner_downtime",
    "portal.downtime_sum",
    "tenancy.billing_rollup",
    "tenancy.support_rollup",
    "tenancy.subscriber_rollup",
    "tenancy.posture_rollup",
    "tenancy.uptime_daily",
)

# Rows of these the definer only locks, against whoever changes them meanwhile: leave for one column is leave to lock.
DEFINER_LOCKS = ("portal.partner", "tenancy.tenant")
DEFINER_DELETES = (
    "portal.sign_in_backoff",
    "portal.used_challenge",
    "portal.partner_downtime",
    "portal.ticket_sum",
    "portal.roster_change",
    "portal.summed_tenant",
    "tenancy.uptime_daily",
    *(f"{kind['SCHEMA']}.{kind['KIND']}_{table}" for kind in KINDS for table in _PEOPLE_DELETED),
)


def functions() -> str:
    """Return every function and trigger, as one script with `@role` tokens."""
    allowed, applying = _steps(steps()), _steps(APPLICATION_STEPS)
    enqueued = ", ".join(f"('{task.name}', '@{role}')" for task in tasks().values() for role in task.roles)
    texts = [*(_source(*source) for source in SOURCES), *_for_each_kind()]
    areas = ", ".join(f"('{area}', {bit})" for area, bit in AREA_BITS.items())
    marks = {
        "%STEPS%": allowed,
        "%APPLICATION_STEPS%": applying,
        "%TASKS%": enqueued,
        "%EVENTS%": events.rows(),
        "%AREAS%": areas,
        "%EVERYWHERE%": ", ".join(
            f"CASE WHEN bool_and(l.{name}) FILTER (WHERE l.live) THEN '{name}' END" for name in SHOWS
        ),
        "%REACHED%": "\n".join(_reached(area, bit) for area, bit in AREA_BITS.items()),
    }
    return reduce(lambda text, mark: text.replace(*mark), marks.items(), "\n".join(texts))


def _steps(steps: Iterable[tuple[str, str, str]]) -> str:
    """Return the rows of a state machine as SQL."""
    return ", ".join(f"('{source}', '{target}', '{side}')" for source, target, side in steps)


def _reached(area: str, bit: int) -> str:
    """Return the view of the tenants that the person at work reaches in `area`, which the policies of partners ask."""
    return (
        f"CREATE VIEW portal.reached_{area} WITH (security_barrier) AS SELECT tenant_id FROM portal.reached"
        f" WHERE opens & {bit} <> 0; GRANT SELECT ON portal.reached_{area} TO @partner;"
    )


def _source(package: str, name: str) -> str:
    """Return one file of functions."""
    return files(package).joinpath(name).read_text()


def _for_each_kind() -> Iterator[str]:
    """Yield the functions that every kind of person has, written out for each."""
    for source in EACH_KIND:
        for kind in KINDS:
            script = _source(*source)
            for word, meant in kind.items():
                script = script.replace(f"%{word}%", meant)
            yield script
