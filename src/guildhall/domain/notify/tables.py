"""Notices to the people of a partner, of a tenant, or to staff (PRODUCT §8)."""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, Text, UniqueConstraint, Uuid, text

from guildhall.core.columns import created, document, id_column, moment, one_of, to
from guildhall.core.db import PORTAL

notice = Table(
    "notice",
    PORTAL,
    id_column(),
    Column("audience", Text, nullable=False),
    Column("audience_id", Uuid),
    Column("kind", Text, nullable=False),
    Column("link_id", Uuid),
    Column("tenant_id", Uuid, comment="What it is about; null for a partner that does not know the tenant"),
    Column("person_id", Uuid, comment="Whom of the side alone it is for; null: everybody who may see its area"),
    Column("area", Text, nullable=False, server_default="", comment="What a link must open to see it; none: links"),
    document("values"),
    Column("dedupe", Text, nullable=False),
    created(),
    moment("told_at"),
    one_of("audience", ("partner", "tenant", "staff")),
    one_of("area", ("", "support", "applications", "clients")),
    UniqueConstraint("audience", "audience_id", "dedupe", postgresql_nulls_not_distinct=True),
    Index("ix_notice_audience", "audience", "audience_id", text("created_at DESC")),
    Index("ix_notice_untold", "created_at", postgresql_where=text("told_at IS NULL")),
)

notice_read = Table(
    "notice_read",
    PORTAL,
    to("portal.notice", "notice_id"),
    Column("user_id", Uuid, nullable=False),
    moment("read_at", nullable=False),
    PrimaryKeyConstraint("notice_id", "user_id"),
)

notice_read_until = Table(
    "notice_read_until",
    PORTAL,
    Column("user_id", Uuid, primary_key=True),
    moment("moment", nullable=False),
    comment="All notices up to this moment count as read by the person, so that “all” is one row",
)
