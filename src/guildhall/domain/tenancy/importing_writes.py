"""From checked rows to tables: staged by COPY, checked against what is there, written by one statement.

The statement is idempotent: rows are found by their key, and only those that differ are touched. SQL is built from
the names of tables and columns in this code only.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from msgspec import UNSET, Struct
from psycopg.types.json import Jsonb
from sqlalchemy import Column, DefaultClause, Table
from sqlalchemy.dialects import postgresql

from guildhall.core.ids import new_id
from guildhall.domain.tenancy.importing_files import Fault
from guildhall.domain.tenancy.importing_rows import Row

Connection = psycopg.Connection[Any]
FAULTS_SHOWN = 100
_TIMES = {"DATE", "TIMESTAMP WITH TIME ZONE"}
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class Check(Struct, frozen=True):
    """Something that must not be: an SQL condition over `s` and the rows that it refers to, and the sentence."""

    column: str
    wrong: str
    message: str


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of import.

    `key` are the fields that name a row, `conflict` those of the table's unique key where it needs fewer;
    `references` are fields that hold the external id of another row of the same tenant, in the table of that name;
    `unique` are further fields that no two rows share; `defaults` is SQL for fields that the table itself gives no
    default; `besides` is SQL for columns that no field fills.
    """

    row: type[Row]
    table: Table
    key: tuple[str, ...]
    conflict: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    defaults: Mapping[str, str] = {}
    besides: Mapping[str, str] = {}
    checks: tuple[Check, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names of the row's fields."""
        return self.row.__struct_fields__

    def refers(self, field: str) -> bool:
        """Return whether `field` holds the external id of another row."""
        return field == "tenant" or field in self.references

    def column(self, field: str) -> Column[Any]:
        """Return the column that `field` is written to."""
        return self.table.c[f"{field}_id" if self.refers(field) else field]

    def type_of(self, field: str) -> str:
        """Return the SQL type of `field` as a file holds it."""
        own = not self.refers(field) and field in self.table.c
        return self.table.c[field].type.compile(_DIALECT) if own else "text"


class Invite(Struct, frozen=True):
    """A one-time link for a new approver; `token` is shown once and kept as a hash."""

    email: str
    tenant_id: UUID
    token: str
    expires_at: datetime


class Written(Struct, frozen=True):
    """How many rows were added and changed, and who is to be invited."""

    added: int
    changed: int
    invites: tuple[Invite, ...] = ()


def stage(connection: Connection, kind: Kind, rows: Iterable[tuple[int, Row]]) -> None:
    """Put rows with their numbers into a temporary table `staged`."""
    types = {field: kind.type_of(field) for field in kind.fields}
    columns = ", ".join(f"{field} {sql_type}" for field, sql_type in types.items())
    connection.execute(f"CREATE TEMPORARY TABLE staged (row bigint, id uuid, {columns}) ON COMMIT DROP")
    identified = "id" in kind.table.c  # usage has none, and most rows are of usage
    objects = [place for place, sql_type in enumerate(types.values()) if sql_type == "JSONB"]
    with connection.cursor() as cursor, cursor.copy("COPY staged FROM STDIN") as target:
        for number, row in rows:
            cells = [None if value is UNSET else value for value in msgspec.structs.astuple(row)]
            for place in objects:
                cells[place] = None if cells[place] is None else Jsonb(msgspec.to_builtins(cells[place]))
            target.write_row((number, new_id() if identified else None, *cells))
    connection.execute("ANALYZE staged")


def faults(connection: Connection, kind: Kind, *, most: int = FAULTS_SHOWN) -> tuple[list[Fault], int]:
    """Return what is wrong with the staged rows as a whole: at most `most` for each rule, and their number."""
    shown: list[Fault] = []
    count = 0
    for column, query, message in _questions(kind):
        found = connection.execute(
            f"SELECT q.row, q.detail, count(*) OVER () FROM ({query}) AS q (row, detail) ORDER BY 1 LIMIT {most:d}"
        ).fetchall()
        shown += [Fault(number, column, message.format(detail)) for number, detail, _ in found]
        count += found[0][2] if found else 0
    return shown, count


def leave_out(connection: Connection, rows: Iterable[int]) -> None:
    """Take the rows with these numbers out of those staged."""
    connection.execute("DELETE FROM staged WHERE row = ANY (%s)", [sorted(set(rows))])


def _questions(kind: Kind) -> Iterator[tuple[str, str, str]]:
    """Yield column, query for rows at fault (row, detail), and sentence of every rule."""
    for fields in (kind.key, *kind.unique):
        yield fields[-1], _doubled(fields), "the same " + " and ".join(fields) + " as in row {}"
    if "tenant" in kind.fields:
        unknown = (
            "SELECT s.row, s.tenant FROM staged AS s WHERE NOT EXISTS"
            " (SELECT 1 FROM tenancy.tenant AS x WHERE x.external_id = s.tenant)"
        )
        yield "tenant", unknown, "no tenant has the external id {!r}"
    for name in kind.references:
        missing = f"SELECT s.row, s.{name} FROM {_joined(kind)} WHERE s.{name} IS NOT NULL AND {name}.id IS NULL"
        yield name, missing, f"the tenant has no {name} with the external id {{!r}}"
    for field in kind.fields:
        if kind.type_of(field) in _TIMES:
            far = f"s.{field} NOT BETWEEN '1970-01-01' AND '2200-01-01'"
            yield (
                field,
                f"SELECT s.row, s.{field}::text FROM staged AS s WHERE {far}",
                "{!r} is too far away; write a year from 1970 to 2199",
            )
    for fields in kind.unique:
        yield fields[-1], _taken(kind, fields), "{!r} belongs to another row already"
    for check in kind.checks:
        yield check.column, f"SELECT s.row, '' FROM {_joined(kind)} WHERE {check.wrong}", check.message


def _doubled(fields: tuple[str, ...]) -> str:
    """Return the query for rows that repeat `fields` of an earlier row."""
    return (
        "SELECT x.row, x.first FROM (SELECT s.row, min(s.row) OVER (PARTITION BY "
        + ", ".join(f"s.{field}" for field in fields)
        + ") AS first FROM staged AS s) AS x WHERE x.row > x.first"
    )


def _taken(kind: Kind, fields: tuple[str, ...]) -> str:
    """Return the query for rows whose `fields` another stored row has."""
    same = " AND ".join(f"o.{kind.column(field).name} = {_source(kind, field)}" for field in fields)
    return (
        f"SELECT s.row, s.{fields[-1]} FROM {_joined(kind)} JOIN {kind.table.fullname} AS o ON {same}"
        " WHERE o.external_id IS DISTINCT FROM s.external_id"
    )


def _joined(kind: Kind) -> str:
    """Return staged rows `s` with their tenant, what they refer to, and `t`, the row as it is stored now."""
    joins = ["staged AS s"]
    if "tenant" in kind.fields:
        joins.append("JOIN tenancy.tenant AS tenant ON tenant.external_id = s.tenant")
    joins += [
        f"LEFT JOIN tenancy.{name} AS {name} ON {name}.tenant_id = tenant.id AND {name}.external_id = s.{name}"
        for name in kind.references
    ]
    key = " AND ".join(f"t.{kind.column(field).name} = {_source(kind, field)}" for field in kind.key)
    return " ".join([*joins, f"LEFT JOIN {kind.table.fullname} AS t ON {key}"])


def _source(kind: Kind, field: str) -> str:
    """Return the SQL for what a row says about `field`."""
    return f"{field}.id" if kind.refers(field) else f"s.{field}"


def _value(kind: Kind, field: str, *, keeps: bool) -> str:
    """Return the SQL for what `field` becomes: what the row says, else what is stored, else the default."""
    if not keeps:
        return _source(kind, field)
    return f"coalesce({_source(kind, field)}, t.{kind.column(field).name}, {_default(kind, field)})"


def _default(kind: Kind, field: str) -> str:
    """Return the SQL of a column's default."""
    if field in kind.defaults:
        return kind.defaults[field]
    default = kind.column(field).server_default
    if not isinstance(default, DefaultClause):
        return "NULL"
    return f"'{default.arg}'" if isinstance(default.arg, str) else str(default.arg)


def upsert(connection: Connection, kind: Kind) -> Written:
    """Write the staged rows: new ones are added, those that differ are changed, the others left alone."""
    keeps = {field.name for field in msgspec.structs.fields(kind.row) if field.default is UNSET}
    values = {kind.column(field).name: _value(kind, field, keeps=field in keeps) for field in kind.fields}
    key = {kind.column(field).name for field in kind.key}
    stored = [name for name in values if name not in key]
    made = ({"id": "coalesce(t.id, s.id)"} if "id" in kind.table.c else {}) | values | dict(kind.besides)
    conflict = [kind.column(field).name for field in kind.conflict or kind.key]
    change = [f"{name} = excluded.{name}" for name in stored]
    change += ["updated_at = now()"] if "updated_at" in kind.table.c else []
    change += ["version = now.version + 1"] if "version" in kind.table.c else []
    row = connection.execute(
        f"WITH written AS (INSERT INTO {kind.table.fullname} AS now ({', '.join(made)})"
        f" SELECT {', '.join(made.values())} FROM {_joined(kind)}"
        f" ON CONFLICT ({', '.join(conflict)}) DO UPDATE SET {', '.join(change)}"
        f" WHERE ({', '.join(f'now.{name}' for name in stored)})"
        f" IS DISTINCT FROM ({', '.join(f'excluded.{name}' for name in stored)}) RETURNING xmax = 0 AS added)"
        " SELECT count(*) FILTER (WHERE added), count(*) FILTER (WHERE NOT added) FROM written"
    ).fetchone()
    added, changed = row or (0, 0)
    return Written(added, changed)
