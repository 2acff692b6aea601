"""`python -m bench.processor`: the processor's time of one request, beside that of a yardstick in the same run.

The bars of 1.5 and 4 ms were set on a machine where the yardstick took 0.74 ms: a bare Litestar handler, in process,
that sends two statements through SQLAlchemy Core and asyncpg and encodes 50 rows of ten columns. So on any machine the
bar is that many times the yardstick. Ends with 1 where one misses it.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litestar import Litestar, get
from litestar.status_codes import HTTP_200_OK
from sqlalchemy import text

from bench.serving import OURS, credentials, pools, served, world
from guildhall.core import db
from guildhall.core.actor import Surface
from guildhall.settings import load
from guildhall.web import front_for

PARTNER = "principal@bench50.example"
SET_AT = 0.74  # milliseconds of the yardstick where the bars were set
WORK = (
    ("api", "/api/v1/partner/customers", 1.5),
    ("partners", "/", 4.0),
    ("partners", "/customers", 4.0),
)
_ONE = text("SELECT 1 AS one")
_ROWS = text(
    "SELECT n AS a, n + 1 AS b, n * 2 AS c, 'row ' || n AS d, md5(n::text) AS e, n % 2 = 0 AS f,"
    " now() AS g, n * 1.5 AS h, current_date AS i, gen_random_uuid() AS j FROM generate_series(1, 50) AS n"
)


@get("/")
async def yardstick() -> list[dict[str, Any]]:
    """Answer with fifty rows of ten columns, after another statement."""
    async with db.engine(Surface.API).connect() as connection:
        await connection.execute(_ONE)
        return [dict(row) for row in (await connection.execute(_ROWS)).mappings()]


async def asked(application: Any, host: str, path: str, headers: Mapping[str, str]) -> None:
    """Make one request in this process; raise AssertionError for any answer but 200."""
    sent: list[Any] = []
    named = [(b"host", host.encode()), *((name.lower().encode(), value.encode()) for name, value in headers.items())]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": named,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", OURS),
        "state": {},
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await application(scope, receive, send)
    assert sent[0]["status"] == HTTP_200_OK, sent[0]


async def spent(count: int, *request: Any) -> float:
    """Return the processor's milliseconds of each of `count` requests."""
    begun = time.process_time()
    for _ in range(count):
        await asked(*request)
    return 1000 * (time.process_time() - begun) / count


async def machine(count: int = 200) -> float:
    """Return how many milliseconds the yardstick takes on this machine now."""
    pools()
    bare = (Litestar([yardstick]), "localhost", "/", {})
    await spent(count, *bare)
    taken = await spent(count, *bare)
    await db.close_pools()
    return taken


async def compare(known: Mapping[str, Mapping[str, str]], count: int) -> bool:
    """Print one row for each work; return whether all hold."""
    pools()
    front, bare, held = front_for(load()), (Litestar([yardstick]), "localhost", "/", {}), True
    for label, path, bar in WORK:
        request = (front, f"{label}.localhost:{OURS}", path, known[label])
        for warm in (request, bare):
            await spent(count, *warm)
        pairs = [(await spent(count, *request), await spent(count, *bare)) for _ in range(7)]
        ratio = statistics.median(own / least for own, least in pairs)
        own, least = (statistics.median(column) for column in zip(*pairs, strict=True))
        held = held and ratio <= bar / SET_AT
        print(f"{path:28}{own:6.2f} ms  {least:6.2f} ms  {ratio:5.2f} times  (bar {bar / SET_AT:.2f})", flush=True)
    await db.close_pools()
    return held


def main() -> None:
    """Print ours, the yardstick, their ratio and its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="keep the world here instead of a temporary folder")
    parser.add_argument("--count", type=int, default=100, help="requests for each measurement")
    options: Any = parser.parse_args()
    world("small", options.home)
    with served("guildhall.web:front", OURS):
        known = credentials(PARTNER)
    print("small world, in process: ours, the yardstick, their ratio")
    sys.exit(not asyncio.run(compare(known, options.count)))


if __name__ == "__main__":
    main()
