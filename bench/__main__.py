"""`python -m bench`: make the worlds, serve them, and print a table of ours beside the floor."""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import psutil

from bench.load import Load, message, run
from bench.serving import FLOOR, OURS, SURFACES, cpu, credentials, served, world
from guildhall.worlds import bench as worlds

PARTNER = "principal@bench50.example"
WORK = {
    "GET /partner/customers": ("api", "/api/v1/partner/customers?limit=50", 0.5),
    "GET /partner/support/tickets": ("api", "/api/v1/partner/support/tickets?limit=50", 0.5),
    "GET /partner/billing/summary": ("api", "/api/v1/partner/billing/summary?from_date=2020-01-01", 0.5),
    "GET /partner/billing/invoices": ("api", "/api/v1/partner/billing/invoices?limit=50", 0.5),
    "GET /partner/reports/usage": ("api", "/api/v1/partner/reports/usage", 0.5),
    "GET /partner/reports/sla": ("api", "/api/v1/partner/reports/sla", 0.5),
    "GET /partner/reports/revenue": ("api", "/api/v1/partner/reports/revenue", 0.5),
    "GET /partner/alerts/sla": ("api", "/api/v1/partner/alerts/sla", 0.5),
    "console dashboard": ("partners", "/", 0.35),
    "console tenant list": ("partners", "/customers", 0.35),
}


def measured(port: int, process: psutil.Process, request: bytes, count: int) -> tuple[Load, float]:
    """Warm up, run the load, return it with the CPU milliseconds per request."""
    asyncio.run(run(port, request, count=64))
    before = cpu(process)
    load_ = asyncio.run(run(port, request, count=count))
    assert set(load_.statuses) == {200}, load_.statuses
    return load_, 1000 * (cpu(process) - before) / count


def compare(name: str, headers: dict[str, str], ours: psutil.Process, count: int) -> None:
    """Print one row: ours, the floor, the ratio of requests per second."""
    label, path, bar = WORK[name]
    host = f"{label}.localhost:{OURS}"
    request = message(host, path, headers)
    work = {"surface": SURFACES[label], "host": host, "path": path, "headers": headers}
    ratios, shown = [], []
    with served("bench.floor:application", FLOOR, FLOOR=json.dumps(work)) as floor:
        for _ in range(3):
            own, own_cpu = measured(OURS, ours, request, count)
            least, least_cpu = measured(FLOOR, floor, request, count)
            ratios.append(own.rate / least.rate)
            shown.append((own, own_cpu, least, least_cpu))
    middle = sorted(range(3), key=lambda at: ratios[at])[1]
    own, own_cpu, least, least_cpu = shown[middle]
    memory = ours.memory_info().rss / 2**20
    print(
        f"{name:30} {own.rate:7.0f}/s {own.median:6.1f} {own.percentile(0.99):6.1f} {own_cpu:6.2f}"
        f"   | {least.rate:7.0f}/s {least.median:6.1f} {least_cpu:6.2f}   | {ratios[middle]:5.2f} (bar {bar})"
        f"  {memory:5.0f} MB",
        flush=True,
    )


def main() -> None:
    """Run the table for the scales asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=sorted(worlds.SCALES), action="append")
    parser.add_argument("--count", type=int, default=1500, help="requests per measurement")
    parser.add_argument("--home", type=Path, help="keep the worlds here instead of a temporary folder")
    options: Any = parser.parse_args()
    for scale in options.scale or ["small"]:
        world(scale, options.home)
        print(f"\n{scale} world; ours: requests/s, p50 ms, p99 ms, CPU ms | floor: requests/s, p50 ms, CPU ms | ratio")
        with served("guildhall.web:front", OURS) as ours:
            known = credentials(PARTNER)
            for name, (label, _, _) in WORK.items():
                compare(name, known[label], ours, options.count)


if __name__ == "__main__":
    main()
