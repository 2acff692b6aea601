"""The one source of permissions, roles and areas (BOUNDARY §1).

Everything that names a permission (gates, policies, forms, docs, tests) reads it from here.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Literal, get_args

from msgspec import Struct

from guildhall.core.errors import Invalid


class Area(StrEnum):
    """What a link can open inside a tenant; policies in the database work by area."""

    BILLING = "billing"
    BILLING_WRITE = "billing_write"
    SUPPORT = "support"
    SUPPORT_WRITE = "support_write"
    PROVISIONING = "provisioning"
    PROVISIONING_ACTIVATE = "provisioning_activate"
    PROVISIONING_SUSPEND = "provisioning_suspend"
    REPORTS = "reports"
    POSTURE = "posture"


class Permission(Struct, frozen=True):
    """One string of the registry: who holds it, and which area a link must open for it.

    `area` is an Area's name, `any` (any live link) or `` (not about a tenant).
    """

    name: str
    roles: frozenset[str]
    area: str = ""

    @property
    def writes(self) -> bool:
        """Return whether the permission lets its holder change something."""
        return self.name.rsplit(".", 1)[-1] not in READ_VERBS


READ_VERBS = frozenset({"read", "list", "switch_context", "read_own", "read_all", "status", "export"})

PartnerRole = Literal[
    "principal", "salesperson", "technical", "finance", "viewer", "msp_full", "msp_billing", "msp_support", "auditor",
]  # fmt: skip
PARTNER_ROLES: tuple[PartnerRole, ...] = get_args(PartnerRole)
CUSTOMER_ROLES = ("approver", "viewer")
STAFF_ROLES = ("lead", "partner_manager", "finance", "support", "read_only")

# Columns in the order of PARTNER_ROLES; the last column is what a link must open.
_PARTNER = """
tenants.list                      x x x x x x x x x any
tenants.switch_context            x x x x x x x x x any
money.read                        x x - x - x x - x -
billing.read                      x - - x - x x - x billing
billing.summary.read              x - - x - x x - x billing
billing.invoices.read             x - - x - x x - x billing
billing.payments.read             x - - x - x x - x billing
billing.invoices.export           x - - x - x x - - billing
billing.write                     x - - - - x x - - billing_write
support.tickets.list              x - x - - x - x x support
support.tickets.read              x - x - - x - x x support
support.tickets.create            x - x - - x - x - support_write
support.tickets.update            x - x - - x - x - support_write
support.tickets.comment           x - x - - x - x - support_write
provisioning.subscribers.list     x - x - - x - x x provisioning
provisioning.subscribers.read     x - x - - x - x x provisioning
provisioning.subscribers.activate x - - - - x - - - provisioning_activate
provisioning.subscribers.suspend  x - - - - x - - - provisioning_suspend
reports.usage.read                x x x - - x - x x reports
reports.sla.read                  x x x - - x x x x reports
reports.revenue.read              x - - x - x x - x billing
alerts.sla.read                   x - x - - x - x x reports
alerts.sla.acknowledge            x - x - - x - x - reports
alerts.billing.read               x - - x - x x - x billing
alerts.billing.acknowledge        x - - x - x x - - billing
posture.read                      x - x - - x - x x posture
links.read                        x x x x x x x x x -
links.request                     x - - - - x - - - -
links.end                         x - - - - x - - - -
deals.read                        x x x x - - - - x -
deals.status                      x x x x x - - - x -
deals.write                       x x - - - - - - - -
quotes.read                       x x x x - - - - x -
quotes.write                      x x - - - - - - - -
statements.read                   x - - x - - x - x -
statements.export                 x - - x - - x - - -
commissions.read_own              x x - - - - - - - -
commissions.read_all              x - - x - - - - x -
payouts.export                    x - - x - - - - - -
demos.use                         x x x - - - - - - -
documents.read                    x x x x - x x x - -
training.take                     x x x x - x x x - -
questions.ask                     x - x - - - - - - -
agreements.sign                   x - - - - - - - - -
settings.manage                   x - - - - - - - - -
clients.manage                    x - - - - - - - - -
webhooks.manage                   x - - - - - - - - -
team.read                         x x x x x x x x x -
team.manage                       x - - - - - - - - -
audit.read                        x - - - - - - - x -
audit.export                      x - - - - - - - x -
"""

# Columns in the order of CUSTOMER_ROLES.
_CUSTOMER = """
links.read       x x -
links.decide     x - -
links.stop       x - -
tickets.read     x x -
tickets.create   x - -
tickets.update   x - -
tickets.comment  x - -
audit.read       x x -
audit.export     x - -
people.read      x x -
people.manage    x - -
"""

# Columns in the order of STAFF_ROLES.
_STAFF = """
partners.read    x x x x x -
partners.manage  x x - - - -
applications.read x x - x x -
applications.decide x x - - - -
tiers.read       x x x x x -
tiers.manage     x - - - - -
people.read      x x - x x -
people.manage    x x - - - -
tenants.read     x x x x x -
tenants.manage   x x - - - -
links.read       x x x x x -
links.create     x x - - - -
links.revoke     x x - x - -
accounts.read    x x x x x -
accounts.begin   x x - - - -
accounts.end     x x - x - -
alerts.read      x x x x x -
audit.read       x x x x x -
audit.export     x - - - - -
clients.read     x x - x x -
clients.revoke   x x - x - -
platform.read    x - - x x -
platform.manage  x - - - - -
quotas.read      x x - x x -
quotas.manage    x x - - - -
webhooks.read    x x - x x -
webhooks.manage  x - - - - -
jobs.read        x x - x x -
jobs.retry       x - - x - -
mail.list        x x - x x -
mail.open        x - - - - -
mail.send        x x - x - -
team.read        x - - - - -
team.manage      x - - - - -
"""


def _table(text: str, prefix: str, roles: tuple[str, ...]) -> dict[str, Permission]:
    """Return the permissions written in `text`, by full name."""
    rows = [line.split() for line in text.strip().splitlines()]
    permissions = (
        Permission(
            f"{prefix}.{name}",
            frozenset(role for role, mark in zip(roles, marks, strict=True) if mark == "x"),
            "" if area == "-" else area,
        )
        for name, *marks, area in rows
    )
    return {permission.name: permission for permission in permissions}


PARTNER = _table(_PARTNER, "partner", PARTNER_ROLES)
CUSTOMER = _table(_CUSTOMER, "customer", CUSTOMER_ROLES)
STAFF = _table(_STAFF, "staff", STAFF_ROLES)
# What the vendor's own platform may do through its clients: nobody's role holds it.
PLATFORM = {name: Permission(name, frozenset()) for name in ("platform.data.write",)}
ALL: Mapping[str, Permission] = PARTNER | CUSTOMER | STAFF | PLATFORM
TENANT_PERMISSIONS = frozenset(name for name, permission in PARTNER.items() if permission.area not in {"", "any"})

_FULL = frozenset(Area)
AccessRole = Literal["msp_full", "enterprise_hq", "msp_billing", "msp_support", "auditor", "reseller", "delegate"]
LINK_ROLES: Mapping[str, frozenset[Area]] = {
    "msp_full": _FULL,
    "enterprise_hq": _FULL,
    "msp_billing": frozenset({Area.BILLING, Area.BILLING_WRITE, Area.REPORTS}),
    "msp_support": frozenset(
        {Area.BILLING, Area.SUPPORT, Area.SUPPORT_WRITE, Area.PROVISIONING, Area.REPORTS, Area.POSTURE}
    ),
    "auditor": frozenset({Area.BILLING, Area.SUPPORT, Area.PROVISIONING, Area.REPORTS, Area.POSTURE}),
    "reseller": frozenset({Area.BILLING, Area.SUPPORT, Area.PROVISIONING, Area.PROVISIONING_ACTIVATE, Area.REPORTS}),
    "delegate": frozenset(),
}
FULL_CONTROL = frozenset({"msp_full", "enterprise_hq"})
# Whoever decides who or what reaches which customer reaches all: one who is limited would lift the own limit.
OF_THE_WHOLE_PARTNER = frozenset({"partner.team.manage", "partner.clients.manage", "partner.webhooks.manage"})


def held_by(roles: Iterable[str], registry: Mapping[str, Permission] = PARTNER) -> frozenset[str]:
    """Return the permissions that somebody with `roles` holds: the union counts (PRODUCT §3)."""
    wanted = frozenset(roles)
    return frozenset(name for name, permission in registry.items() if permission.roles & wanted)


def grantable(roles: Iterable[str]) -> tuple[str, ...]:
    """Return the partner roles that a holder of `roles` may give to others.

    None is above the own ones: its permissions are among those held. A principal gives every role (PRODUCT §3).
    """
    held = frozenset(roles)
    own = held_by(held)
    return tuple(role for role in PARTNER_ROLES if "principal" in held or held_by((role,)) <= own)


def expand(patterns: Mapping[str, bool]) -> dict[str, bool]:
    """Return custom permissions with wildcards written out; of two that meet, the deny wins (BOUNDARY §1).

    `patterns` maps a registry string, or one with `*`, to allow or deny. Raises Invalid for one that matches
    nothing about a tenant.
    """
    expanded: dict[str, bool] = {}
    unknown = {}
    for pattern, allowed in patterns.items():
        names = [name for name in TENANT_PERMISSIONS if fnmatchcase(name, pattern)]
        if not names:
            unknown[pattern] = "No such permission inside a tenant"
        for name in names:
            expanded[name] = expanded.get(name, True) and allowed
    if unknown:
        raise Invalid(errors=unknown)
    return expanded


def link_permissions(access_role: str, custom: Mapping[str, bool]) -> frozenset[str]:
    """Return exactly what a link opens: its role's areas, plus and minus the expanded `custom` strings.

    An auditor's link opens of its areas what reads (decision 0038).
    """
    areas, reads_only = LINK_ROLES[access_role], access_role == "auditor"
    inside = {name: each for name, each in PARTNER.items() if name in TENANT_PERMISSIONS and each.area in areas}
    granted = {name for name, each in inside.items() if not (reads_only and each.writes)}
    granted |= {name for name, allowed in custom.items() if allowed}
    return frozenset(granted - {name for name, allowed in custom.items() if not allowed})


def areas_of(permissions: Iterable[str]) -> frozenset[Area]:
    """Return the areas that the database must open so that `permissions` can be used."""
    return frozenset(Area(PARTNER[name].area) for name in permissions)
