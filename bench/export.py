"""`python -m bench.export`: rows of invoices written to CSV in a second (bar: 50,000), and memory (bar: 200 MB more).

The worker's own job for the partner of 10,000 tenants, which has 200,000 invoices.
"""

import argparse
import asyncio
import resource
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.serving import pools, processor_time, world
from guildhall.core import clock, db
from guildhall.core.actor import Actor, DbRole, Kind, Surface, system
from guildhall.domain.billing import export_run, exports
from guildhall.domain.billing.invoices import Filter
from guildhall.domain.rbac.registry import PARTNER, held_by

BAR, MEMORY = 50_000, 200
PERSON = text("SELECT user_id, partner_id FROM portal.find_partner_login('principal@bench10k.example')")


def peak() -> float:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def exported() -> tuple[int, float, float]:
    """Ask for an export and write it; return its rows, the seconds, and those of processor time."""
    found = await db.door(Surface.CONSOLE, PERSON, {})
    assert found is not None
    asker = Actor(
        kind=Kind.PARTNER_USER,
        surface=Surface.CONSOLE,
        role=DbRole.PARTNER,
        name="Bench",
        user_id=found["user_id"],
        partner_id=found["partner_id"],
        permissions=held_by(("principal",), PARTNER),
    )
    wish = exports.Wish(format="csv", wanted=Filter())
    wanted = await exports.ask(asker, wish, now=clock.now())
    started, used = time.perf_counter(), processor_time()
    said = await export_run.export(system("billing"), export_id=wanted.id, partner_id=found["partner_id"])
    return int(said.split(" ", 1)[0]), time.perf_counter() - started, processor_time() - used


async def measured(times: int) -> bool:
    """Export some times; print each, and return whether all keep to the bars."""
    before, kept = peak(), True
    for _ in range(times):
        rows, seconds, processor = await exported()
        more = peak() - before
        kept &= rows / seconds >= BAR and more <= MEMORY
        print(f"{rows:9,} {rows / seconds:10,.0f} {rows / processor:10,.0f} {more:6.0f} MB", flush=True)
    return kept


def main() -> None:
    """Write the exports; end with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=["medium", "large"], default="medium")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--home", type=Path, help="keep the world here instead of a temporary folder")
    options: Any = parser.parse_args()
    world(options.scale, options.home)
    pools()
    print(f"{options.scale} world: rows, rows/s (bar {BAR:,}), rows/s of processor time, more memory (bar {MEMORY} MB)")
    sys.exit(not asyncio.run(measured(options.times)))


if __name__ == "__main__":
    main()
