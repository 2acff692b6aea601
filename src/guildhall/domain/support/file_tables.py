"""Files that people attach to tickets: what is known of them beside their octets (`domain/files`)."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Table, Text, Uuid, text

from guildhall.core.columns import created, id_column, one_of, to
from guildhall.core.db import TENANCY
from guildhall.domain.tenancy.tables import AUTHORS

ticket_file = Table(
    "ticket_file",
    TENANCY,
    id_column(),
    to("tenancy.tenant", "tenant_id"),
    to("tenancy.ticket", "ticket_id"),
    to("tenancy.ticket_comment", "comment_id", nullable=True, index=True),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("is_internal", Boolean, nullable=False, server_default=text("false")),
    Column("author_kind", Text, nullable=False),
    Column("author_id", Uuid),
    Column("author_name", Text, nullable=False),
    Column("author_partner_id", Uuid),
    Column("author_partner_name", Text),
    created(),
    one_of("author_kind", AUTHORS),
    CheckConstraint("size_bytes > 0", name="size_bytes"),
    Index("ix_ticket_file_ticket_id", "ticket_id", "created_at"),
    comment="A file of a ticket; its id is that of portal.file, where its octets are known",
)
