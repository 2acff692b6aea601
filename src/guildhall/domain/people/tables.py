"""Three identity tables, one kind of person each, and their sessions (PRODUCT §2, §3).

The three have the same shape and nothing in common: no query joins them and no role reads two.
"""

from typing import Literal, get_args

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.schema import SchemaItem

from guildhall.core.columns import created, digest, id_column, moment, one_of, to, updated, words
from guildhall.core.db import PORTAL, TENANCY

PERSON_STATUSES = ("active", "deactivated")
TenantScope = Literal["all", "include", "exclude"]
TENANT_SCOPES: tuple[TenantScope, ...] = get_args(TenantScope)
SECRET_COLUMNS = frozenset({"password_hash", "totp_secret", "token_hash", "code_hash", "secret_hash"})


def _person(name: str, metadata: MetaData, *more: SchemaItem) -> Table:
    """Return one identity table; `more` is what sets this kind of person apart."""
    return Table(
        name,
        metadata,
        id_column(),
        Column("email", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("status", Text, nullable=False, server_default="active"),
        Column("language", Text, nullable=False, server_default="en"),
        Column("timezone", Text, nullable=False, server_default="UTC"),
        Column("password_hash", Text),
        digest("totp_secret", nullable=True),
        Column("totp_last_step", BigInteger, nullable=False, server_default="0"),
        moment("last_active_at"),
        created(),
        updated(),
        *more,
        one_of("status", PERSON_STATUSES),
        CheckConstraint("email = lower(email) AND position('@' in email) > 1", name="email"),
        Index(f"uq_{name}_email", "email", unique=True),
    )


def _session(name: str, metadata: MetaData, person: str, *more: SchemaItem) -> Table:
    """Return the sessions of one identity table. `token_hash` is all that is kept of the token."""
    return Table(
        name,
        metadata,
        id_column(),
        to(person, "user_id", index=True),
        digest("token_hash"),
        Column("method", Text, nullable=False),
        moment("factor_at"),
        Column("ip", Text, nullable=False, server_default=""),
        Column("user_agent", Text, nullable=False, server_default=""),
        moment("last_seen_at", nullable=False),
        moment("expires_at", nullable=False),
        moment("ended_at"),
        created(),
        *more,
        Index(f"uq_{name}_token_hash", "token_hash", unique=True),
    )


partner_user = _person(
    "partner_user",
    PORTAL,
    to("portal.partner", "partner_id", index=True),
    words("roles"),
    Column("tenant_scope", Text, nullable=False, server_default="all"),
    one_of("tenant_scope", TENANT_SCOPES),
)
partner_user_tenant = Table(
    "partner_user_tenant",
    PORTAL,
    to("portal.partner_user", "user_id"),
    Column("tenant_id", Uuid, nullable=False),
    PrimaryKeyConstraint("user_id", "tenant_id"),
    comment="The tenants that `partner_user.tenant_scope` includes or excludes",
)
partner_session = _session(
    "partner_session",
    PORTAL,
    "portal.partner_user",
    Column("kind", Text, nullable=False, server_default="browser"),
    one_of("kind", ("browser", "api")),
)
partner_refresh_token = Table(
    "partner_refresh_token",
    PORTAL,
    id_column(),
    to("portal.partner_session", "session_id", index=True),
    digest("token_hash"),
    moment("expires_at", nullable=False),
    moment("used_at"),
    created(),
    Index("uq_partner_refresh_token_token_hash", "token_hash", unique=True),
)

staff_user = _person("staff_user", PORTAL, words("roles"))
staff_session = _session("staff_session", PORTAL, "portal.staff_user")

customer_user = _person("customer_user", TENANCY)
customer_membership = Table(
    "customer_membership",
    TENANCY,
    to("tenancy.customer_user", "user_id"),
    to("tenancy.tenant", "tenant_id", index=True),
    Column("role", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    created(),
    Column("invited_name", Text),
    moment("accepted_at"),
    PrimaryKeyConstraint("user_id", "tenant_id"),
    one_of("role", ("approver", "viewer")),
    one_of("status", PERSON_STATUSES),
)
customer_session = _session(
    "customer_session", TENANCY, "tenancy.customer_user", Column("tenant_id", Uuid, nullable=False)
)
sign_in_backoff = Table(
    "sign_in_backoff",
    PORTAL,
    Column("surface", Text, nullable=False),
    digest("subject"),
    Column("failures", Integer, nullable=False, server_default="0"),
    moment("blocked_until", nullable=False),
    moment("updated_at", nullable=False),
    PrimaryKeyConstraint("surface", "subject"),
    Index(None, "updated_at"),
    comment="Failed sign-ins by keyed hash of the address; growing, always ending by itself",
)
