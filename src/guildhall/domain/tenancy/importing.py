"""Import of tenant data from CSV and JSON lines: all of a file or nothing, and twice is the same as once (PRODUCT §6).

A file is read, checked and staged row by row; every fault is reported with its row. Only a file without fault is
written, under the role `platform`, in one transaction that also leaves an entry in the vendor's trail.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from msgspec import Struct
from psycopg import sql

from guildhall.core import actor
from guildhall.core.actor import Actor, DbRole, Surface
from guildhall.domain.audit.blocking import append
from guildhall.domain.audit.trail import Action, Target
from guildhall.domain.tenancy import importing_people, importing_uptime
from guildhall.domain.tenancy.importing_files import Fault, Progress, UnreadableError, read
from guildhall.domain.tenancy.importing_kinds import KINDS
from guildhall.domain.tenancy.importing_rows import Row
from guildhall.domain.tenancy.importing_writes import FAULTS_SHOWN, Kind, Written, faults, stage, upsert

__all__ = ["KINDS", "Fault", "Progress", "Report", "import_file"]

_LOCK = 7_238_114_907  # imports wait for each other, so that two never lock rows in different orders
_NOTHING = Written(0, 0)


class Report(Struct, frozen=True):
    """What an import did, or would do. With faults nothing was written; `faults` holds the first ones by row.

    `rows` is how many were read, those with faults included.
    """

    kind: str
    dry_run: bool
    rows: int
    written: Written
    faults: tuple[Fault, ...] = ()
    fault_count: int = 0

    @property
    def unchanged(self) -> int:
        """Return how many rows were already as the file says."""
        return self.rows - self.written.added - self.written.changed


class _Reading:
    """How many rows were read, the first faults, and how many of these there are."""

    def __init__(self) -> None:
        self.rows = 0
        self.first: list[Fault] = []
        self.count = 0

    def add(self, found: list[Fault], count: int) -> None:
        """Take `found` of `count` faults; the lowest rows are kept."""
        self.first = sorted([*self.first, *found], key=lambda fault: fault.row)[:FAULTS_SHOWN]
        self.count += count


def import_file(
    url: str,
    *,
    prefix: str,
    kind: str,
    path: Path,
    dry_run: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> Report:
    """Import the file at `path` (.csv, .jsonl, .ndjson; UTF-8) of `kind` (a key of KINDS); return what was done.

    `url` is a psycopg connection string of somebody who may become `<prefix>platform`. `progress` is called with
    octets read and octets in all. A file with faults changes nothing, and neither does a dry run; a dry run's
    invitations are worthless. Raises KeyError for an unknown kind, psycopg.OperationalError without a database.
    """
    spec, found = KINDS[kind], _Reading()
    written = _NOTHING
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(f"{prefix}platform")))
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        try:
            stage(connection, spec, _good(path, spec, found, progress))
            found.add(*faults(connection, spec))
            written = _NOTHING if found.count else _write(connection, kind, spec)
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            said = f"The database refused the rows: {error.diag.message_primary}"
            found.add([Fault(0, "", said)], 1)
        report = Report(kind, dry_run, found.rows, written, tuple(found.first), found.count)
        if dry_run or found.count:
            connection.rollback()
        else:
            _note(connection, path, report)
    return report


def _good(path: Path, spec: Kind, found: _Reading, progress: Progress) -> Iterator[tuple[int, Row]]:
    """Yield the rows without fault; the faults of the others go to `found`."""
    try:
        for number, row in read(path, spec.row, progress):
            found.rows += 1
            if isinstance(row, Row):
                yield number, row
            else:
                found.add(row, len(row))
    except UnreadableError as error:
        found.add([error.fault], 1)


def _write(connection: psycopg.Connection[Any], kind: str, spec: Kind) -> Written:
    """Write the staged rows."""
    if kind == "users":
        return importing_people.write(connection)
    written = upsert(connection, spec)
    if kind == "outages" and written != _NOTHING:
        importing_uptime.recount(connection)
    return written


def _note(connection: psycopg.Connection[Any], path: Path, report: Report) -> None:
    """Leave an entry in the vendor's trail: which file, and what it did."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    by = Actor(kind=actor.Kind.SYSTEM, surface=Surface.CLI, role=DbRole.PLATFORM, name="import")
    changes = {"file": path.name.encode(errors="replace").decode(), "sha256": digest, "rows": report.rows}
    changes |= {"added": report.written.added, "changed": report.written.changed}
    append(connection, by, action=Action.DATA_IMPORTED, target=Target("import", report.kind), changes=changes)
