"""`python -m bench.export`: rows of invoices written to CSV in a second (bar: 50,000), and memory (bar: 200 MB more).

The worker's own job for the partner of 10,000 tenants, which gets invoices until it has as many as `--rows` says: in a
world of its own, which keeps them under `--home`. Each file must have as many lines as its reader sees invoices.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import UUID

import psutil
import psycopg
from sqlalchemy import text

from bench.serving import pools, processor_time, world
from guildhall import runtime
from guildhall.core import clock, db
from guildhall.core.actor import Actor, DbRole, Kind, Surface, system
from guildhall.domain.billing import export_run, exports
from guildhall.domain.billing.invoices import Filter
from guildhall.domain.files.files import key_of
from guildhall.domain.files.store import opened
from guildhall.domain.rbac.registry import PARTNER, held_by
from guildhall.settings import load

BAR, MEMORY = 50_000, 200
PERSON = text("SELECT user_id, partner_id FROM portal.find_partner_login('principal@bench10k.example')")
SEEN = text("SELECT count(*) FROM tenancy.invoice WHERE status <> 'draft'")  # row security says which
OWN = """
SELECT l.tenant_id, row_number() OVER (ORDER BY l.tenant_id) - 1 AS place
FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id
WHERE p.slug = 'bench10k' AND l.status = 'active'
"""
STORED = f"""
SELECT count(*) FILTER (WHERE status <> 'draft'), count(*), (SELECT count(*) FROM ({OWN}) AS own)
FROM tenancy.invoice WHERE tenant_id IN (SELECT tenant_id FROM ({OWN}) AS own)
"""
# One tenant after the other, so that no tenant's lie together on the disk; all are past due.
MORE = f"""
INSERT INTO tenancy.invoice (id, tenant_id, number, status, currency, amount, amount_paid, issued_on, due_on, paid_on)
SELECT gen_random_uuid(), tenant_id, 'MORE-' || n, status, 'USD', amount,
       CASE status WHEN 'paid' THEN amount ELSE 0 END, issued, issued + 30,
       CASE status WHEN 'paid' THEN issued + 12 END
FROM (
    SELECT own.tenant_id, x.n, 20.25 + mod(x.n * 37, 50000) * 0.01 AS amount, issued,
           CASE WHEN mod(x.n * 17, 100) < 6 THEN 'overdue' WHEN mod(x.n * 17, 100) < 8 THEN 'cancelled' ELSE 'paid' END
               AS status
    FROM (SELECT n, current_date - 40 - mod(n * 31, 500)::integer AS issued
          FROM generate_series(%(first)s::bigint, %(last)s) AS n) AS x
    JOIN ({OWN}) AS own ON own.place = mod(x.n, %(tenants)s)
) AS y ORDER BY n
"""


@contextmanager
def watched() -> Iterator[list[float]]:
    """Yield a list that ends up with the most memory, in MB, that this process held in between above what it had."""
    process, over, most = psutil.Process(), Event(), [0.0]
    idle = process.memory_info().rss

    def watch() -> None:
        while not over.wait(0.005):
            most[0] = max(most[0], (process.memory_info().rss - idle) / 2**20)

    watching = Thread(target=watch)
    watching.start()
    try:
        yield most
    finally:
        over.set()
        watching.join()


def grow(rows: int) -> None:
    """Give the partner as many more invoices as it lacks; triggers keep every total. Drafts are nobody's to export."""
    settings, begun = load(), time.perf_counter()
    with psycopg.connect(runtime.admin_url(settings, runtime.open_database(settings)), autocommit=True) as connection:
        shown, stored, tenants = connection.execute(STORED).fetchone() or (0, 0, 0)
        if shown < rows:
            values = {"first": stored, "last": stored + rows - shown - 1, "tenants": tenants}
            connection.execute(MORE, values)
            connection.execute("VACUUM (ANALYZE)")
            print(f"{rows - shown:,} invoices more in {time.perf_counter() - begun:.0f} s", flush=True)


async def person() -> Actor:
    """Return the principal of the partner."""
    found = await db.door(Surface.CONSOLE, PERSON, {})
    assert found is not None
    return Actor(
        kind=Kind.PARTNER_USER,
        surface=Surface.CONSOLE,
        role=DbRole.PARTNER,
        name="Bench",
        user_id=found["user_id"],
        partner_id=found["partner_id"],
        permissions=held_by(("principal",), PARTNER),
    )


async def exported(asker: Actor) -> tuple[UUID, int, float, float]:
    """Ask for an export and write it; return its file, its rows, the seconds, and those of processor time."""
    wanted = await exports.ask(asker, exports.Wish(format="csv", wanted=Filter()), now=clock.now())
    started, used = time.perf_counter(), processor_time()
    said = await export_run.export(system("billing"), export_id=wanted.id, partner_id=asker.partner_id)
    seconds, processor = time.perf_counter() - started, processor_time() - used
    return wanted.file_id, int(said.split(" ", 1)[0]), seconds, processor


async def lines(file_id: UUID) -> int:
    """Return how many lines a file has below its header; no field holds a line's end."""
    return sum([octets.count(b"\n") async for octets in opened().read(key_of(file_id))]) - 1


async def measured(times: int, least: int) -> bool:
    """Export some times; print each, and return whether all keep to the bars."""
    asker, kept = await person(), True
    async with db.transaction(asker) as connection:
        seen = await connection.scalar(SEEN)
    assert seen is not None, "nothing is seen"
    assert seen >= least, f"{seen:,} invoices are seen"
    for _ in range(times):
        with watched() as most:
            file_id, rows, seconds, processor = await exported(asker)
        more = most[0]
        kept &= rows / seconds >= BAR and more <= MEMORY
        print(f"{rows:9,} {rows / seconds:10,.0f} {rows / processor:10,.0f} {more:6.0f} MB", flush=True)
        written = await lines(file_id)
        assert written == rows == seen, f"{written:,} lines of {rows:,} rows, and {seen:,} invoices to see"
    return kept


def main() -> None:
    """Write the exports; end with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=["medium", "large"], default="medium")
    parser.add_argument("--rows", type=int, default=1_000_000, help="invoices to export, at least")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--home", type=Path, help="keep the world here instead of a temporary folder")
    options: Any = parser.parse_args()
    world(options.scale, options.home, f"export-{options.scale}")
    grow(options.rows)
    pools()
    print(f"{options.scale} world: rows, rows/s (bar {BAR:,}), rows/s of processor time, more memory (bar {MEMORY} MB)")
    sys.exit(not asyncio.run(measured(options.times, options.rows)))


if __name__ == "__main__":
    main()
