"""Organisations in the programme."""

from typing import Literal, get_args

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from guildhall.core.columns import created, document, id_column, one_of, updated
from guildhall.core.db import PORTAL

Type = Literal["reseller", "mssp", "enterprise_hq", "technology_alliance", "auditor"]
Status = Literal["active", "suspended", "terminated"]
TYPES: tuple[Type, ...] = get_args(Type)
TIERS = ("silver", "gold", "platinum")  # what an installation begins with; staff edit the table partner_tier
COMMERCIAL_MODELS = ("resale", "referral", "none")
STATUSES: tuple[Status, ...] = get_args(Status)

partner = Table(
    "partner",
    PORTAL,
    id_column(),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("tier", Text, ForeignKey("portal.partner_tier.code"), nullable=False, server_default="silver"),
    Column("status", Text, nullable=False, server_default="active"),
    Column("country", Text, nullable=False, server_default=""),
    Column("website", Text, nullable=False, server_default=""),
    Column("home_tenant_id", Uuid),
    Column(
        "sign_in_methods",
        ARRAY(Text),
        comment="The ways in that this partner allows of the installation's; all of them where it is empty",
    ),
    Column("commercial_model", Text, nullable=False, server_default="resale"),
    Column("customer_limit", Integer, comment="The most customers whose links stand at once; null: no limit"),
    Column("people_limit", Integer, comment="The most people who are active or invited at once; null: no limit"),
    document("metadata"),
    created(),
    updated(),
    one_of("type", TYPES),
    one_of("commercial_model", COMMERCIAL_MODELS),
    CheckConstraint("customer_limit > 0", name="customer_limit"),
    CheckConstraint("people_limit > 0", name="people_limit"),
    one_of("status", STATUSES),
)
