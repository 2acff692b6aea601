"""Saved views of a person's tickets: a name for filters (PRODUCT §8)."""

from sqlalchemy import Boolean, Column, Index, Table, Text, func, text

from guildhall.core.columns import created, document, id_column, to
from guildhall.core.db import PORTAL

ticket_view = Table(
    "ticket_view",
    PORTAL,
    id_column(),
    to("portal.partner_user", "user_id"),
    Column("name", Text, nullable=False),
    document("filters"),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
    created(),
    comment="What one person alone calls some filters of the list and the board of tickets",
)
Index("uq_ticket_view_user_id_name", ticket_view.c.user_id, func.lower(ticket_view.c.name), unique=True)
Index("uq_ticket_view_default", ticket_view.c.user_id, unique=True, postgresql_where=text("is_default"))
