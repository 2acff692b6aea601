"""The partners of the demo and the vendor's own staff, person by person."""

from datetime import date, timedelta
from uuid import UUID

from msgspec import Struct

from guildhall.domain.rbac.registry import PARTNER_ROLES, STAFF_ROLES
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.demo_people import COLUMNS, Roll
from guildhall.worlds.demo_tenants import tenant_id
from guildhall.worlds.ground import Connection, copy, made_id, midnight

VENDOR = "Halcyon Cloud"
_FOUNDED = timedelta(days=600)


class Partner(Struct, frozen=True):
    """One partner; each of `roles` has a person `<role>@<slug>.example`. `home` is a tenant's slug or empty."""

    slug: str
    name: str
    type: str
    tier: str
    status: str
    country: str
    roles: tuple[str, ...]
    home: str = ""

    @property
    def id(self) -> UUID:
        """Return the partner's id, the same in every demo."""
        return made_id("partner", self.slug)


class PartnerPerson(Struct, frozen=True):
    """One person of a partner; `scope` and `limited` are the tenant limits (slugs)."""

    partner: Partner
    email: str
    roles: tuple[str, ...]
    status: str = "active"
    language: str = "en"
    scope: str = "all"
    limited: tuple[str, ...] = ()

    @property
    def id(self) -> UUID:
        """Return the person's id."""
        return made_id("partner_user", self.email)

    @property
    def name(self) -> str:
        """Return the person's name."""
        return full_name(self.email)


PARTNERS = (
    Partner("northwind", "Northwind Managed Services", "mssp", "gold", "active", "US", PARTNER_ROLES),
    Partner(
        "alderfinch",
        "Alder & Finch",
        "reseller",
        "silver",
        "active",
        "GB",
        ("principal", "salesperson", "technical", "finance", "viewer"),
        home="alderfinch",
    ),
    Partner(
        "cascadia",
        "Cascadia Holdings",
        "enterprise_hq",
        "platinum",
        "active",
        "US",
        ("principal", "technical", "finance", "viewer", "msp_full"),
        home="cascadia",
    ),
    Partner(
        "bluepeak",
        "Bluepeak Labs",
        "technology_alliance",
        "silver",
        "active",
        "CA",
        ("principal", "technical"),
    ),
    Partner("veritas", "Veritas Audit", "auditor", "silver", "active", "IE", ("principal", "auditor", "viewer")),
    Partner(
        "stillwater",
        "Stillwater IT",
        "mssp",
        "silver",
        "suspended",
        "US",
        ("principal", "finance", "technical", "msp_support"),
    ),
)
BY_SLUG = {partner.slug: partner for partner in PARTNERS}
_NORTHWIND = BY_SLUG["northwind"]
_MORE_PEOPLE = (
    PartnerPerson(
        _NORTHWIND,
        "isla.moreno@northwind.example",
        ("msp_full",),
        language="es",
        scope="include",
        limited=("acme-fiber", "harborline", "costa-verde", "sandpiper", "kestrel"),
    ),
    PartnerPerson(
        _NORTHWIND,
        "peter.okoro@northwind.example",
        ("msp_support", "msp_billing"),
        scope="exclude",
        limited=("acme-fiber", "brightwell", "summit-ridge"),
    ),
    PartnerPerson(_NORTHWIND, "rosa.lindahl@northwind.example", ("technical", "viewer"), status="deactivated"),
)
PEOPLE = (
    *(
        PartnerPerson(partner, f"{role}@{partner.slug}.example", (role,))
        for partner in PARTNERS
        for role in partner.roles
    ),
    *_MORE_PEOPLE,
)


def person_of(partner: str, *roles: str) -> PartnerPerson:
    """Return the first person of `partner` (slug) who holds one of `roles`, the earlier role first."""
    return next(
        person for role in roles for person in PEOPLE if person.partner.slug == partner and role in person.roles
    )


def seed_partners(connection: Connection, today: date) -> None:
    """Write the partners."""
    now = midnight(today)
    copy(
        connection,
        "portal.partner",
        "id name slug type tier status country website home_tenant_id created_at updated_at",
        (
            (
                one.id,
                one.name,
                one.slug,
                one.type,
                one.tier,
                one.status,
                one.country,
                f"https://www.{one.slug}.example",
                tenant_id(one.home) if one.home else None,
                now - _FOUNDED,
                now - timedelta(days=30),
            )
            for one in PARTNERS
        ),
    )


def seed_people(connection: Connection, roll: Roll) -> None:
    """Write the partners' people with their tenant limits."""
    copy(
        connection,
        "portal.partner_user",
        f"{COLUMNS} partner_id roles tenant_scope",
        ((*_person(one, roll), one.partner.id, list(one.roles), one.scope) for one in PEOPLE),
    )
    copy(
        connection,
        "portal.partner_user_tenant",
        "user_id tenant_id",
        ((one.id, tenant_id(slug)) for one in PEOPLE for slug in one.limited),
    )


def _person(one: PartnerPerson, roll: Roll) -> tuple[object, ...]:
    zone = "Europe/London" if one.partner.country in {"GB", "IE"} else "America/Chicago"
    born = roll.now - _FOUNDED
    return roll.row("partner_user", one.email, born=born, status=one.status, language=one.language, timezone=zone)


def seed_staff(connection: Connection, roll: Roll) -> None:
    """Write the vendor's people, one for each role."""
    born = roll.now - _FOUNDED
    copy(
        connection,
        "portal.staff_user",
        f"{COLUMNS} roles",
        (
            (*roll.row("staff_user", f"{role}@halcyon.example", born=born, timezone="America/New_York"), [role])
            for role in STAFF_ROLES
        ),
    )
