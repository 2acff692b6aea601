"""The database: one transaction, under the role and for the person of an actor (BOUNDARY §4).

Log-ins hold no right on any table. `transaction(actor)` takes the surface's role and sets `app.partner_id`,
`app.user_id` and `app.tenant_id` for that transaction only; policies read nothing else. So nothing outside it
can read, and a pooled connection is clean after it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy import MetaData, TextClause, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from guildhall.core.actor import Actor, Surface
from guildhall.core.sql import Fixed, fixed

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
PORTAL = MetaData(schema="portal", naming_convention=NAMING)
TENANCY = MetaData(schema="tenancy", naming_convention=NAMING)

# How long a job's transaction may do nothing: whoever was stopped half-way then lets go of what others wait for.
_LEASES = {Surface.WORKER: "60s"}
# Statements stay prepared however long they are (the driver would stop at 15 KiB, and after five minutes): those of
# reports take longer to plan than to run.
KEPT = {"max_cacheable_statement_size": 0, "max_cached_statement_lifetime": 0}
_PLANNED_ONCE = ", set_config('plan_cache_mode', 'force_generic_plan', true)"
_engines: dict[Surface, AsyncEngine] = {}
_prefix = "guildhall_"
_joined: ContextVar[tuple[Actor, AsyncConnection] | None] = ContextVar("joined", default=None)


def open_pools(urls: Mapping[Surface, str], *, prefix: str, size: int = 10) -> None:
    """Make one pool of at most `size` connections for each surface in `urls` (SQLAlchemy URLs).

    `prefix` is what the names of this installation's database roles begin with.
    """
    global _prefix  # noqa: PLW0603 - one installation per process, set once at start
    _prefix = prefix
    for surface, url in urls.items():
        made = _engines[surface] = create_async_engine(
            url,
            pool_size=size,
            max_overflow=0,
            pool_timeout=5,
            pool_use_lifo=True,  # few connections that know their statements, rather than many that learn them
            pool_pre_ping=surface is Surface.WORKER,  # a job has time, and nobody to press “reload”
            pool_recycle=1800,
            isolation_level="AUTOCOMMIT",  # `transaction` begins and ends by itself, with the role in the same message
            hide_parameters=True,  # bound values hold secrets and personal data; they do not belong in a log
            json_deserializer=msgspec.json.decode,  # lists hold many documents
            connect_args={"server_settings": _settings(surface)} | KEPT,
        )
        event.listen(made.sync_engine, "checkout", _alive)


def _settings(surface: Surface) -> dict[str, str]:
    """Return what each connection of a surface's pool begins with."""
    named = {"application_name": f"guildhall {surface}", "timezone": "UTC"}
    lease = _LEASES.get(surface)
    return named | ({"idle_in_transaction_session_timeout": lease} if lease else {})


def _alive(connection: Any, *_: object) -> None:
    """Have a connection replaced whose end is known, as after a restart of the database, before anybody uses it."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


async def close_pools() -> None:
    """Close every pool; called when a process stops."""
    while _engines:
        _, engine = _engines.popitem()
        await engine.dispose()


@asynccontextmanager
async def transaction(actor: Actor, *, planned_once: bool = False) -> AsyncIterator[AsyncConnection]:
    """Open a transaction under the actor's role; commit on a clean end, roll back on any exception.

    Inside `joining` the same actor's transactions are parts of that one. With `planned_once` statements are run by one
    plan for everybody: for those that take long to plan, and whose plan is the same whatever the values.
    """
    joined = _joined.get()
    if joined is not None and joined[0] is actor:
        yield joined[1]
        return
    async with _engines[actor.surface].begin() as connection:
        raw, settled = await _driver(connection), False
        try:
            await raw.execute(opening(actor, planned_once=planned_once))
            yield connection
            await _commit(connection, raw)
            settled = True
        except Exception:
            if not raw.is_closed():
                await raw.execute("ROLLBACK")
                settled = True
            raise
        finally:  # whoever was cut off half-way leaves nothing behind for the connection's next user
            if not settled:
                await connection.invalidate()


async def _driver(connection: AsyncConnection) -> Any:
    """Return the driver's own connection."""
    return (await connection.get_raw_connection()).driver_connection


def opening(actor: Actor, *, planned_once: bool = False) -> str:
    """Return the one message that begins a transaction and takes the actor's role and settings for it."""
    return "BEGIN; " + _taking(actor) + (_PLANNED_ONCE if planned_once else "")


def _taking(actor: Actor) -> str:
    """Return the statement that takes the actor's role and settings for the rest of a transaction."""
    settings = {"partner_id": actor.partner_id, "user_id": actor.user_id, "tenant_id": actor.tenant_id}
    values = {"role": _prefix + actor.role} | {f"app.{name}": _text(value) for name, value in settings.items()}
    return "SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in values.items())


def _text(value: UUID | None) -> str:
    """Return an id as text; what is no id raises, so that nothing else is ever written into a statement."""
    return "" if value is None else str(UUID(int=value.int))


async def _commit(connection: AsyncConnection, raw: Any) -> None:
    """Commit; raise RuntimeError where nothing would be kept: a statement had failed, or somebody ended it by hand."""
    if not connection.in_transaction() or await raw.execute("COMMIT") != "COMMIT":
        raise RuntimeError("The transaction had failed or was ended by hand; it is rolled back")


@asynccontextmanager
async def joining(actor: Actor) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that every `transaction(actor)` inside becomes a part of: one commit for all of them."""
    async with transaction(actor) as connection:
        mark = _joined.set((actor, connection))
        try:
            yield connection
        finally:
            _joined.reset(mark)


@contextmanager
def blocking(actor: Actor) -> Iterator[psycopg.Connection[Any]]:
    """Open a transaction under the actor's role on a connection of its own, for bulk work in a thread of its own.

    Commits on a clean end, rolls back on any exception; nobody else ever uses the connection.
    """
    address = _engines[actor.surface].url.set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"guildhall {actor.surface} in bulk"
    with psycopg.connect(address, application_name=name, options="-c timezone=UTC") as connection:
        connection.execute(_taking(actor).encode())
        yield connection


async def door(surface: Surface, statement: TextClause, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Call one listed definer function as the bare log-in of `surface`; return its first row or None.

    This is how a session or a sign-in is found before anybody is known. The log-in has no right on any table.
    """
    call = _fixed(statement)
    async with _engines[surface].connect() as connection:
        row = await (await _driver(connection)).fetchrow(call.sql, *call.ordered(values))
        return dict(row) if row is not None else None


_fixed = cache(fixed)  # the doors are few


async def rows(connection: AsyncConnection, statement: Fixed, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """Return the rows of a fixed statement inside a transaction, as the driver gives them.

    For lists, of whose cost in this process the library's own rows are a large part. Whoever listens to statements
    of the pool hears of this one too.
    """
    ordered = statement.ordered(values)
    heard = connection.sync_engine.dispatch.before_cursor_execute
    heard(connection.sync_connection, None, statement.sql, ordered, None, False)
    found: Sequence[Sequence[Any]] = await (await _driver(connection)).fetch(statement.sql, *ordered)
    return found


async def copy_out(
    connection: AsyncConnection, statement: Fixed, values: Mapping[str, Any], take: Callable[[bytes], Awaitable[None]]
) -> int:
    """Hand the rows of a query to `take` as CSV with a header, in pieces as they come; return how many rows there were.

    The server writes the file, so that memory stays flat and no row costs this process anything.
    """
    driver = await _driver(connection)
    ordered = statement.ordered(values)
    done: str = await driver.copy_from_query(statement.sql, *ordered, output=take, format="csv", header=True)
    return int(done.rsplit(" ", 1)[-1])


def engine(surface: Surface) -> AsyncEngine:
    """Return the pool of `surface`, for health checks and metrics."""
    return _engines[surface]


def surfaces() -> tuple[Surface, ...]:
    """Return the surfaces that have a pool in this process."""
    return tuple(_engines)
