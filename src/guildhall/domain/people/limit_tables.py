"""Which customers a person of a partner reaches: named groups of them, and the groups that a limit names (PRODUCT §3).

The customers that a limit names one by one are in `tables.partner_user_tenant`.
"""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, Text, Uuid, func

from guildhall.core.columns import created, id_column, to, updated
from guildhall.core.db import PORTAL

tenant_group = Table(
    "tenant_group",
    PORTAL,
    id_column(),
    to("portal.partner", "partner_id"),
    Column("name", Text, nullable=False),
    created(),
    updated(),
    comment="A partner's own names for some of its customers; limits of people name them",
)
Index("uq_tenant_group_partner_id_name", tenant_group.c.partner_id, func.lower(tenant_group.c.name), unique=True)
tenant_group_tenant = Table(
    "tenant_group_tenant",
    PORTAL,
    to("portal.tenant_group", "group_id"),
    Column("tenant_id", Uuid, nullable=False),
    PrimaryKeyConstraint("group_id", "tenant_id"),
)
partner_user_group = Table(
    "partner_user_group",
    PORTAL,
    to("portal.partner_user", "user_id"),
    to("portal.tenant_group", "group_id", index=True),
    PrimaryKeyConstraint("user_id", "group_id"),
    comment="The groups that `partner_user.tenant_scope` includes or excludes, beside single tenants",
)
