"""Passkeys and links by mail: three tables of each, one for each kind of person; and the challenges that were shown."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text

from guildhall.core.columns import created, digest, id_column, moment, to
from guildhall.core.db import PORTAL, TENANCY


def _passkey(name: str, metadata: MetaData, person: str) -> Table:
    """Return the passkeys of one identity table. A public key is no secret."""
    return Table(
        name,
        metadata,
        id_column(),
        to(person, "user_id", index=True),
        Column("credential_id", LargeBinary, nullable=False),
        Column("public_key", LargeBinary, nullable=False),
        Column("sign_count", BigInteger, nullable=False, server_default="0"),
        Column("name", Text, nullable=False),
        Column("synced", Boolean, nullable=False, server_default="false"),
        moment("last_used_at"),
        created(),
        Index(f"uq_{name}_credential_id", "credential_id", unique=True),
        comment="Passkeys (WebAuthn); `synced` ones are kept by their owner's password manager",
    )


def _email_link(name: str, metadata: MetaData, person: str) -> Table:
    """Return the sign-in links of one identity table; hashes are all that is kept of link, code and browser."""
    return Table(
        name,
        metadata,
        id_column(),
        to(person, "user_id", nullable=True, index=True),
        digest("token_hash"),
        digest("code_hash"),
        digest("browser_hash"),
        Column("tries", Integer, nullable=False, server_default="0"),
        moment("expires_at", nullable=False),
        moment("used_at"),
        created(),
        Index(f"uq_{name}_token_hash", "token_hash", unique=True),
        Index(f"ix_{name}_browser_hash", "browser_hash"),
        comment="Sign-in links by mail; one without a person was asked for an address that nobody has",
    )


partner_passkey = _passkey("partner_passkey", PORTAL, "portal.partner_user")
staff_passkey = _passkey("staff_passkey", PORTAL, "portal.staff_user")
customer_passkey = _passkey("customer_passkey", TENANCY, "tenancy.customer_user")
partner_email_link = _email_link("partner_email_link", PORTAL, "portal.partner_user")
staff_email_link = _email_link("staff_email_link", PORTAL, "portal.staff_user")
customer_email_link = _email_link("customer_email_link", TENANCY, "tenancy.customer_user")

used_challenge = Table(
    "used_challenge",
    PORTAL,
    Column("challenge", LargeBinary, primary_key=True),
    moment("expires_at", nullable=False),
    comment="Challenges of passkeys that were shown once and count no more",
)
