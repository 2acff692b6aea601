"""`python -m bench.many`: every list and the dashboard of a partner with 10,000 tenants, first and next page.

The bar is 60 ms for the 95th of a hundred answers, asked one after the other with default filters; a mark says where
this machine takes longer. Ends with 1 where one misses what 60 ms of the machine that the bars were set on are here: by
the yardstick of `bench.processor`, taken before and after, at its quicker.
"""

import argparse
import asyncio
import html
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.load import message, run
from bench.processor import SET_AT, machine
from bench.serving import OURS, credentials, processor_time, served, world

PARTNER = "principal@bench10k.example"
BAR = 60.0  # milliseconds
_PATIENCE = 6_000  # milliseconds for one page
API = (
    "customers",
    "links",
    "billing/summary",
    "billing/invoices",
    "support/tickets",
    "alerts/sla",
    "alerts/billing",
    "reports/usage",
    "reports/sla",
    "reports/revenue",
)
CONSOLE = (
    "",
    "customers",
    "customers/closed",
    "tenants/options?q=amber",
    "links",
    "billing",
    "billing/invoices",
    "billing/exports",
    "tickets",
    "tickets/board",
    "reports/usage",
    "reports/sla",
    "reports/revenue",
    "alerts",
    "notices",
    "audit",
    "team",
    "clients",
    "webhooks",
)
WORK = (
    *(("api", f"/api/v1/partner/{path}") for path in API),
    *(("partners", f"/{path}") for path in CONSOLE),
)
_CURSOR = re.compile(r'href="([^"]*[?&;](?:cursor|page)=[^"]+)"')


@dataclass
class Row:
    """What was measured of one page, in milliseconds."""

    median: float
    slow: float
    cpu: float
    label: str
    path: str

    def line(self) -> str:
        """Return the row of the table."""
        mark = "!" if self.slow > BAR else " "
        return f"{self.median:8.1f} {self.slow:8.1f} {mark} {self.cpu:7.1f}  {self.label:9}{self.path[:70]}"


def following(label: str, path: str, headers: dict[str, str]) -> str | None:
    """Return the path of the page after `path`, if there is one; raise for an answer that is no page."""
    host = {"Host": f"{label}.localhost:{OURS}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{OURS}", headers=host | headers, timeout=60) as client:
        answer = client.get(path).raise_for_status()
    if label == "api":
        cursor = answer.json().get("next_cursor")
        return f"{path}?cursor={cursor}" if cursor else None
    links = [html.unescape(found) for found in _CURSOR.findall(answer.text)]
    return next((link if link.startswith("/") else path + link for link in links), None)


def measured(label: str, path: str, headers: dict[str, str], count: int, web: psutil.Process) -> Row:
    """Ask one after the other, `count` times and less often what takes seconds."""
    request = message(f"{label}.localhost:{OURS}", path, headers)
    first = asyncio.run(run(OURS, request, count=2, connections=1))
    times = max(3, min(count, int(_PATIENCE / first.median)))
    before = processor_time(web)
    load = asyncio.run(run(OURS, request, count=times, connections=1))
    if set(load.statuses) != {200}:
        raise RuntimeError(f"{path}: {load.statuses}")
    return Row(load.median, load.percentile(0.95), 1000 * (processor_time(web) - before) / times, label, path)


def main() -> None:
    """Measure every page; end with 1 where one is slower than the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=["medium", "large"], default="medium")
    parser.add_argument("--count", type=int, default=40, help="requests for each page")
    parser.add_argument("--home", type=Path, help="keep the world here instead of a temporary folder")
    parser.add_argument("--only", default="", help="pages whose path holds this")
    options: Any = parser.parse_args()
    world(options.scale, options.home)
    slowest, before = 0.0, asyncio.run(machine())
    print(f"{options.scale} world, {PARTNER}: p50 ms, p95 ms (bar {BAR:.0f}), CPU ms of web and database together")
    with served("guildhall.web:front", OURS) as web:
        known = credentials(PARTNER)
        for label, path in WORK:
            if options.only not in path:
                continue
            after = following(label, path, known[label])
            for page in (path, after) if after else (path,):
                row = measured(label, page, known[label], options.count, web)
                slowest = max(slowest, row.slow)
                print(row.line(), flush=True)
    quickest = min(before, asyncio.run(machine()))
    bar = BAR * quickest / SET_AT
    print(
        f"slowest {slowest:.0f} ms; yardstick {quickest:.2f} ms here, {SET_AT} where the bar was set: {bar:.0f} ms here"
    )
    sys.exit(slowest > bar)


if __name__ == "__main__":
    main()
