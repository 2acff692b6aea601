"""The floor: the statements of one of our requests, run by asyncpg in a bare ASGI handler under the same server.

At its first start it makes the request once through our own application and writes down every statement with its
values and, for a page, the template with its context. From then on it does just that: it checks and parses nothing.
"""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import msgspec
from sqlalchemy import event

from guildhall.core import db
from guildhall.core.actor import Surface
from guildhall.hosts import Front
from guildhall.settings import load
from guildhall.surfaces.kit import render
from guildhall.web import front_for

_encode = msgspec.json.Encoder(enc_hook=str).encode
Statement = tuple[str, tuple[Any, ...]]


class Recorded:
    """What one request of ours did: statements in order, and the page that it rendered."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.statements: list[Statement] = []
        self.page: Callable[[], str] | None = None


async def record(front: Front, surface: Surface, host: str, path: str, headers: dict[str, str]) -> Recorded:
    """Make the request twice through our application (the second time warm) and write the second down."""
    found = Recorded()
    engine = db.engine(surface).sync_engine

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:  # noqa: FBT001
        found.statements.append((statement, tuple(values or ())))

    original = render.render

    def noted(environment: Any, name: str, shell: Any, /, **context: Any) -> str:
        found.page = lambda: original(environment, name, shell, **context)
        return original(environment, name, shell, **context)

    render.render = noted
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=front), base_url=f"http://{host}") as client:
        for _ in range(2):
            found.statements.clear()
            answer = await client.get(path, headers=headers)
            answer.raise_for_status()
    render.render = original
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
            host=url.query["host"], user=url.username, database=url.database, min_size=4, max_size=10
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
    """Run the statements in one transaction; return what they make."""
    rows: list[Any] = []
    async with pool.acquire() as connection, connection.transaction():
        for statement, values in recorded.statements:
            rows = await connection.fetch(statement, *values)
    if recorded.page is not None:
        return recorded.page().encode(), b"text/html"
    return _encode([dict(row) for row in rows]), b"application/json"
