"""`python -m bench`: make the worlds, serve them, and print a table of ours beside the floor."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pyotp

from bench.load import Load, message, run
from guildhall import runtime
from guildhall.core import crypto
from guildhall.settings import Settings, load
from guildhall.worlds import bench as worlds
from guildhall.worlds.demo import DEMO_PASSWORD, totp_secret

OURS, FLOOR = 8731, 8732
PARTNER = "principal@bench50.example"
WORK = {
    "GET /partner/customers": ("api", "/api/v1/partner/customers?limit=50", 0.5),
    "GET /partner/support/tickets": ("api", "/api/v1/partner/support/tickets?limit=50", 0.5),
    "GET /partner/billing/summary": ("api", "/api/v1/partner/billing/summary?from_date=2020-01-01", 0.5),
    "console dashboard": ("partners", "/", 0.35),
    "console tenant list": ("partners", "/customers", 0.35),
}
SURFACES = {"api": "api", "partners": "console"}


@contextmanager
def served(target: str, port: int, **environment: str) -> Iterator[psutil.Process]:
    """Run a server of one worker in a process of its own; yield the worker."""
    command = [sys.executable, "-m", "granian", target, "--factory", "--interface", "asgi"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--log-level", "error"]
    silence = subprocess.DEVNULL
    child = subprocess.Popen(  # noqa: S603
        command, env=os.environ | environment | {"PORT": str(OURS)}, stdout=silence, stderr=silence
    )
    try:
        for _ in range(100):
            time.sleep(0.1)
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz")
                break
            except httpx.HTTPError:
                continue
        yield psutil.Process(child.pid).children()[-1]
    finally:
        child.terminate()
        child.wait(timeout=20)


def cpu(process: psutil.Process) -> float:
    """Return the CPU seconds that a process has used."""
    used = process.cpu_times()
    return float(used.user + used.system)


def credentials() -> dict[str, dict[str, str]]:
    """Sign the bench's partner in on API and console, as a person would; return the headers of each."""
    email = PARTNER
    with httpx.Client(base_url=f"http://127.0.0.1:{OURS}", headers={"Host": f"api.localhost:{OURS}"}) as client:
        body = {"email": email, "password": DEMO_PASSWORD, "otp": pyotp.TOTP(totp_secret(email)).now()}
        answer = client.post("/api/v1/auth/login", json=body).raise_for_status()
    host = {"Host": f"partners.localhost:{OURS}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{OURS}", headers=host) as client:
        page = client.get("/sign-in").text
        form = {
            "_csrf_token": page.split('name="_csrf_token" value="', 1)[1].split('"', 1)[0],
            "email": email,
            "password": DEMO_PASSWORD,
            "code": pyotp.TOTP(totp_secret(email)).at(time.time() + 30),
        }
        cookie = client.post("/sign-in", data=form).cookies["guildhall_partners"]
    return {
        "api": {"Authorization": f"Bearer {answer.json()['access_token']}"},
        "partners": {"Cookie": f"guildhall_partners={cookie}"},
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


def prepare(settings: Settings, scale: str) -> None:
    """Make the world of one scale in an empty, embedded database."""
    socket = runtime.open_database(settings)
    runtime.prepare(settings, socket)
    crypto.set_master(runtime.secret_of(settings).encode())
    url = runtime.admin_url(settings, socket)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM tenancy.tenant").fetchone()
    if row is not None and row[0] == 0:
        worlds.make(url, prefix=settings.role_prefix, scale=scale)


def main() -> None:
    """Run the table for the scales asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=["small", "large"], action="append")
    parser.add_argument("--count", type=int, default=1500, help="requests per measurement")
    parser.add_argument("--home", type=Path, help="keep the worlds here instead of a temporary folder")
    options: Any = parser.parse_args()
    for scale in options.scale or ["small"]:
        home = (options.home or Path(tempfile.mkdtemp(prefix="ghb", dir="/tmp"))) / scale
        home.parent.mkdir(parents=True, exist_ok=True)
        home.parent.chmod(0o755)
        os.environ |= {"GUILDHALL_HOME": str(home), "PORT": str(OURS), "GUILDHALL_DEMO": "true"}
        prepare(load(), scale)
        print(f"\n{scale} world; ours: requests/s, p50 ms, p99 ms, CPU ms | floor: requests/s, p50 ms, CPU ms | ratio")
        with served("guildhall.web:front", OURS) as ours:
            known = credentials()
            for name, (label, _, _) in WORK.items():
                compare(name, known[label], ours, options.count)


if __name__ == "__main__":
    main()
