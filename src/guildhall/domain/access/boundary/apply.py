"""Write the boundary into the database: functions, triggers, grants and policies, from their one source.

It is a repeatable step after the migrations, not part of their history: the registry of the code that runs is
what the database enforces. One transaction; nothing happens when the fingerprint is the one already there.
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import reduce
from importlib.resources import files
from typing import Any

import psycopg

from guildhall.core.jobs import tasks
from guildhall.domain.access.boundary.policies import RULES
from guildhall.domain.access.boundary.roles import (
    DOORS,
    LOGINS,
    PLAIN_ROLES,
    SHARED_DOORS,
    SURFACE_ROLES,
    named,
)
from guildhall.domain.access.boundary.rules import Rule
from guildhall.domain.access.states import steps
from guildhall.domain.access.tables import AREA_BITS
from guildhall.domain.partners.application_states import STEPS as APPLICATION_STEPS
from guildhall.domain.webhooks import events

SOURCES = (
    ("guildhall.domain.people", "clients.sql"),
    ("guildhall.domain.access.boundary", "reach.sql"),
    ("guildhall.domain.access.boundary", "doors.sql"),
    ("guildhall.domain.access.boundary", "links.sql"),
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
    "portal.summed(text)": ("partner",),
    "portal.keep_sums(integer)": ("worker",),
    "portal.sum_up()": (),
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
_DEFINER_WRITES = (
    "portal.partner_session",
    "portal.staff_session",
    "tenancy.customer_session",
    "tenancy.customer_membership",
    *(
        f"{kind['SCHEMA']}.{kind['KIND']}_{table}"
        for kind in KINDS
        for table in ("user", "one_time", "recovery_code", "email_link")
    ),
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
    "portal.summed_tenant",
    "portal.usage_sum",
    "portal.revenue_sum",
    "tenancy.billing_rollup",
    "tenancy.support_rollup",
    "tenancy.subscriber_rollup",
    "tenancy.posture_rollup",
)

# Rows of these the definer only locks, against whoever changes them meanwhile: leave for one column is leave to lock.
_DEFINER_LOCKS = ("portal.partner",)
_DEFINER_DELETES = (
    "portal.sign_in_backoff",
    "portal.used_challenge",
    "portal.summed_tenant",
    *(
        f"{kind['SCHEMA']}.{kind['KIND']}_{table}"
        for kind in KINDS
        for table in ("recovery_code", "email_link", "passkey")
    ),
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
    }
    return reduce(lambda text, mark: text.replace(*mark), marks.items(), "\n".join(texts))


def _steps(steps: Iterable[tuple[str, str, str]]) -> str:
    """Return the rows of a state machine as SQL."""
    return ", ".join(f"('{source}', '{target}', '{side}')" for source, target, side in steps)


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


def grants() -> Iterator[str]:
    """Yield the grants and policies of every table, then the calls."""
    for table, rules in RULES.items():
        yield from _table(table, rules)
    yield "GRANT SELECT ON ALL TABLES IN SCHEMA portal, tenancy TO @definer"
    for table in _DEFINER_WRITES:
        yield f"GRANT INSERT, UPDATE ON {table} TO @definer"
    for table in _DEFINER_LOCKS:
        yield f"GRANT UPDATE (updated_at) ON {table} TO @definer"
    for table in _DEFINER_DELETES:
        yield f"GRANT DELETE ON {table} TO @definer"
    yield "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA portal, tenancy FROM PUBLIC"
    for function, roles in CALLS.items():
        yield f"GRANT EXECUTE ON FUNCTION {function} TO {', '.join(f'@{role}' for role in (*roles, 'owner'))}"


def door_grants(logins: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the doors that each log-in may open: those of the roles that it may become."""
    for login, roles in logins.items():
        name = f"@{login}" if login in LOGINS else f'"{login}"'
        yield f"GRANT USAGE ON SCHEMA portal, tenancy TO {name}"
        for function in (*SHARED_DOORS, *(door for role in roles for door in DOORS[role])):
            yield f"GRANT EXECUTE ON FUNCTION {function} TO {name}"


def _table(table: str, rules: tuple[Rule, ...]) -> Iterator[str]:
    """Yield what opens one table: to nobody, then rule by rule."""
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    yield f"CREATE POLICY owner ON {table} TO @owner USING (true) WITH CHECK (true)"
    yield f"CREATE POLICY definer ON {table} TO @definer USING (true) WITH CHECK (true)"
    for number, rule in enumerate(rules):
        columns = f" ({', '.join(rule.columns)})" if rule.columns else ""
        yield f"GRANT {rule.command}{columns} ON {table} TO @{rule.role}"
        using = f" USING ({rule.rows})" if rule.rows else ""
        check = f" WITH CHECK ({rule.check})" if rule.check else ""
        name = f"{rule.role}_{rule.command.lower()}_{number}"
        yield f"CREATE POLICY {name} ON {table} FOR {rule.command} TO @{rule.role}{using}{check}"


def fingerprint(prefix: str, logins: dict[str, tuple[str, ...]]) -> str:
    """Return the SHA-256 of everything that `apply` would run."""
    script = "\n".join([prefix, functions(), *grants(), *door_grants(logins)])
    return hashlib.sha256(script.encode()).hexdigest()


def apply(connection: psycopg.Connection[Any], *, prefix: str, logins: dict[str, tuple[str, ...]]) -> bool:
    """Bring functions, grants and policies to what the code says; return whether anything had to change.

    `connection` may become owner and definer. Runs in the caller's transaction.
    """
    mark = fingerprint(prefix, logins)
    connection.execute(named("SET LOCAL ROLE @owner", prefix).encode())
    connection.execute(
        "CREATE TABLE IF NOT EXISTS portal.boundary (fingerprint text NOT NULL, applied_at timestamptz NOT NULL)"
    )
    if connection.execute("SELECT 1 FROM portal.boundary WHERE fingerprint = %s", [mark]).fetchone():
        return False
    everybody = ", ".join(f"@{name}" for name in (*SURFACE_ROLES, *LOGINS))
    _run(
        connection,
        prefix,
        "GRANT USAGE, CREATE ON SCHEMA portal, tenancy TO @definer;"
        f" GRANT USAGE ON SCHEMA portal, tenancy TO {everybody}",
    )
    _clear(connection, prefix)
    _run(connection, prefix, "SET LOCAL ROLE @definer; SET LOCAL check_function_bodies = off")
    _run(connection, prefix, functions())
    _run(connection, prefix, "SET LOCAL ROLE @owner; REVOKE CREATE ON SCHEMA portal, tenancy FROM @definer")
    for statement in grants():
        role = "@definer" if "FUNCTION" in statement else "@owner"
        _run(connection, prefix, f"SET LOCAL ROLE {role}; {statement}")
    for statement in door_grants(logins):
        role = "@definer" if "FUNCTION" in statement else "@owner"
        _run(connection, prefix, f"SET LOCAL ROLE {role}; {statement}")
    _run(connection, prefix, "SET LOCAL ROLE @owner; DELETE FROM portal.boundary")
    connection.execute("INSERT INTO portal.boundary VALUES (%s, now())", [mark])
    return True


def _run(connection: psycopg.Connection[Any], prefix: str, sql: str) -> None:
    """Run a script of our own making."""
    connection.execute(named(sql, prefix).encode())


def _clear(connection: psycopg.Connection[Any], prefix: str) -> None:
    """Drop every policy and take back every right of the surfaces, before the new ones are written."""
    rows = connection.execute(
        "SELECT schemaname, tablename, policyname FROM pg_policies WHERE schemaname IN ('portal', 'tenancy')"
    ).fetchall()
    for schema, table, policy in rows:
        _run(connection, prefix, f"DROP POLICY {policy} ON {schema}.{table}")
    roles = ", ".join(f"@{role}" for role in PLAIN_ROLES if role != "owner")
    _run(
        connection,
        prefix,
        f"REVOKE SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA portal, tenancy FROM {roles}",
    )
