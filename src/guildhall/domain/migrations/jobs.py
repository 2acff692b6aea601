"""Schema `jobs`: procrastinate's own tables and functions, brought to the version that is installed here.

An empty schema gets the whole script; an older one the migration scripts that procrastinate ships, in their order.
"""

import re
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import psycopg
from procrastinate.schema import SchemaManager

from guildhall.domain.access.boundary.roles import named

_SCRIPT = re.compile(r"(\d+)\.(\d+)\.(\d+)_(\d+)_\w+\.sql")
_OWN = """
CREATE TABLE IF NOT EXISTS jobs.installed (version text NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS jobs.failure (
    job_id bigint PRIMARY KEY REFERENCES jobs.procrastinate_jobs (id) ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT now(),
    error text NOT NULL
);
"""
# Its functions name tables without their schema: they find them wherever they are called from.
_PATHS = """
DO $$
DECLARE
    each regprocedure;
BEGIN
    FOR each IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'jobs'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = jobs, pg_catalog, pg_temp', each);
    END LOOP;
END
$$;
"""
_RIGHTS = """
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT USAGE ON SCHEMA jobs TO @worker, @definer;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA jobs TO @worker, @definer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs TO @worker, @definer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO @worker;
GRANT SELECT ON ALL TABLES IN SCHEMA jobs TO @definer;
GRANT INSERT, UPDATE ON jobs.procrastinate_jobs TO @definer;
GRANT INSERT ON jobs.procrastinate_events TO @definer;
"""


def install(connection: psycopg.Connection[Any], prefix: str) -> tuple[str, str]:
    """Bring the schema to the installed version as the owner; return the versions before ("" for none) and after."""
    connection.execute(named("SET LOCAL ROLE @owner", prefix).encode())
    connection.execute("SET LOCAL search_path = jobs, pg_catalog")
    before, after = _recorded(connection), version("procrastinate")
    for script in _scripts(before) if before else [SchemaManager.get_schema()]:
        connection.execute(script.encode())
    connection.execute(_OWN)
    connection.execute(_PATHS)
    if before != after:
        connection.execute("INSERT INTO jobs.installed (version) VALUES (%s)", [after])
    connection.execute(named(_RIGHTS, prefix).encode())
    return before, after


def _recorded(connection: psycopg.Connection[Any]) -> str:
    """Return the version that the schema was last brought to, or "" where it is empty."""
    if connection.execute("SELECT to_regclass('jobs.installed')").fetchone() == (None,):
        return ""
    row = connection.execute("SELECT version FROM jobs.installed ORDER BY at DESC LIMIT 1").fetchone()
    return str(row[0]) if row else ""


def _scripts(before: str) -> list[str]:
    """Return procrastinate's migration scripts for versions after `before`, in their order."""
    found = []
    for path in files("procrastinate.sql").joinpath("migrations").iterdir():
        number = _SCRIPT.fullmatch(path.name)
        if number and tuple(map(int, number.groups()[:3])) > tuple(map(int, before.split(".")[:3])):
            found.append((path.name, path.read_text()))
    return [text for _, text in sorted(found)]
