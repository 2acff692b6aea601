"""Real processes on a copy of the demo world."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx
import pytest

from guildhall.core.actor import Surface
from guildhall.domain.quotas import kinds
from support_site import Site
from support_world import LOGIN_OF, MASTER, Cluster

URL_OF = {
    Surface.CONSOLE: "DATABASE_URL_PARTNERS",
    Surface.CUSTOMER: "DATABASE_URL_CUSTOMERS",
    Surface.STAFF: "DATABASE_URL_STAFF",
    Surface.API: "DATABASE_URL_API",
    Surface.WORKER: "DATABASE_URL_WORKER",
}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(cluster: Cluster, *processes: str, **variables: str) -> Iterator[Site]:
    """Run `processes` (`serve`, `worker`) on a copy of the demo world, with these settings beside the usual ones."""
    database, port = cluster.clone(), free_port()
    urls = {URL_OF[surface]: cluster.login_url(login, database) for surface, login in LOGIN_OF.items()}
    environment = {
        **os.environ,
        **urls,
        "PORT": str(port),
        "GUILDHALL_MIGRATE_URL": cluster.url(database),
        "GUILDHALL_SECRET": MASTER.decode(),
        "GUILDHALL_ROLE_PREFIX": cluster.prefix,
        "GUILDHALL_DEMO": "true",
        "GUILDHALL_BRAND": "Halcyon Cloud",
        "GUILDHALL_DEVELOPMENT": "true",
        "GUILDHALL_API_LIMITS": ",".join(f"{kind}={kinds.MOST}" for kind in kinds.STANDARD),
        **variables,
    }
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "guildhall", process],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for process in processes
    ]
    made = Site(port, database)
    try:
        wait_until_ready(made)
        yield made
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=20)
        cluster.drop(database)


def wait_until_ready(site: Site) -> None:
    """Wait until the server answers; fail after a minute and a half, which a busy machine may need."""
    for _ in range(450):
        time.sleep(0.2)
        try:
            if httpx.get(f"http://127.0.0.1:{site.port}/readyz").status_code == 200:
                return
        except httpx.HTTPError:
            continue
    pytest.fail("the server did not start")
