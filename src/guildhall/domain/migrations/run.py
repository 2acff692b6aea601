"""Bring a database to what this version of the code needs: roles, both histories, jobs, the boundary."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import psycopg
import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory

from guildhall.core.db import PORTAL, TENANCY
from guildhall.core.errors import Conflict
from guildhall.domain import tasks
from guildhall.domain.access.boundary.apply import apply
from guildhall.domain.access.boundary.roles import LOGINS, create_roles, named
from guildhall.domain.migrations import jobs, tables

HISTORIES = {"portal": PORTAL, "tenancy": TENANCY}
# What the migrating log-in may become: it migrates, and its commands import under `platform`.
MIGRATING = ("owner", "definer", "platform")
_SMALL = 8_000_000  # bytes
_LOCK = 7_238_114_906  # any number that no other program uses
__all__ = ["MIGRATING", "config", "history", "migrate", "tables", "tasks"]


def config(schema: str, connection: sa.Connection | None = None, owner: str = "") -> Config:
    """Return Alembic's configuration for one history."""
    made = Config()
    made.set_main_option("script_location", str(files("guildhall.domain.migrations").joinpath(schema)))
    made.attributes.update(connection=connection, owner=owner)
    return made


def history(schema: str) -> None:
    """Run the history of `schema` over the connection that `config` carries, as the owner."""
    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        target_metadata=HISTORIES[schema],
        version_table_schema=schema,
        include_schemas=True,
        include_name=lambda name, kind, parents: (
            name == schema
            if kind == "schema"
            else kind != "table" or (parents["schema_name"] == schema and name not in {"boundary", "alembic_version"})
        ),
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def migrate(url: str, *, prefix: str, logins: Mapping[str, tuple[str, ...]] = LOGINS) -> list[str]:
    """Make roles, bring both histories to their heads, write the boundary; return what was done, in words.

    `url` is a psycopg connection string of somebody with CREATEROLE who may create schemas. `logins` maps
    log-in names to the roles they may become. Two runs at once wait for each other. Raises Conflict for a database
    whose history this version does not know.
    """
    done, moved = [], False
    with psycopg.connect(url, autocommit=True) as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        with psycopg.connect(url) as connection:
            _roles(connection, prefix, logins)
        engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=sa.NullPool)
        for schema in HISTORIES:
            before, after = _upgrade(engine, schema, prefix)
            done.append(f"{schema}: {before or 'empty'} -> {after}")
            moved = moved or before != after
        with psycopg.connect(url) as connection:
            before, after = jobs.install(connection, prefix)
            done.append(f"jobs: {before or 'empty'} -> {after}")
        with psycopg.connect(url) as connection:
            changed = apply(connection, prefix=prefix, logins=dict(logins))
            done.append("boundary: " + ("written" if changed else "as it should be"))
        done += [f"vacuumed: {table}" for table in _vacuumed(guard, prefix)] if moved else []
    return done


def _vacuumed(connection: psycopg.Connection[Any], prefix: str) -> list[str]:
    """Vacuum every table that was written anew and is not small; return their names.

    PostgreSQL has forgotten which of their pages all may see, so that indexes alone would answer nothing, and comes to
    look at a table only after many of its rows have changed.
    """
    found = connection.execute(
        "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = ANY (%s) AND c.relkind = 'r' AND c.relallvisible = 0 AND pg_relation_size(c.oid) > %s",
        [list(HISTORIES), _SMALL],
    ).fetchall()
    connection.execute(named("SET ROLE @owner", prefix).encode())
    for (table,) in found:
        connection.execute(f"VACUUM (ANALYZE) {table}".encode())
    connection.execute("RESET ROLE")
    return [table for (table,) in found]


def _roles(connection: psycopg.Connection[Any], prefix: str, logins: Mapping[str, tuple[str, ...]]) -> None:
    """Make the roles and the schemas, and let the migrating log-in become the roles that it works as."""
    version = connection.info.server_version
    for statement in create_roles(prefix=prefix, server_version=version, logins=logins):
        connection.execute(statement.encode())
    options = " WITH INHERIT FALSE, SET TRUE" if version >= 160000 else ""  # noqa: PLR2004
    for role in MIGRATING:
        connection.execute(named(f"GRANT @{role} TO CURRENT_USER{options}", prefix).encode())
    for schema in (*HISTORIES, "jobs"):
        connection.execute(named(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION @owner", prefix).encode())


def _upgrade(engine: sa.Engine, schema: str, prefix: str) -> tuple[str | None, str | None]:
    """Bring one history to its head as the owner; return the revisions before and after."""
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
        connection.execute(sa.text(named("SET LOCAL ROLE @owner", prefix)))
        before = _revision(connection, schema)
        _known(schema, before)
        command.upgrade(config(schema, connection), "head")
        return before, _revision(connection, schema)


def _known(schema: str, revision: str | None) -> None:
    """Raise Conflict for a revision that this version of the code does not know."""
    known = {step.revision for step in ScriptDirectory.from_config(config(schema)).walk_revisions()}
    if revision is not None and revision not in known:
        found = {"schema": schema, "revision": revision}
        raise Conflict(
            "The database is of a version that this one does not know (%(schema)s %(revision)s). Run that one or a newer one",
            values=found,
        )


def _revision(connection: sa.Connection, schema: str) -> str | None:
    """Return the revision that a history stands at, or None before its first."""
    if connection.scalar(sa.text("SELECT to_regclass(:name)"), {"name": f"{schema}.alembic_version"}) is None:
        return None
    revision: str | None = connection.scalar(sa.text(f"SELECT version_num FROM {schema}.alembic_version"))
    return revision
