"""Bench worlds: the same partner of fifty tenants in a small and in a large world, to see what growth costs.

`large` is 1,000 partners, 100,000 tenants, 2 M invoices, 1 M tickets, 10 M usage rows, with one partner of 50 and
one of 10,000 tenants; `medium` has the same two among a fifth of the tenants; `small` is the partner of 50 in a world
of about the demo's size. The people sign in with the demo's password: `principal@bench50.example`, and in the two
larger worlds `principal@bench10k.example`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from time import perf_counter
from typing import Any

import click
import psycopg
from msgspec import Struct
from psycopg import sql

from guildhall.domain.rbac.registry import areas_of, link_permissions
from guildhall.domain.reports.sums import MANY
from guildhall.worlds import bench_rows
from guildhall.worlds.demo_people import COLUMNS, Roll
from guildhall.worlds.ground import Connection, copy, midnight

_CHUNK = 5_000  # tenants whose totals are counted at once
_TABLES = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('portal', 'tenancy')"
# How every index and key that nothing else needs is dropped, and made again as it was: foreign keys are dropped first
# and made last.
_KEYS = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname),
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
FROM pg_constraint AS c
WHERE c.connamespace = 'tenancy'::regnamespace AND (c.contype IN ('f', 'u') OR c.contype = 'p' AND NOT EXISTS (
    SELECT 1 FROM pg_constraint AS f WHERE f.contype = 'f' AND f.confrelid = c.conrelid))
ORDER BY c.contype <> 'f'
"""
_INDEXES = """
SELECT format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid AND t.relnamespace = 'tenancy'::regnamespace
WHERE NOT EXISTS (SELECT 1 FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)
"""
_MEASURED = "SELECT slug, id FROM portal.partner WHERE slug IN ('bench50', 'bench10k')"
_TRIGGERED = ("invoice", "payment", "ticket", "subscriber", "posture_snapshot", "outage", "usage_daily")


class Scale(Struct, frozen=True):
    """How large a world is; `giant` is how many tenants the second partner holds for itself, or 0."""

    partners: int
    tenants: int
    giant: int


SCALES: Mapping[str, Scale] = {
    "small": Scale(6, 90, 0),
    "medium": Scale(200, 20_000, 10_000),
    "large": Scale(1_000, 100_000, 10_000),
}


def make(url: str, *, prefix: str, scale: str) -> None:
    """Fill an empty, migrated database with the bench world `scale` (a key of SCALES); print how long each step took.

    `url` is a psycopg connection string of somebody who may become `<prefix>owner` and `<prefix>definer`.
    `guildhall.core.crypto.set_master` must have been called. One transaction: an interrupted run leaves nothing.
    """
    size, today = SCALES[scale], datetime.now(UTC).date()
    with _timed(f"{scale} bench world"):
        with psycopg.connect(url) as connection:
            _become(connection, f"{prefix}owner")
            _fill(connection, size, today)
            _become(connection, f"{prefix}definer")
            with _timed("totals"):
                _rollups(connection)
                connection.execute("SELECT portal.keep_sums(%s)", [MANY])
        with _timed("vacuum"):
            _vacuum(url, f"{prefix}owner")


@contextmanager
def _timed(step: str) -> Iterator[None]:
    """Print how long a step took."""
    begun = perf_counter()
    yield
    click.echo(f"{step:<18}{perf_counter() - begun:7.1f} s")


def _fill(connection: Connection, size: Scale, today: date) -> None:
    """Write every row but the totals, with our own triggers off, and keys and indexes made at the end, all at once."""
    connection.execute("SET LOCAL timezone = 'UTC'")
    connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
    _triggers(connection, "DISABLE")
    aside = connection.execute(_KEYS).fetchall() + connection.execute(_INDEXES).fetchall()
    for drop, _ in aside:
        connection.execute(drop)
    connection.execute(bench_rows.MADE)
    values = _values(size, today)
    for step, statement, slices in bench_rows.STEPS:
        with _timed(step):
            for number in range(slices):
                connection.execute(statement, values | {"slice": number})
    _people(connection, today)
    with _timed("keys, indexes"):
        for _, make_again in reversed(aside):
            connection.execute(make_again)
    _triggers(connection, "ENABLE")
    with _timed("statistics"):
        connection.execute("ANALYZE")


def _values(size: Scale, today: date) -> dict[str, Any]:
    """Return what the statements ask for; `first` is the number of the first ordinary partner."""
    permissions = link_permissions("msp_full", {})
    return {
        "today": today,
        "partners": size.partners,
        "tenants": size.tenants,
        "giant": size.giant,
        "first": 2 if size.giant else 1,
        "permissions": sorted(permissions),
        "areas": sorted(areas_of(permissions)),
    }


def _become(connection: Connection, role: str) -> None:
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))


def _triggers(connection: Connection, verb: str) -> None:
    """Switch our own triggers off or on (verb DISABLE, ENABLE)."""
    for table in _TRIGGERED:
        connection.execute(f"ALTER TABLE tenancy.{table} {verb} TRIGGER USER")


def _people(connection: Connection, today: date) -> None:
    """Write a principal for each of the partners that are measured."""
    roll = Roll(midnight(today))
    copy(
        connection,
        "portal.partner_user",
        f"{COLUMNS} partner_id roles",
        (
            (*roll.row("partner_user", f"principal@{slug}.example", born=roll.now), partner, ["principal"])
            for slug, partner in connection.execute(_MEASURED).fetchall()
        ),
    )


def _rollups(connection: Connection) -> None:
    """Count the totals of all tenants, some thousands at a time."""
    tenants = [tenant for (tenant,) in connection.execute("SELECT id FROM tenancy.tenant").fetchall()]
    for first in range(0, len(tenants), _CHUNK):
        for name in ("billing", "support", "subscribers", "posture", "uptime"):
            connection.execute(f"SELECT tenancy.roll_{name}(%s)", [tenants[first : first + _CHUNK]])


def _vacuum(url: str, owner: str) -> None:
    """Clean up and gather statistics, as a server does by itself after a while."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
        for (table,) in connection.execute(_TABLES).fetchall():
            connection.execute(f"VACUUM (ANALYZE) {table}")
