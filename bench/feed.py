"""`python -m bench.feed`: rows of usage that the platform's feed takes in a second (bar: 20,000).

Whole batches of the feed's own function, in a world whose partner of 10,000 tenants has its usage summed up: rows that
are new, the same again, and all of them corrected.
"""

import argparse
import statistics
import sys
import time
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec

from bench.serving import pools, processor_time, world
from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.domain.tenancy.importing import MOST_ROWS, NEEDS, feed

BAR = 20_000
FIRST = date(2022, 1, 1)
BY = Actor(kind=Kind.SYSTEM, surface=Surface.API, role=DbRole.PLATFORM, name="bench", permissions=frozenset({NEEDS}))


def batch(number: int, quantity: int) -> bytes:
    """Return a batch: a day of one metric for each of 10,000 tenants."""
    day = str(FIRST + timedelta(days=number))
    return b"\n".join(
        msgspec.json.encode({"tenant": f"B-{50 + at}", "metric": "bench", "day": day, "quantity": str(quantity + at)})
        for at in range(MOST_ROWS)
    )


def main() -> None:
    """Feed the batches and print rows a second; end with 1 below the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=["medium", "large"], default="medium")
    parser.add_argument("--batches", type=int, default=5)
    parser.add_argument("--home", type=Path, help="keep the world here instead of a temporary folder")
    options: Any = parser.parse_args()
    world(options.scale, options.home)
    pools()
    began, slow = int(time.time()) % 1_000, False
    print(f"{options.scale} world, batches of {MOST_ROWS:,}: rows/s, median (bar {BAR:,}), rows/s of processor time")
    for kind, quantity in (("new", 1), ("the same again", 1), ("corrected", 2)):
        clock, processor = [], []
        for number in range(options.batches):
            rows = batch(began + number, quantity)
            started, used = time.perf_counter(), processor_time()
            report = feed(BY, kind="usage", lines=BytesIO(rows))
            clock.append(MOST_ROWS / (time.perf_counter() - started))
            processor.append(MOST_ROWS / (processor_time() - used))
            assert report.stands, report.faults
        slow |= statistics.median(clock) < BAR
        print(f"{statistics.median(clock):10,.0f} {statistics.median(processor):10,.0f}  {kind}", flush=True)
    sys.exit(slow)


if __name__ == "__main__":
    main()
