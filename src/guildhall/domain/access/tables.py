"""Links, proposals to change them, and partner accounts (PRODUCT §5, BOUNDARY §2)."""

from typing import Literal, get_args

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

from guildhall.core.columns import created, document, id_column, moment, one_of, to, updated, words
from guildhall.core.db import PORTAL
from guildhall.domain.access.states import OPEN, STANDING, STATES, Pauser
from guildhall.domain.rbac.registry import FULL_CONTROL, LINK_ROLES, Area

OperatingModel = Literal["customer_managed", "co_managed", "fully_managed"]
RelationshipType = Literal["msp_managed", "enterprise_subsidiary", "reseller_channel", "audit_only"]
CustomerAccess = Literal["full", "read_only", "off"]
OfferKind = Literal["counter", "change"]
OfferStatus = Literal["open", "accepted", "declined", "withdrawn", "lapsed"]
OPERATING_MODELS: tuple[OperatingModel, ...] = get_args(OperatingModel)
RELATIONSHIP_TYPES: tuple[RelationshipType, ...] = get_args(RelationshipType)
LONGEST_FULL_CONTROL = "2 years"


def _listed(values: tuple[str, ...] | frozenset[str]) -> str:
    """Return `values` as an SQL list."""
    return ", ".join(f"'{value}'" for value in sorted(values))


# What lists over many tenants ask of each link, made from its permissions so that an index can hold the answer.
SHOWN_BY = {
    "partner.billing.read": "shows_billing",
    "partner.support.tickets.list": "shows_tickets",
    "partner.provisioning.subscribers.list": "shows_subscribers",
    "partner.posture.read": "shows_posture",
    "partner.billing.invoices.read": "shows_invoices",
    "partner.billing.summary.read": "shows_summary",
    "partner.reports.usage.read": "shows_usage",
    "partner.reports.sla.read": "shows_uptime",
    "partner.reports.revenue.read": "shows_revenue",
    "partner.alerts.sla.read": "shows_sla_alerts",
    "partner.alerts.billing.read": "shows_billing_alerts",
}
SHOWS = {
    column: f"'{permission}' = ANY (permissions)"
    + (" AND operating_model <> 'customer_managed'" if column == "shows_posture" else "")
    for permission, column in SHOWN_BY.items()
}


# The areas that a link opens as bits of one number, for portal.reached: 1 is any link at all. A new area goes
# last; its migration drops portal.reached first, which holds on to `opens` (decision 0034).
AREA_BITS = {"any": 1} | {area: 2**place for place, area in enumerate(Area, start=1)}
_OPENS = " + ".join(
    ["1"]
    + [
        f"CASE WHEN '{area}' = ANY (areas)"
        + (" AND operating_model <> 'customer_managed'" if area is Area.POSTURE else "")
        + f" THEN {bit} ELSE 0 END"
        for area, bit in AREA_BITS.items()
        if area != "any"
    ]
)

_UPTIME_TARGET = (
    "CASE WHEN jsonb_typeof(sla_config -> 'uptime_target') = 'number'"
    " THEN (sla_config ->> 'uptime_target')::numeric END"
)

COUNTED = ("posture", "summary", "usage", "uptime", "revenue")  # what rosters count, by SHOWS without “shows_”
SHOWN_BY_NAME = ("shows_subscribers", "shows_summary", "shows_usage", "shows_revenue")  # asked of tenants by name


def _shown() -> list[Column[bool]]:
    """Return the computed columns of SHOWS."""
    return [Column(name, Boolean, Computed(condition, persisted=True)) for name, condition in SHOWS.items()]


partner_tenant_link = Table(
    "partner_tenant_link",
    PORTAL,
    id_column(),
    to("portal.partner", "partner_id"),
    Column("partner_name", Text, nullable=False),
    Column("tenant_id", Uuid, comment="Soft reference; null while the request found nobody"),
    Column("tenant_name", Text, comment="Known to the partner by code or after approval, else null"),
    Column("tenant_domain", Text, nullable=False, server_default="", comment="As the partner typed it"),
    Column("partner_home_tenant_id", Uuid),
    Column("access_role", Text, nullable=False),
    document("custom_permissions"),
    words("permissions"),
    words("areas"),
    Column("relationship_type", Text, nullable=False),
    Column("operating_model", Text, nullable=False),
    Column("customer_access", Text, nullable=False, server_default="full"),
    moment("starts_at", nullable=False),
    moment("ends_at"),
    Column(
        "observed_from", DateTime(timezone=True), comment="The later beginning, the link's or the tenant's; by trigger"
    ),
    Column(
        "uptime_recorded",
        Boolean,
        nullable=False,
        server_default="false",
        comment="Whether an outage of the tenant was ever recorded; by trigger",
    ),
    Column("status", Text, nullable=False),
    Column("is_active", Boolean, Computed("status = 'active'", persisted=True)),
    *_shown(),
    Column("opens", Integer, Computed(_OPENS, persisted=True), comment="The areas as bits; see AREA_BITS"),
    Column("paused_by", Text),
    document("sla_config"),
    Column(
        "uptime_target", Numeric, Computed(_UPTIME_TARGET, persisted=True), comment="Percent; null where none is agreed"
    ),
    document("alert_config"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("notes", Text, nullable=False, server_default=""),
    document("metadata"),
    Column("attention", Text, comment="Why staff should look: no_approver"),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("created_by", Text, nullable=False),
    Column("updated_by", Text, nullable=False),
    moment("decided_at"),
    created(),
    updated(),
    one_of("access_role", tuple(LINK_ROLES)),
    one_of("relationship_type", RELATIONSHIP_TYPES),
    one_of("operating_model", OPERATING_MODELS),
    one_of("customer_access", get_args(CustomerAccess)),
    one_of("status", STATES),
    one_of("paused_by", get_args(Pauser)),
    CheckConstraint("(status = 'paused') = (paused_by IS NOT NULL)", name="paused"),
    CheckConstraint("ends_at IS NULL OR ends_at >= starts_at", name="dates"),
    CheckConstraint("partner_home_tenant_id IS DISTINCT FROM tenant_id OR tenant_id IS NULL", name="home"),
    CheckConstraint("tenant_id IS NOT NULL OR status IN ('requested', 'withdrawn', 'lapsed')", name="known"),
    CheckConstraint(f"tenant_name IS NOT NULL OR status NOT IN ({_listed(STANDING)})", name="named"),
    CheckConstraint(f"areas <@ ARRAY[{_listed(frozenset(Area))}]", name="areas"),
    CheckConstraint(
        f"access_role NOT IN ({_listed(FULL_CONTROL)})"
        f" OR (ends_at IS NOT NULL AND ends_at <= starts_at + interval '{LONGEST_FULL_CONTROL}')",
        name="longest_term",
    ),
    CheckConstraint("customer_access = 'full' OR operating_model = 'fully_managed'", name="customer_access_model"),
    Index(
        "uq_link_standing",
        "partner_id",
        "tenant_id",
        unique=True,
        postgresql_where=text(f"status IN ({_listed(STANDING)})"),
    ),
    Index(
        "uq_link_full_control",
        "tenant_id",
        unique=True,
        postgresql_where=text(f"status IN ({_listed(STANDING)}) AND access_role IN ({_listed(FULL_CONTROL)})"),
    ),
    Index(
        "uq_link_open",
        "partner_id",
        "tenant_domain",
        unique=True,
        postgresql_where=text(f"status IN ({_listed(OPEN)})"),
    ),
    # All that counting the links of a partner asks, so that it reads no row of the table; and the order of their list.
    Index("ix_link_partner", "partner_id", "status", "tenant_id", postgresql_include=["ends_at", "tenant_name"]),
    Index("ix_link_partner_created_at", "partner_id", text("created_at DESC NULLS LAST"), "id"),
    Index(
        "ix_link_opens",  # what portal.reached asks and no more: it walks all links of a partner, for each table read
        "partner_id",
        "tenant_id",
        postgresql_where=text("status = 'active'"),
        postgresql_include=["starts_at", "ends_at", "opens"],
    ),
    Index(
        "ix_link_reach",  # all that a list of tenants asks, so that it reads no row of the table
        "partner_id",
        "tenant_id",
        postgresql_where=text("status = 'active'"),
        postgresql_include=[
            "id",
            "starts_at",
            "ends_at",
            "operating_model",
            "tenant_name",
            *SHOWS,
            "uptime_target",
            "observed_from",
            "uptime_recorded",
        ],
    ),
    Index(
        "ix_link_name",  # a page of tenants by name, without looking for all the others
        "partner_id",
        text("lower(tenant_name)"),
        "tenant_id",
        postgresql_where=text("status = 'active'"),
        postgresql_include=["id", "starts_at", "ends_at", "operating_model", "tenant_name", *SHOWN_BY_NAME],
    ),
    Index("ix_link_tenant", "tenant_id", "status"),
    Index("ix_link_ends_at", "ends_at", postgresql_where=text(f"status IN ({_listed(STANDING)})")),
)

link_change = Table(
    "link_change",
    PORTAL,
    id_column(),
    to("portal.partner_tenant_link", "link_id", index=True),
    Column("kind", Text, nullable=False),
    Column("access_role", Text, nullable=False),
    document("custom_permissions"),
    words("permissions"),
    words("areas"),
    Column("operating_model", Text, nullable=False),
    Column("ends_at", DateTime(timezone=True)),
    Column("status", Text, nullable=False, server_default="open"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("proposed_by", Text, nullable=False),
    Column("decided_by", Text),
    moment("decided_at"),
    created(),
    one_of("kind", get_args(OfferKind)),
    one_of("status", get_args(OfferStatus)),
    Index("uq_link_change_open", "link_id", unique=True, postgresql_where=text("status = 'open'")),
    comment="What one side offers the other: the tenant's counter-offer, or the partner's wish for more",
)

partner_account = Table(
    "partner_account",
    PORTAL,
    id_column(),
    to("portal.partner", "partner_id"),
    Column("home_tenant_id", Uuid, nullable=False),
    Column("subscriber_id", Uuid, nullable=False, comment="Soft reference to a subscriber of the home tenant"),
    Column("engagement_type", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("created_by", Text, nullable=False),
    moment("ended_at"),
    created(),
    one_of("engagement_type", ("managed", "referral", "reseller")),
    one_of("status", ("active", "ended")),
    Index(
        "uq_partner_account_active",
        "subscriber_id",
        unique=True,
        postgresql_where=text("status = 'active'"),
    ),
    Index("ix_partner_account_partner", "partner_id", "home_tenant_id", "status"),
)
roster = Table(
    "roster",
    PORTAL,
    Column("partner_id", Uuid, nullable=False),  # no reference: nobody waits here for who locks the partner
    moment("since", nullable=False),
    moment("until", nullable=False),  # when the next link begins or ends by itself
    words("sums"),  # what the sums tell in whole: their tenants are just those that open it
    *(Column(name, Integer, nullable=False) for name in ("tenants", *OPERATING_MODELS, *COUNTED)),
    words("everywhere"),  # what each of the links opens, by names of SHOWS
    moment("steady_from"),  # since when uptime differs only in downtime; null where it does not
    PrimaryKeyConstraint("partner_id"),
    comment="How many tenants a partner's live links reach, and how many of them open what",
)
roster_change = Table(
    "roster_change",
    PORTAL,
    Column("partner_id", Uuid, nullable=False),
    Index("ix_roster_change_partner_id", "partner_id"),
    comment="Partners whose links changed since their roster was counted",
)
