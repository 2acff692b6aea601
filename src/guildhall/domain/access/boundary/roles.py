"""Database roles of an installation: the surfaces' roles, the owner, the definer, and the log-ins (BOUNDARY §4)."""

import re
from collections.abc import Iterator, Mapping

SURFACE_ROLES = ("partner", "customer", "staff", "platform", "worker")
PLAIN_ROLES = ("owner", "definer", *SURFACE_ROLES)

# Log-in -> the roles it may become, and no others.
LOGINS: Mapping[str, tuple[str, ...]] = {
    "login_partners": ("partner",),
    "login_customers": ("customer",),
    "login_staff": ("staff",),
    "login_api": ("partner", "platform"),
    "login_worker": ("worker", "platform"),
}
COUNT_CALL = "portal.count_call(uuid, text, integer, integer, boolean, uuid, integer)"
# What a bare log-in may call, before anybody is known.
DOORS: Mapping[str, tuple[str, ...]] = {
    "partner": (
        "portal.find_partner_session(bytea, uuid, text, uuid)",
        "portal.find_partner_login(text)",
        "portal.use_refresh_token(bytea)",
        "portal.find_partner_one_time(bytea)",
        "portal.find_partner_passkey(bytea)",
        "portal.find_partner_email_link(bytea)",
        "portal.try_partner_email_code(bytea)",
        "portal.partner_recovery_code_fits(uuid, bytea)",
        "portal.find_client(uuid, bytea)",
        "portal.find_client_session(uuid, uuid)",
        "portal.client_used(uuid, text)",
        COUNT_CALL,
    ),
    "customer": (
        "tenancy.find_customer_session(bytea)",
        "tenancy.find_customer_login(text)",
        "tenancy.find_customer_one_time(bytea)",
        "tenancy.find_customer_passkey(bytea)",
        "tenancy.find_customer_email_link(bytea)",
        "tenancy.try_customer_email_code(bytea)",
        "tenancy.customer_recovery_code_fits(uuid, bytea)",
    ),
    "staff": (
        "portal.find_staff_session(bytea)",
        "portal.find_staff_login(text)",
        "portal.find_staff_one_time(bytea)",
        "portal.find_staff_passkey(bytea)",
        "portal.find_staff_email_link(bytea)",
        "portal.try_staff_email_code(bytea)",
        "portal.staff_recovery_code_fits(uuid, bytea)",
    ),
    "platform": ("portal.find_platform_session(uuid)", COUNT_CALL),
    "worker": (),
}
SHARED_DOORS = (
    "portal.sign_in_try(text, bytea[], integer[], integer[], integer[], integer[], timestamptz)",
    "portal.sign_in_forgive(text, bytea[], bytea[], timestamptz)",
    "portal.use_challenge(bytea, timestamptz)",
)
_TOKEN = re.compile(r"@(" + "|".join((*LOGINS, *PLAIN_ROLES)) + r")\b")


def named(sql: str, prefix: str) -> str:
    """Return `sql` with each `@role` written as the installation's own role name."""
    return _TOKEN.sub(lambda match: prefix + match[1], sql)


def create_roles(*, prefix: str, server_version: int, logins: Mapping[str, tuple[str, ...]] = LOGINS) -> Iterator[str]:
    """Yield the statements that make the roles; each can run again without harm.

    `server_version` is the number of `server_version_num` (180004 is 18.4): from 16 on each grant states its
    SET and INHERIT options. `logins` maps log-in names to the roles that they may become.
    """
    for role in PLAIN_ROLES:
        yield _create(prefix + role, "NOLOGIN NOINHERIT")
    for login, members in logins.items():
        name = prefix + login if login in LOGINS else login
        if login in LOGINS:
            yield _create(name, "LOGIN NOINHERIT")
        for role in members:
            yield _grant(prefix + role, name, server_version)


def _create(name: str, options: str) -> str:
    """Return the statement that makes one role where it is absent."""
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN"
        f' CREATE ROLE "{name}" {options}; END IF; END $$'
    )


def _grant(role: str, to: str, server_version: int) -> str:
    """Return the statement that lets `to` become `role`, and only by SET ROLE."""
    options = " WITH INHERIT FALSE, SET TRUE" if server_version >= 160000 else ""  # noqa: PLR2004
    return f'GRANT "{role}" TO "{to}"{options}'
