"""Jobs: work after the commit, and work by the clock. Each is a function declared beside what it does.

A task takes the named system actor first and ids after it, never data: what it works on it reads itself. It must be
idempotent: after a crash it runs again. `guildhall.domain.tasks` imports every module that declares one; the
database accepts no other name (portal.enqueue), and a job exists exactly when its cause was committed.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import DbRole

Work = Callable[..., Awaitable[Any]]
Declared = TypeVar("Declared", bound=Work)
_NAME = re.compile(r"[a-z_]+\.[a-z_]+")
_ENQUEUE = text("SELECT portal.enqueue(:task, :ids)").bindparams(bindparam("ids", type_=JSONB))
_ENQUEUE_AT = text("SELECT portal.enqueue_at(:task, :ids, :moment)").bindparams(bindparam("ids", type_=JSONB))


class Task(Struct, frozen=True, kw_only=True):
    """One kind of job. `roles` may enqueue it; `cron` (five fields, UTC) is empty where the clock does not."""

    name: str
    work: Work
    roles: tuple[DbRole, ...]
    cron: str = ""

    @property
    def actor(self) -> str:
        """Return the name of the system actor that does the work: the first part of the task's name."""
        return self.name.split(".", 1)[0]


_tasks: dict[str, Task] = {}


def task(name: str, *, roles: tuple[DbRole, ...]) -> Callable[[Declared], Declared]:
    """Declare a job that the surfaces of `roles` may enqueue under `name` (`noun.verb`).

    A failing run is repeated with growing pauses.
    """
    return _declare(name, (*roles, DbRole.WORKER), "")


def periodic(cron: str, name: str) -> Callable[[Declared], Declared]:
    """Declare a job that runs by the clock under `name`: `cron` has five fields, in UTC.

    Runs of one name never overlap. A failing run is not repeated: the next tick is the repetition.
    """
    return _declare(name, (DbRole.WORKER,), cron)


def _declare(name: str, roles: tuple[DbRole, ...], cron: str) -> Callable[[Declared], Declared]:
    """Return the decorator that enters a function into the registry and gives it back unchanged."""

    def enter(work: Declared) -> Declared:
        if name in _tasks or not _NAME.fullmatch(name):
            raise ValueError(f"{name} is taken, or not a name of the form noun.verb")
        _tasks[name] = Task(name=name, work=work, roles=roles, cron=cron)
        return work

    return enter


def tasks() -> Mapping[str, Task]:
    """Return every task declared in the modules imported so far, by name."""
    return dict(sorted(_tasks.items()))


async def enqueue(connection: AsyncConnection, task: str, **ids: UUID | str) -> int:
    """Enqueue `task` with `ids` inside the transaction of its cause; return the job's number.

    The database refuses unregistered names, names that the role may not enqueue, and anything that is not an id:
    each value is a UUID or at most 64 letters, digits and `_ . : -`.
    """
    values = {name: str(value) for name, value in ids.items()}
    number: int = (await connection.execute(_ENQUEUE, {"task": task, "ids": values})).scalar_one()
    return number


async def enqueue_at(connection: AsyncConnection, task: str, moment: datetime, **ids: UUID | str) -> int:
    """Do the same for a job that runs at `moment` or soon after it; for jobs that go on by themselves."""
    values = {name: str(value) for name, value in ids.items()}
    called = {"task": task, "ids": values, "moment": moment}
    number: int = (await connection.execute(_ENQUEUE_AT, called)).scalar_one()
    return number
