"""How many statements something runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from guildhall.core import db
from guildhall.core.actor import Actor


@contextmanager
def statements(actor: Actor) -> Iterator[list[str]]:
    """Collect the SQL that runs on the actor's surface meanwhile, beside the door and the taking of the role."""
    engine, seen = db.engine(actor.surface).sync_engine, []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
