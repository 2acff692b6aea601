"""SQL put together from fixed pieces, as the driver takes it."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.types import TypeEngine


class Fixed(Struct, frozen=True):
    """A statement with its values numbered, and their names in that order."""

    sql: str
    names: tuple[str, ...]

    def ordered(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values that the statement takes, in its order; raises KeyError where one is missing."""
        return [values[name] for name in self.names]


def fixed(statement: TextClause) -> Fixed:
    """Return `statement` as the driver takes it. Callers keep the result: making it costs more than running it."""
    compiled = statement.compile(dialect=asyncpg.dialect())  # type: ignore[no-untyped-call]
    return Fixed(str(compiled), tuple(compiled.positiontup or ()))


def bound(sql: str, types: Mapping[str, TypeEngine[Any]]) -> Fixed:
    """Return `sql` as a statement whose parameters (`:name`) have the types of `types`; callers keep the result."""
    made = text(sql)
    return fixed(made.bindparams(*(bindparam(name, type_=types[name]) for name in made._bindparams)))  # noqa: SLF001
