"""SQL put together from fixed pieces, with its parameters typed by name."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.types import TypeEngine

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


def bound(sql: str, types: Mapping[str, TypeEngine[Any]]) -> tuple[TextClause, tuple[str, ...]]:
    """Return `sql` as a statement whose parameters (`:name`) have the types of `types`, and their names.

    Callers keep the result: making it costs more than running it.
    """
    names = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
    return text(sql).bindparams(*(bindparam(name, type_=types[name]) for name in names)), names
