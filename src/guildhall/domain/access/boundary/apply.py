"""Write the boundary into the database: functions, triggers, grants and policies, from their one source.

It is a repeatable step after the migrations, not part of their history: the registry of the code that runs is
what the database enforces. One transaction; nothing happens when the fingerprint is the one already there.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import psycopg

from guildhall.domain.access.boundary.functions import (
    CALLS,
    DEFINER_DELETES,
    DEFINER_LOCKS,
    DEFINER_WRITES,
    functions,
)
from guildhall.domain.access.boundary.policies import RULES
from guildhall.domain.access.boundary.roles import (
    DOORS,
    LOGINS,
    PLAIN_ROLES,
    SHARED_DOORS,
    SURFACE_ROLES,
    named,
)
from guildhall.domain.access.boundary.rules import Rule

_DEFINER_READS = "GRANT SELECT ON ALL TABLES IN SCHEMA portal, tenancy TO @definer"


def grants() -> Iterator[str]:
    """Yield the grants and policies of every table, then the calls."""
    for table, rules in RULES.items():
        yield from _table(table, rules)
    for table in DEFINER_WRITES:
        yield f"GRANT INSERT, UPDATE ON {table} TO @definer"
    for table in DEFINER_LOCKS:
        yield f"GRANT UPDATE (updated_at) ON {table} TO @definer"
    for table in DEFINER_DELETES:
        yield f"GRANT DELETE ON {table} TO @definer"
    yield "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA portal, tenancy FROM PUBLIC"
    for function, roles in CALLS.items():
        yield f"GRANT EXECUTE ON FUNCTION {function} TO {', '.join(f'@{role}' for role in (*roles, 'owner'))}"


def door_grants(logins: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the doors that each log-in may open: those of the roles that it may become."""
    for login, roles in logins.items():
        name = f"@{login}" if login in LOGINS else f'"{login}"'
        yield f"GRANT USAGE ON SCHEMA portal, tenancy TO {name}"
        for function in (*SHARED_DOORS, *(door for role in roles for door in DOORS[role])):
            yield f"GRANT EXECUTE ON FUNCTION {function} TO {name}"


def _table(table: str, rules: tuple[Rule, ...]) -> Iterator[str]:
    """Yield what opens one table: to nobody, then rule by rule."""
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    yield f"CREATE POLICY owner ON {table} TO @owner USING (true) WITH CHECK (true)"
    yield f"CREATE POLICY definer ON {table} TO @definer USING (true) WITH CHECK (true)"
    for number, rule in enumerate(rules):
        columns = f" ({', '.join(rule.columns)})" if rule.columns else ""
        yield f"GRANT {rule.command}{columns} ON {table} TO @{rule.role}"
        using = f" USING ({rule.rows})" if rule.rows else ""
        check = f" WITH CHECK ({rule.check})" if rule.check else ""
        name = f"{rule.role}_{rule.command.lower()}_{number}"
        yield f"CREATE POLICY {name} ON {table} FOR {rule.command} TO @{rule.role}{using}{check}"


def fingerprint(prefix: str, logins: dict[str, tuple[str, ...]]) -> str:
    """Return the SHA-256 of everything that `apply` would run."""
    script = "\n".join([prefix, _DEFINER_READS, functions(), *grants(), *door_grants(logins)])
    return hashlib.sha256(script.encode()).hexdigest()


def apply(connection: psycopg.Connection[Any], *, prefix: str, logins: dict[str, tuple[str, ...]]) -> bool:
    """Bring functions, grants and policies to what the code says; return whether anything had to change.

    `connection` may become owner and definer. Runs in the caller's transaction.
    """
    mark = fingerprint(prefix, logins)
    connection.execute(named("SET LOCAL ROLE @owner", prefix).encode())
    connection.execute(
        "CREATE TABLE IF NOT EXISTS portal.boundary (fingerprint text NOT NULL, applied_at timestamptz NOT NULL)"
    )
    if connection.execute("SELECT 1 FROM portal.boundary WHERE fingerprint = %s", [mark]).fetchone():
        return False
    everybody = ", ".join(f"@{name}" for name in (*SURFACE_ROLES, *LOGINS))
    _run(
        connection,
        prefix,
        "GRANT USAGE, CREATE ON SCHEMA portal, tenancy TO @definer;"
        f" GRANT USAGE ON SCHEMA portal, tenancy TO {everybody}",
    )
    _clear(connection, prefix)
    _run(connection, prefix, _DEFINER_READS)
    _run(connection, prefix, "SET LOCAL ROLE @definer; SET LOCAL check_function_bodies = off")
    _run(connection, prefix, functions())
    _run(connection, prefix, "SET LOCAL ROLE @owner; REVOKE CREATE ON SCHEMA portal, tenancy FROM @definer")
    for statement in grants():
        role = "@definer" if "FUNCTION" in statement else "@owner"
        _run(connection, prefix, f"SET LOCAL ROLE {role}; {statement}")
    for statement in door_grants(logins):
        role = "@definer" if "FUNCTION" in statement else "@owner"
        _run(connection, prefix, f"SET LOCAL ROLE {role}; {statement}")
    # The triggers are there, and whoever writes waits for this transaction: no row comes in between.
    _run(connection, prefix, "SET LOCAL ROLE @definer; SELECT tenancy.roll_old_days()")
    _run(connection, prefix, "SET LOCAL ROLE @owner; DELETE FROM portal.boundary")
    connection.execute("INSERT INTO portal.boundary VALUES (%s, now())", [mark])
    return True


def _run(connection: psycopg.Connection[Any], prefix: str, sql: str) -> None:
    """Run a script of our own making."""
    connection.execute(named(sql, prefix).encode())


def _clear(connection: psycopg.Connection[Any], prefix: str) -> None:
    """Drop every policy and take back every right of the surfaces, before the new ones are written."""
    rows = connection.execute(
        "SELECT schemaname, tablename, policyname FROM pg_policies WHERE schemaname IN ('portal', 'tenancy')"
    ).fetchall()
    for schema, table, policy in rows:
        _run(connection, prefix, f"DROP POLICY {policy} ON {schema}.{table}")
    # Those of the areas go with it. They are @definer's: the schema's owner drops them, but grants nothing on them.
    _run(connection, prefix, "DROP VIEW IF EXISTS portal.reached CASCADE")
    roles = ", ".join(f"@{role}" for role in PLAIN_ROLES if role != "owner")
    _run(
        connection,
        prefix,
        f"REVOKE SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA portal, tenancy FROM {roles}",
    )
