"""What policies are written with: who is at work, which tenants that person reaches, and leave for one command.

Predicates have two shapes, each evaluated once per statement: `= ANY (ARRAY(SELECT …))` lets the planner enter by the
index of the column; `IN (SELECT …)` is a filter by hash, for data that queries enter by tenants that they name
themselves.
"""

from msgspec import Struct

from guildhall.domain.rbac.registry import STAFF

PARTNER_ID = "(SELECT portal.app_id('partner_id'))"
USER_ID = "(SELECT portal.app_id('user_id'))"
TENANT_ID = "(SELECT portal.app_id('tenant_id'))"
ANY_ROW = "true"
OWN = f"user_id = {USER_ID}"
WITHIN_JOB = f"({TENANT_ID} IS NULL OR tenant_id = {TENANT_ID})"  # a job is scoped where it concerns one tenant
# Of the partner's customers those that the person or client at work is limited to; a look into a hash for each row.
WITHIN_LIMITS = (
    "((SELECT portal.sees_every_customer())"
    " OR tenant_id IN (SELECT within FROM portal.tenants_within_limits() AS within))"
)
OWN_TENANT = "tenant_id = ANY (ARRAY(SELECT portal.own_tenant()))"
LED_PARTNER = "partner_id = ANY (ARRAY(SELECT portal.led_partner()))"
APPROVED_TENANT = "tenant_id = ANY (ARRAY(SELECT tenancy.approved_tenant()))"
OF_COLLEAGUE = f"user_id = ANY (ARRAY(SELECT id FROM portal.partner_user WHERE partner_id = {PARTNER_ID}))"
OF_LED = f"user_id = ANY (ARRAY(SELECT id FROM portal.partner_user WHERE {LED_PARTNER}))"
IS_LEAD = "(SELECT portal.is_lead())"


def reach(area: str, column: str = "tenant_id") -> str:
    """Return the predicate that `column` is a tenant whose live link opens `area` to this person."""
    return f"{column} = ANY (ARRAY(SELECT tenant_id FROM portal.reached_{area}))"


def data_of(area: str) -> str:
    """Return the same as `reach`, for tables of tenant data: one look into a hash for each row that is read.

    An array would be searched from its start for each row, and sorted for each look into an index: with 10,000
    tenants 20 µs and 110 µs a row against 0.1 µs.
    """
    return f"tenant_id IN (SELECT tenant_id FROM portal.reached_{area})"


ACCOUNTS = "subscriber_id = ANY (ARRAY(SELECT portal.account_subscribers()))"
ACCOUNT_INVOICES = "invoice_id = ANY (ARRAY(SELECT portal.account_invoices()))"
ACCOUNT_TICKETS = "ticket_id = ANY (ARRAY(SELECT portal.account_tickets()))"


class Rule(Struct, frozen=True):
    """Leave for `role` to run `command` on the rows that `rows` admits.

    `columns` narrows the grant; for UPDATE and INSERT `check` (else `rows`) must hold for what is written.
    """

    role: str
    command: str
    rows: str
    columns: tuple[str, ...] = ()
    check: str = ""


def reads(role: str, rows: str, *columns: str) -> Rule:
    """Return the leave of `role` for reading the rows, or some columns of them."""
    return Rule(role, "SELECT", rows, columns)


def adds(role: str, check: str, *columns: str) -> Rule:
    """Return the leave of `role` for writing new rows for which `check` holds."""
    return Rule(role, "INSERT", "", columns, check)


def changes(role: str, rows: str, *columns: str, check: str = "") -> Rule:
    """Return the leave of `role` for changing rows, or some columns of them."""
    return Rule(role, "UPDATE", rows, columns, check or rows)


def everything(role: str, rows: str = ANY_ROW) -> tuple[Rule, ...]:
    """Return the leave of `role` for reading, writing and changing rows."""
    return (reads(role, rows), adds(role, rows), changes(role, rows))


def tenant_data(partner: str, *more: Rule, customer: str = OWN_TENANT) -> tuple[Rule, ...]:
    """Return the rules of a table of tenant data that partners read where `partner` holds."""
    return (*kept_data(partner, customer=customer), *everything("platform"), *more)


def kept_data(partner: str, *, customer: str = OWN_TENANT) -> tuple[Rule, ...]:
    """Return the rules of a table that triggers keep from tenant data: read as that is, and written by nobody else."""
    return (
        reads("partner", partner),
        reads("customer", customer),
        reads("staff", ANY_ROW),
        reads("worker", WITHIN_JOB),
    )


def staff_with(*roles: str) -> str:
    """Return the predicate that the member of staff at work is active and holds one of `roles`."""
    held = ", ".join(f"'{role}'" for role in roles)
    return (
        f"EXISTS (SELECT 1 FROM portal.staff_user WHERE id = {USER_ID} AND status = 'active'"
        f" AND roles && ARRAY[{held}])"
    )


DECIDING_STAFF = staff_with(*sorted(STAFF["staff.applications.decide"].roles))
LEADING_STAFF = staff_with(*sorted(STAFF["staff.tiers.manage"].roles))
PEOPLE_STAFF = staff_with(*sorted(STAFF["staff.people.manage"].roles))
