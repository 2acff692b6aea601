"""The floor: the statements of one of our requests, run by asyncpg in a bare ASGI handler under the same server.

At its first start it makes the request once through our own application and writes down every message to the database
with its values and, for a page, the template with its context. From then on it does just that: it checks and parses
nothing.
"""

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg
import httpx
import msgspec
from sqlalchemy import TextClause, event

from guildhall.core import db
from guildhall.core.actor import Actor, Surface
from guildhall.core.sql import fixed
from guildhall.hosts import Front
from guildhall.settings import load
from guildhall.surfaces.kit import render
from guildhall.web import front_for

_encode = msgspec.json.Encoder(enc_hook=str).encode
Statement = tuple[str, tuple[Any, ...]]


class Recorded:
    """What one request of ours did: doors, transactions with their statements in order, the page that it rendered."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.doors: list[Statement] = []
        self.transactions: list[tuple[str, list[Statement]]] = []
        self.page: Callable[[], str] | None = None


async def record(front: Front, surface: Surface, host: str, path: str, headers: dict[str, str]) -> Recorded:
    """Make the request twice through our application (the second time warm) and write the second down."""
    found = Recorded()
    engine = db.engine(surface).sync_engine

    enter, door = db.opening, db.door

    def opened(actor: Actor, **how: bool) -> str:
        found.transactions.append((enter(actor, **how), []))
        return found.transactions[-1][0]

    async def asked(surface: Surface, statement: TextClause, values: Mapping[str, Any]) -> dict[str, Any] | None:
        call = fixed(statement)
        found.doors.append((call.sql, tuple(call.ordered(values))))
        return await door(surface, statement, values)

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:  # noqa: FBT001
        found.transactions[-1][1].append((statement, tuple(values or ())))

    db.opening, db.door = opened, asked
    original = render.render

    def noted(environment: Any, name: str, shell: Any, /, **context: Any) -> str:
        found.page = lambda: original(environment, name, shell, **context)
        return original(environment, name, shell, **context)

    render.render = noted
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=front), base_url=f"http://{host}") as client:
        for _ in range(2):
            found.doors.clear()
            found.transactions.clear()
            answer = await client.get(path, headers=headers)
            answer.raise_for_status()
    render.render, db.opening, db.door = original, enter, door
    event.remove(engine, "before_cursor_execute", note)
    return found


def application() -> Callable[..., Awaitable[None]]:
    """Return the floor for the work that the environment variable FLOOR describes."""
    work = json.loads(os.environ["FLOOR"])
    front = front_for(load())
    state: dict[str, Any] = {}

    async def ready() -> None:
        surface = Surface(work["surface"])
        state["work"] = await record(front, surface, work["host"], work["path"], work["headers"])
        url = db.engine(surface).url
        state["pool"] = await asyncpg.create_pool(
            host=url.query["host"], user=url.username, database=url.database, min_size=4, max_size=10, **db.KEPT
        )

    async def floor(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            while (await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        if "work" not in state:
            await ready()
        body, kind = await _work(state["work"], state["pool"])
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return floor


async def _work(recorded: Recorded, pool: asyncpg.Pool) -> tuple[bytes, bytes]:
    """Send the same messages; return what they make."""
    rows: list[Any] = []
    async with pool.acquire() as connection:
        for statement, values in recorded.doors:
            await connection.fetchrow(statement, *values)
        for opening, statements in recorded.transactions:
            await connection.execute(opening)
            for statement, values in statements:
                rows = await connection.fetch(statement, *values)
            await connection.execute("COMMIT")
    if recorded.page is not None:
        return recorded.page().encode(), b"text/html"
    return _encode([dict(row) for row in rows]), b"application/json"
