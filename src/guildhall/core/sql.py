"""Statements that never change, as the driver takes them."""

from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import BindParameter, ClauseElement, bindparam, text
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.types import TypeEngine

T = TypeVar("T")
_Dialect = asyncpg.dialect


class Fixed(Struct, frozen=True):
    """A statement with its values numbered, and their names in that order."""

    sql: str
    names: tuple[str, ...]

    def ordered(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values that the statement takes, in its order; raises KeyError where one is missing."""
        return [values[name] for name in self.names]


def asked(name: str, kind: TypeEngine[T]) -> BindParameter[T]:
    """Return a parameter of a statement that is to be fixed, whose value is asked for each time."""
    return bindparam(name, type_=kind, required=False)


class _Compiler(_Dialect.statement_compiler):  # type: ignore[misc, valid-type]
    """Writes what is always the same into the statement: less to send, and the planner knows it."""

    def visit_bindparam(self, bindparam: BindParameter[Any], **how: Any) -> Any:
        constant = bindparam.value is not None or bindparam.expanding
        return super().visit_bindparam(bindparam, **how | ({"literal_binds": True} if constant else {}))


def fixed(statement: ClauseElement) -> Fixed:
    """Return `statement` as the driver takes it: its `asked` parameters get their values each time.

    Callers keep the result: making it costs more than running it.
    """
    dialect = _Dialect()  # type: ignore[no-untyped-call]
    dialect.statement_compiler = _Compiler
    compiled = statement.compile(dialect=dialect)
    return Fixed(str(compiled), tuple(compiled.positiontup or ()))  # type: ignore[attr-defined]


def bound(sql: str, types: Mapping[str, TypeEngine[Any]]) -> Fixed:
    """Return `sql` as a statement whose parameters (`:name`) have the types of `types`; callers keep the result."""
    made = text(sql)
    return fixed(made.bindparams(*(bindparam(name, type_=types[name]) for name in made._bindparams)))  # noqa: SLF001
