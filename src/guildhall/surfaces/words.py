"""Words of every surface for the codes of the domain: areas of a link, permissions, roles, metrics, categories."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from guildhall.domain.people.factors_held import Held
from guildhall.domain.rbac.registry import Area
from guildhall.surfaces.kit.formats import percent
from guildhall.surfaces.kit.i18n import N_, gettext, languages, ngettext
from guildhall.surfaces.kit.states import state_label
from guildhall.surfaces.kit.tables import Option

LINK_ROLES: Mapping[str, tuple[str, str]] = {
    "msp_full": (N_("Full control"), N_("Everything below. Needs an end within two years; one partner per customer.")),
    "enterprise_hq": (N_("Headquarters"), N_("Full control of a subsidiary. Needs an end within two years.")),
    "msp_billing": (N_("Billing"), N_("Invoices, payments and reports.")),
    "msp_support": (N_("Support"), N_("Tickets, subscribers and reports; billing to read.")),
    "auditor": (N_("Auditor"), N_("Reads what the customer allows, changes nothing.")),
    "reseller": (N_("Reseller"), N_("Billing, tickets and reports to read; activates subscribers.")),
    "delegate": (N_("Delegate"), N_("Only what you tick below.")),
}
AREAS: Mapping[Area, str] = {
    Area.BILLING: N_("Billing: read"),
    Area.BILLING_WRITE: N_("Billing: record notes and promises to pay"),
    Area.SUPPORT: N_("Tickets: read"),
    Area.SUPPORT_WRITE: N_("Tickets: open, answer, change"),
    Area.PROVISIONING: N_("Subscribers: read"),
    Area.PROVISIONING_ACTIVATE: N_("Subscribers: activate"),
    Area.PROVISIONING_SUSPEND: N_("Subscribers: suspend"),
    Area.REPORTS: N_("Usage and SLA reports"),
    Area.POSTURE: N_("Security posture"),
}
ALERTS: Mapping[str, str] = {
    "sla.ticket": N_("Ticket past its SLA clock"),
    "sla.uptime": N_("Uptime below target"),
    "billing.threshold": N_("Receivables over threshold"),
    "link.expiring": N_("Link that ends soon"),
    "usage.capacity": N_("Usage near or over capacity"),
}
METRICS: Mapping[str, str] = {
    "active_subscribers": N_("Active subscribers"),
    "bandwidth_gb": N_("Traffic (GB)"),
    "api_calls": N_("API calls"),
}
PERMISSIONS: Mapping[str, str] = {
    "partner.billing.read": N_("Open billing"),
    "partner.billing.summary.read": N_("Balance"),
    "partner.billing.invoices.read": N_("Read invoices"),
    "partner.billing.payments.read": N_("Read payments"),
    "partner.billing.invoices.export": N_("Export invoices"),
    "partner.billing.write": N_("Record notes and promises to pay"),
    "partner.support.tickets.list": N_("List tickets"),
    "partner.support.tickets.read": N_("Read tickets"),
    "partner.support.tickets.create": N_("Open new tickets"),
    "partner.support.tickets.update": N_("Change tickets"),
    "partner.support.tickets.comment": N_("Answer tickets"),
    "partner.provisioning.subscribers.list": N_("List subscribers"),
    "partner.provisioning.subscribers.read": N_("Read subscribers"),
    "partner.provisioning.subscribers.activate": N_("Activate subscribers"),
    "partner.provisioning.subscribers.suspend": N_("Suspend subscribers"),
    "partner.reports.usage.read": N_("Usage reports"),
    "partner.reports.sla.read": N_("SLA reports"),
    "partner.reports.revenue.read": N_("Revenue reports"),
    "partner.alerts.sla.read": N_("See SLA alerts"),
    "partner.alerts.sla.acknowledge": N_("Acknowledge SLA alerts"),
    "partner.alerts.billing.read": N_("See billing alerts"),
    "partner.alerts.billing.acknowledge": N_("Acknowledge billing alerts"),
    "partner.posture.read": N_("Read security posture"),
}
CATEGORIES: Mapping[str, str] = {
    "network": N_("Network"),
    "hardware": N_("Hardware"),
    "voice": N_("Voice"),
    "security": N_("Security"),
    "account": N_("Account"),
    "billing": N_("Billing"),
    "other": N_("Other"),
}
PARTNER_ROLES: Mapping[str, str] = {
    "principal": N_("Principal"),
    "salesperson": N_("Salesperson"),
    "technical": N_("Technical"),
    "finance": N_("Finance"),
    "viewer": N_("Viewer"),
    "msp_full": N_("Operations: full"),
    "msp_billing": N_("Operations: billing"),
    "msp_support": N_("Operations: support"),
    "auditor": N_("Auditor"),
}

CUSTOMER_ROLES: Mapping[str, str] = {"approver": N_("Approver"), "viewer": N_("Viewer")}
STAFF_ROLES: Mapping[str, str] = {
    "lead": N_("Lead"),
    "partner_manager": N_("Partner manager"),
    "finance": N_("Finance"),
    "support": N_("Support"),
    "read_only": N_("Read only"),
}
# Kind of person -> the words of its roles.
ROLES_OF: Mapping[str, Mapping[str, str]] = {
    "partner_user": PARTNER_ROLES,
    "customer_user": CUSTOMER_ROLES,
    "staff_user": STAFF_ROLES,
}
SCOPES: Mapping[str, str] = {"all": N_("All of them"), "include": N_("Only some"), "exclude": N_("All but some")}


def alert_label(kind: str) -> str:
    """Return the word for a kind of alert."""
    return gettext(ALERTS[kind])


def metric_label(code: str) -> str:
    """Return the word for a metered quantity."""
    return said(METRICS, code)


def said(words: Mapping[str, str], code: str) -> str:
    """Return the translated word for `code`, or the code in plain letters where it has none yet."""
    return gettext(words[code]) if code in words else code.replace("_", " ").replace(".", ": ").capitalize()


def role_label(code: str) -> str:
    """Return the word for the access role of a link."""
    return gettext(LINK_ROLES[code][0]) if code in LINK_ROLES else code


def area_label(code: str) -> str:
    """Return the word for an area of a tenant."""
    return gettext(AREAS[Area(code)])


def permission_label(code: str) -> str:
    """Return the word for a permission inside a tenant."""
    return said(PERMISSIONS, code)


def category_label(code: str) -> str:
    """Return the word for a ticket's category."""
    return said(CATEGORIES, code)


def person_role_label(code: str) -> str:
    """Return the word for a role of a person of the partner."""
    return said(PARTNER_ROLES, code)


def customer_role_label(code: str) -> str:
    """Return the word for a role of a customer's person."""
    return said(CUSTOMER_ROLES, code)


def staff_role_label(code: str) -> str:
    """Return the word for a role of a member of staff."""
    return said(STAFF_ROLES, code)


def role_of(kind: str, code: str) -> str:
    """Return the word for a role of a person of `kind` (partner_user, customer_user, staff_user)."""
    return said(ROLES_OF.get(kind, {}), code)


def scope_label(code: str) -> str:
    """Return which customers a person's limits leave, in a word."""
    return said(SCOPES, code)


def language_name(code: str) -> str:
    """Return the own name of a language on offer."""
    return languages().get(code, code)


def service_level(promised: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a link promises (`sla_config`) as facts."""
    hours, target = (_number(promised.get(name)) for name in ("response_hours", "uptime_target"))
    within = ngettext("within %(num)s hour", "within %(num)s hours", int(hours)) if hours else gettext("By priority")
    return [
        (gettext("First response"), within),
        (gettext("Uptime target"), percent(Decimal(str(target)) / 100 if target else None, 3)),
    ]


def _number(value: object) -> int | float | None:
    """Return a number as settings of a link may hold it; anything else counts for nothing."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def proof_facts(held: Held) -> list[tuple[str, str]]:
    """Return with what a person signs in, as facts: which proofs, never a proof."""
    there, absent = gettext("Set"), gettext("Not set")
    return [
        (gettext("Password"), there if held.password else absent),
        (gettext("Authenticator app"), there if held.authenticator else absent),
        (gettext("Passkeys"), str(held.passkeys)),
        (gettext("Recovery codes left"), str(held.recovery_codes)),
    ]


def role_options(codes: Iterable[str]) -> list[Option]:
    """Return roles of a partner's people as choices."""
    return [Option(code, person_role_label(code)) for code in codes]


def category_options(codes: Iterable[str]) -> list[Option]:
    """Return categories of tickets as choices."""
    return [Option(code, category_label(code)) for code in codes]


def state_options(family: str, codes: Iterable[str]) -> list[Option]:
    """Return the states of a family as choices."""
    return [Option(code, state_label(family, code)) for code in codes]
