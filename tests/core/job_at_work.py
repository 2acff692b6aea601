"""A worker for the tests to kill: its one task tells when it is at work, and can linger before or after its effect.

Arguments: the worker's address for psycopg and for SQLAlchemy, the role prefix, where to linger (`before`, `after`).
"""

import asyncio
import sys

from sqlalchemy import text

from guildhall import worker
from guildhall.core import crypto, db, jobs
from guildhall.core.actor import Actor, Surface

_url, _pool_url, _prefix, _linger = sys.argv[1:5]
_EFFECT = text(
    "INSERT INTO portal.notice (id, audience, audience_id, kind, dedupe)"
    " VALUES (gen_random_uuid(), 'tenant', :tenant, 'link.ends_today', 'effect') ON CONFLICT DO NOTHING"
)


@jobs.task("test.effect", roles=())
async def effect(actor: Actor, *, tenant_id: object) -> None:
    """Write one notice, however often it runs."""
    async with db.transaction(actor) as connection:
        await connection.execute(_EFFECT, {"tenant": tenant_id})
        await _told("before")
    await _told("after")


async def _told(place: str) -> None:
    """Say that the work has come to `place`, and stay there if asked to."""
    sys.stdout.write(f"{place}\n")
    sys.stdout.flush()
    if place == _linger:
        await asyncio.sleep(60)


async def main() -> None:
    """Work until killed, with a pulse quick enough for a test."""
    crypto.set_master(b"x" * 40)
    worker.RESCUE = "* * * * * */2"
    worker.OPTIONS |= {"update_heartbeat_interval": 0.3, "stalled_worker_timeout": 1.0}
    db.open_pools({Surface.WORKER: _pool_url}, prefix=_prefix, size=4)
    async with worker.application(_url, _prefix).open_async() as app:
        await app.run_worker_async(**worker.OPTIONS)


asyncio.run(main())
