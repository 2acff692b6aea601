"""One-time links and recovery codes: three tables of each, one for each kind of person (PRODUCT §3).

Like the identity tables the three have the same shape and nothing in common.
"""

from sqlalchemy import CheckConstraint, Column, Index, MetaData, Table, Text, Uuid, text
from sqlalchemy.schema import SchemaItem

from guildhall.core.columns import created, digest, id_column, moment, one_of, to
from guildhall.core.db import PORTAL, TENANCY

PURPOSES = ("join", "first", "reset", "recover")


def _one_time(name: str, metadata: MetaData, person: str, *more: SchemaItem) -> Table:
    """Return the one-time links of one identity table; `token_hash` is all that is kept of the token."""
    return Table(
        name,
        metadata,
        id_column(),
        to(person, "user_id", index=True),
        Column("purpose", Text, nullable=False, server_default="join"),
        digest("token_hash"),
        Column("created_by", Text, nullable=False),
        moment("expires_at", nullable=False),
        moment("used_at"),
        created(),
        *more,
        one_of("purpose", PURPOSES),
        Index(f"uq_{name}_token_hash", "token_hash", unique=True),
        comment="One-time links: join and first set password and factor, reset a password, recover both anew",
    )


def _recovery_code(name: str, metadata: MetaData, person: str) -> Table:
    """Return the recovery codes of one identity table; each works once."""
    return Table(
        name,
        metadata,
        id_column(),
        to(person, "user_id"),
        digest("code_hash"),
        moment("used_at"),
        created(),
        Index(f"uq_{name}_code", "user_id", "code_hash", unique=True),
        comment="Keyed hashes of recovery codes, which stand in for a second factor once each",
    )


partner_one_time = _one_time("partner_one_time", PORTAL, "portal.partner_user")
staff_one_time = _one_time("staff_one_time", PORTAL, "portal.staff_user")
customer_one_time = _one_time(
    "customer_one_time", TENANCY, "tenancy.customer_user", to("tenancy.tenant", "tenant_id", index=True)
)
partner_recovery_code = _recovery_code("partner_recovery_code", PORTAL, "portal.partner_user")
staff_recovery_code = _recovery_code("staff_recovery_code", PORTAL, "portal.staff_user")
customer_recovery_code = _recovery_code("customer_recovery_code", TENANCY, "tenancy.customer_user")

partner_recovery = Table(
    "partner_recovery",
    PORTAL,
    id_column(),
    to("portal.partner_user", "user_id", index=True),
    Column("reason", Text, nullable=False),
    Column("asked_by_id", Uuid, nullable=False),
    Column("asked_by_name", Text, nullable=False),
    Column("confirmed_by_id", Uuid),
    Column("confirmed_by_name", Text),
    moment("confirmed_at"),
    moment("withdrawn_at"),
    created(),
    CheckConstraint("confirmed_by_id <> asked_by_id", name="two_people"),
    CheckConstraint("(confirmed_by_id IS NULL) = (confirmed_at IS NULL)", name="confirmed"),
    Index(
        "uq_partner_recovery_open",
        "user_id",
        unique=True,
        postgresql_where=text("confirmed_at IS NULL AND withdrawn_at IS NULL"),
    ),
    comment="Recovery of a partner's last principal: one of staff asks, another confirms",
)
