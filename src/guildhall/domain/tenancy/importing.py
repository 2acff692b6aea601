"""Import of tenant data, from files and from the platform's feed: what comes twice is the same as what came once.

Rows are read, checked and staged one by one, and every fault is reported with its row (PRODUCT §6). Written is all of
them or nothing, or, where the caller says so, those without fault; under the role `platform`, in one transaction that
also leaves an entry in the vendor's trail.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
from msgspec import Struct
from psycopg import sql

from guildhall.core import actor, db
from guildhall.core.actor import Actor, DbRole, Surface
from guildhall.core.errors import Forbidden
from guildhall.domain.audit.blocking import append
from guildhall.domain.audit.trail import Action, Target
from guildhall.domain.tenancy import importing_people
from guildhall.domain.tenancy.importing_files import Fault, Progress, UnreadableError, read, read_lines
from guildhall.domain.tenancy.importing_kinds import KINDS
from guildhall.domain.tenancy.importing_rows import Row
from guildhall.domain.tenancy.importing_writes import (
    FAULTS_SHOWN,
    Connection,
    Kind,
    Written,
    faults,
    leave_out,
    stage,
    upsert,
)

__all__ = ["KINDS", "MOST_ROWS", "Fault", "Progress", "Report", "feed", "import_file"]

MOST_ROWS = 10_000  # of one call of the feed
NEEDS = "platform.data.write"
_LOCK = 7_238_114_907  # imports wait for each other, so that two never lock rows in different orders
_EVERY_FAULT = 1_000_000
_NOTHING = Written(0, 0)
Numbered = tuple[int, Row | list[Fault]]


class Report(Struct, frozen=True):
    """What an import did, or would do. `faults` holds the first ones by row, `fault_count` says how many there are.

    `rows` is how many were read, those with faults included. With faults nothing was written, unless `partial`: then
    `refused` rows were left out.
    """

    kind: str
    dry_run: bool
    rows: int
    written: Written
    faults: tuple[Fault, ...] = ()
    fault_count: int = 0
    partial: bool = False

    @property
    def refused(self) -> int:
        """Return how many rows were left out for their faults."""
        return len({fault.row for fault in self.faults}) if self.partial else 0

    @property
    def stands(self) -> bool:
        """Return whether the rows without fault are written."""
        return self.partial or not self.fault_count

    @property
    def unchanged(self) -> int:
        """Return how many rows were already as they were said to be."""
        return self.rows - self.refused - self.written.added - self.written.changed


class _Reading:
    """How many rows were read, the first faults, and how many of these there are; `whole` while every row was read."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.rows = 0
        self.first: list[Fault] = []
        self.count = 0
        self.whole = True

    def add(self, found: list[Fault], count: int) -> None:
        """Take `found` of `count` faults; the lowest rows are kept."""
        self.first = sorted([*self.first, *found], key=lambda fault: fault.row)[: self.most]
        self.count += count

    def stop(self, fault: Fault) -> None:
        """Take a fault after which nothing can be trusted."""
        self.whole = False
        self.add([fault], 1)


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
    by = Actor(kind=actor.Kind.SYSTEM, surface=Surface.CLI, role=DbRole.PLATFORM, name="import")
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(f"{prefix}platform")))
        report = _bring(connection, kind=kind, rows=read(path, KINDS[kind].row, progress), dry_run=dry_run)
        if dry_run or not report.stands:
            connection.rollback()
        else:
            _note(connection, by, report, _origin(path))
    return report


def feed(by: Actor, *, kind: str, lines: BinaryIO, partial: bool = False) -> Report:
    """Take at most MOST_ROWS JSON lines of `kind` from the platform; return what was done, with every fault.

    All of them or nothing; with `partial` those without fault. Blocks: call it in a thread. Raises Forbidden.
    """
    if not by.may(NEEDS):
        raise Forbidden
    with db.blocking(by) as connection:
        rows = read_lines(lines, KINDS[kind].row, most=MOST_ROWS)
        report = _bring(connection, kind=kind, rows=rows, partial=partial)
        if report.stands:
            _note(connection, by, report, {})
        else:
            connection.rollback()
    return report


def _bring(
    connection: Connection, *, kind: str, rows: Iterable[Numbered], dry_run: bool = False, partial: bool = False
) -> Report:
    """Stage, check and write rows; return what was done. Where it does not stand the caller rolls back."""
    spec, found = KINDS[kind], _Reading(_EVERY_FAULT if partial else FAULTS_SHOWN)
    written = _NOTHING
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    try:
        stage(connection, spec, _good(rows, found))
        _check(connection, spec, found, partial=partial)
        if not found.count or (partial and found.whole):
            written = _write(connection, kind, spec)
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        found.stop(Fault(0, "", f"The database refused the rows: {error.diag.message_primary}"))
        written = _NOTHING
    return Report(kind, dry_run, found.rows, written, tuple(found.first), found.count, partial and found.whole)


def _good(rows: Iterable[Numbered], found: _Reading) -> Iterator[tuple[int, Row]]:
    """Yield the rows without fault; the faults of the others go to `found`."""
    try:
        for number, row in rows:
            found.rows += 1
            if isinstance(row, Row):
                yield number, row
            else:
                found.add(row, len(row))
    except UnreadableError as error:
        found.stop(error.fault)


def _check(connection: Connection, spec: Kind, found: _Reading, *, partial: bool) -> None:
    """Take what is wrong with the staged rows as a whole; where a part will do, leave those rows out."""
    while True:
        wrong, count = faults(connection, spec, most=found.most)
        found.add(wrong, count)
        if not partial or not count:
            return
        leave_out(connection, (fault.row for fault in wrong))


def _write(connection: Connection, kind: str, spec: Kind) -> Written:
    """Write the staged rows."""
    if kind == "users":
        return importing_people.write(connection)
    return upsert(connection, spec)


def _origin(path: Path) -> dict[str, Any]:
    """Return what the trail says of a file: its name and the hash of what it holds."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"file": path.name.encode(errors="replace").decode(), "sha256": digest}


def _note(connection: Connection, by: Actor, report: Report, origin: Mapping[str, Any]) -> None:
    """Leave an entry in the vendor's trail: where the rows came from, and what they did."""
    counted = {"rows": report.rows, "added": report.written.added, "changed": report.written.changed}
    changes = {**origin, **counted} | ({"refused": report.refused} if report.refused else {})
    append(connection, by, action=Action.DATA_IMPORTED, target=Target("import", report.kind), changes=changes)
