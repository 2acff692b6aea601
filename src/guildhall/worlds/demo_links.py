"""The links of the demo: every state of the link machine, Northwind's exactly as the product's story counts them."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

from msgspec import Struct
from psycopg.types.json import Jsonb

from guildhall.domain.access.states import FINAL, STANDING
from guildhall.domain.rbac.registry import FULL_CONTROL, areas_of, expand, link_permissions
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.demo_partners import BY_SLUG, VENDOR, Partner, person_of
from guildhall.worlds.demo_tenants import Tenant, tenant_id
from guildhall.worlds.ground import Connection, chance, copy, made_id, midnight

# tenant | access role | operating model | status. The first fourteen, next four and next six live links of
# Northwind are co-managed, fully managed and customer-managed.
_ROWS = {
    "northwind": """
acme-fiber        msp_full     co_managed       active
harborline        msp_full     co_managed       active
cedar-valley      msp_full     co_managed       active
blue-mesa         msp_support  co_managed       active
prairie-link      msp_support  co_managed       active
summit-ridge      msp_full     co_managed       active
lakeshore         msp_full     co_managed       active
redwood-coop      msp_support  co_managed       active
quickwater        msp_billing  co_managed       active
ironwood          msp_support  co_managed       active
granite-peak      msp_full     co_managed       active
northgate         delegate     co_managed       active
tidewater         msp_support  co_managed       active
costa-verde       msp_full     co_managed       active
oakfield-dental   msp_full     fully_managed    active
brightwell        msp_full     fully_managed    active
alpenglow         msp_full     fully_managed    active
sandpiper         msp_full     fully_managed    active
thistle           msp_full     customer_managed active
severn-valley     msp_support  customer_managed active
maple-credit      msp_billing  customer_managed active
evergreen-housing msp_billing  customer_managed active
willow-energy     msp_full     customer_managed active
ridgeway          msp_support  customer_managed active
pinecrest         msp_full     co_managed       expired
silverbrook       msp_full     co_managed       paused
kestrel           msp_support  co_managed       requested
stonebridge       msp_full     co_managed       declined
juniper-foods     msp_support  co_managed       revoked""",
    "veritas": """
acme-fiber        auditor      co_managed       active
harborline        auditor      co_managed       active
cedar-valley      auditor      co_managed       active
blue-mesa         auditor      co_managed       active
summit-ridge      auditor      co_managed       active
lakeshore         auditor      co_managed       active
granite-peak      auditor      co_managed       active
oakfield-dental   auditor      fully_managed    active
brightwell        auditor      co_managed       active
thistle           auditor      customer_managed active
maple-credit      auditor      customer_managed active
willow-energy     auditor      customer_managed active
kestrel           auditor      co_managed       scheduled
pinecrest         auditor      co_managed       ended""",
    "cascadia": """
cascadia-timber   enterprise_hq fully_managed    active
cascadia-ports    enterprise_hq fully_managed    active
cascadia-energy   enterprise_hq co_managed       active
cascadia-foods    enterprise_hq co_managed       active
cascadia-rail     enterprise_hq co_managed       active
cascadia-clinics  enterprise_hq customer_managed active""",
    "alderfinch": """
copperline        reseller     customer_managed active
meadowlark        reseller     customer_managed active
severn-valley     reseller     customer_managed active
fairhaven         reseller     co_managed       countered
stonebridge       reseller     customer_managed lapsed
kestrel           reseller     customer_managed withdrawn
quarry-lake       reseller     customer_managed requested
nobody-known      reseller     customer_managed requested""",
    "bluepeak": """
acme-fiber        delegate     co_managed       active
granite-peak      delegate     customer_managed active""",
    "stillwater": """
juniper-foods     msp_support  co_managed       active
copperline        msp_billing  customer_managed active""",
}
_CUSTOM: Mapping[tuple[str, str], dict[str, bool]] = {
    ("northwind", "cedar-valley"): {"partner.billing.invoices.export": False},
    ("northwind", "prairie-link"): {
        "partner.support.tickets.update": False,
        "partner.provisioning.subscribers.activate": True,
    },
    ("northwind", "quickwater"): {"partner.support.tickets.list": True, "partner.support.tickets.read": True},
    ("northwind", "northgate"): {"partner.support.*": True, "partner.reports.sla.read": True},
    ("northwind", "willow-energy"): {"partner.provisioning.subscribers.suspend": False},
    ("bluepeak", "acme-fiber"): {"partner.reports.*": True},
    ("bluepeak", "granite-peak"): {"partner.reports.usage.read": True},
}
_RESPONSE_HOURS = {"acme-fiber": 2, "harborline": 4, "oakfield-dental": 1, "brightwell": 2, "summit-ridge": 3}
_ENDS_IN_A_WEEK = "lakeshore"
_BY_CODE = {"fairhaven"}
# What a requester learns only by code or after approval: the tenant's name.
_NAMELESS = {"requested", "declined", "lapsed", "withdrawn"}
_KINDS = {
    "mssp": "msp_managed",
    "enterprise_hq": "enterprise_subsidiary",
    "reseller": "reseller_channel",
    "auditor": "audit_only",
    "technology_alliance": "msp_managed",
}


class Link(Struct, frozen=True):
    """One link. `tenant` is None where the request found nobody under the domain `slug`.example."""

    partner: Partner
    slug: str
    tenant: Tenant | None
    role: str
    model: str
    status: str
    custom: dict[str, bool]
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime
    decided_at: datetime | None

    @property
    def id(self) -> UUID:
        """Return the link's id, the same in every demo."""
        return link_id(self.partner.slug, self.slug)

    @property
    def live(self) -> bool:
        """Return whether the link is live on the day of the world."""
        return self.status == "active"

    @property
    def permissions(self) -> frozenset[str]:
        """Return the strings that the tenant approved."""
        return link_permissions(self.role, self.custom)

    @property
    def response_hours(self) -> int | None:
        """Return the response time agreed, in hours."""
        return _RESPONSE_HOURS.get(self.slug) if self.partner.slug == "northwind" else None

    @property
    def asker(self) -> str:
        """Return the name of the person who asked for the link."""
        return person_of(self.partner.slug, "msp_full", "principal").name


def link_id(partner: str, slug: str) -> UUID:
    """Return the id of the link between a partner and a tenant, both by slug."""
    return made_id("link", partner, slug)


def links(cast: list[Tenant], today: date) -> list[Link]:
    """Return the demo's links as of `today`, partner by partner."""
    known = {tenant.slug: tenant for tenant in cast}
    return [
        _link(BY_SLUG[partner], known, line.split(), today)
        for partner, text in _ROWS.items()
        for line in text.strip().splitlines()
    ]


def _link(partner: Partner, known: dict[str, Tenant], cells: list[str], today: date) -> Link:
    slug, role, model, status = cells
    starts, ends, created = _dates(partner.slug, slug, role, status, midnight(today))
    unanswered = status in {"requested", "lapsed", "withdrawn"}
    return Link(
        partner,
        slug,
        known.get(slug),
        role,
        model,
        status,
        expand(_CUSTOM.get((partner.slug, slug), {})),
        starts,
        ends,
        created,
        None if unanswered else created + timedelta(days=1, hours=3),
    )


def _dates(
    partner: str, slug: str, role: str, status: str, now: datetime
) -> tuple[datetime, datetime | None, datetime]:
    """Return start, end and moment of the request of a link in `status`."""
    luck = chance("link", partner, slug)
    days = {"requested": 3, "countered": 6, "scheduled": 8, "lapsed": 104, "withdrawn": 40, "declined": 25}
    age = timedelta(days=days.get(status, luck.randint(60, 400) if slug != "sandpiper" else 18))
    start = now - age
    if status == "scheduled":
        return now + timedelta(days=14), now + timedelta(days=194), start
    if status == "expired":
        return start, now - timedelta(days=12), start - timedelta(days=2)
    if (partner, slug) == ("northwind", _ENDS_IN_A_WEEK):
        return now - timedelta(days=358), now + timedelta(days=7), now - timedelta(days=360)
    if role in FULL_CONTROL:
        return start, start + timedelta(days=700), start - timedelta(days=2)
    end = now + timedelta(days=luck.randint(90, 500)) if luck.random() < 0.5 else None  # noqa: PLR2004
    return start, end, start - timedelta(days=2 if status in {*STANDING, "revoked", "ended"} else 0)


def seed_links(connection: Connection, made: list[Link], today: date) -> None:
    """Write the links."""
    copy(
        connection,
        "portal.partner_tenant_link",
        "id partner_id partner_name tenant_id tenant_name tenant_domain partner_home_tenant_id access_role"
        " custom_permissions permissions areas relationship_type operating_model customer_access starts_at ends_at"
        " status paused_by sla_config alert_config reason notes attention version created_by updated_by decided_at"
        " created_at updated_at",
        (_row(link, midnight(today)) for link in made),
    )


def _row(link: Link, now: datetime) -> tuple[object, ...]:
    known = link.tenant is not None and (link.status not in _NAMELESS or link.slug in _BY_CODE)
    closed = now - timedelta(days=5) if link.status in FINAL or link.status == "paused" else None
    hours = link.response_hours
    return (
        link.id,
        link.partner.id,
        link.partner.name,
        link.tenant.id if link.tenant else None,
        link.tenant.name if link.tenant and known else None,
        f"{link.slug}.example",
        tenant_id(link.partner.home) if link.partner.home else None,
        link.role,
        Jsonb(link.custom),
        sorted(link.permissions),
        sorted(areas_of(link.permissions)),
        _KINDS[link.partner.type],
        link.model,
        "read_only" if link.slug == "brightwell" and link.model == "fully_managed" else "full",
        link.starts_at,
        link.ends_at,
        link.status,
        "tenant" if link.status == "paused" else None,
        Jsonb({"response_hours": hours, "uptime_target": 99.9} if hours else {}),
        Jsonb(_alerts(link)),
        f"{VENDOR} operations for {link.tenant.name}" if link.tenant else "We were asked to help with the network",
        "",
        "no_approver" if link.slug == "quarry-lake" else None,
        1,
        link.asker,
        full_name(f"admin@{link.slug}.example") if link.decided_at else link.asker,
        link.decided_at,
        link.created_at,
        closed or link.decided_at or link.created_at,
    )


def _alerts(link: Link) -> dict[str, object]:
    if not link.response_hours or not link.tenant:
        return {}
    return {
        "sla_breach": True,
        "billing_threshold": {"amount": "2500.00", "currency": link.tenant.currency},
    }
