"""Exports of invoices: what was asked for, how far it is, and the file that it becomes."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY

from guildhall.core.columns import created, document, id_column, moment, one_of, to, words
from guildhall.core.db import PORTAL

FORMATS = ("csv", "pdf")
EXPORT_STATES = ("processing", "completed", "failed")

invoice_export = Table(
    "invoice_export",
    PORTAL,
    id_column(),
    to("portal.partner", "partner_id"),
    Column("created_by", Uuid, nullable=False),
    Column("created_by_kind", Text, nullable=False),
    Column("created_by_name", Text, nullable=False),
    Column("file_id", Uuid, ForeignKey("portal.file.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("format", Text, nullable=False),
    document("filter"),
    words("columns"),
    Column("include_line_items", Boolean, nullable=False, server_default=text("false")),
    Column("language", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="processing"),
    Column("rows_done", Integer, nullable=False, server_default="0"),
    Column("rows_total", Integer),
    Column("tenants", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    Column("left_out", Integer, nullable=False, server_default="0"),
    Column("failure", Text, nullable=False, server_default=""),
    moment("expires_at", nullable=False),
    moment("completed_at"),
    created(),
    one_of("format", FORMATS),
    one_of("status", EXPORT_STATES),
    CheckConstraint("cardinality(columns) > 0", name="columns"),
    Index("ix_invoice_export_created_by", "partner_id", "created_by", text("created_at DESC")),
    Index("ix_invoice_export_processing", "created_at", postgresql_where=text("status = 'processing'")),
    comment="An export belongs to whoever asked for it, and goes with its file",
)
