"""Calls that were counted, and the quotas of partners that have their own."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from guildhall.core.columns import moment, one_of, updated
from guildhall.core.db import PORTAL
from guildhall.domain.quotas.kinds import COUNTERS, MOST, OF_PARTNER

call_count = Table(
    "call_count",
    PORTAL,
    Column("subject", Uuid, nullable=False, comment="A partner, a tenant or a client of the platform"),
    Column("kind", Text, nullable=False),
    Column("seconds", Integer, nullable=False, comment="How long a call counts"),
    Column("slots", ARRAY(Integer), nullable=False, comment="Calls by sixtieths of that time, the newest last"),
    moment("used_at", nullable=False),
    Column("refused", Integer, nullable=False, server_default="0", comment="Refusals without an hour between them"),
    moment("refused_at"),
    PrimaryKeyConstraint("subject", "kind"),
    one_of("kind", COUNTERS),
    prefixes=["UNLOGGED"],
    postgresql_with={"fillfactor": "50"},
)
partner_quota = Table(
    "partner_quota",
    PORTAL,
    Column("partner_id", Uuid, ForeignKey("portal.partner.id"), primary_key=True),
    *(Column(f"{kind}_calls", Integer) for kind in OF_PARTNER),
    Column("reason", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    updated(),
    *(CheckConstraint(f"{kind}_calls BETWEEN 1 AND {MOST}", name=f"{kind}_calls") for kind in OF_PARTNER),
    comment="What staff gave a partner instead of the standard; null: the standard",
)
