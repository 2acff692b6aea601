"""Fixtures of every test: one embedded PostgreSQL per run, the demo world cloned, real sign-in through the door.

`demo` is one world for tests that only read; `world` is a fresh copy for a test that writes.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from guildhall import runtime
from guildhall.settings import Settings
from support_world import Cluster, Signed, World

ROOM = 6 * 2**30
TODAY = datetime.now(UTC).date()
runtime.configure_logs(Settings(home=Path("/nonexistent")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what writes, and put files with slow tests first: started last, one would keep a single process busy."""
    for item in items:
        if "world" in getattr(item, "fixturenames", ()):
            item.add_marker("writes")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A server with the migrated, seeded template; `TEST_DATABASE_URL` (CREATEDB, CREATEROLE) runs on another."""
    outside = os.environ.get("TEST_DATABASE_URL")
    home = _folder()
    made = Cluster.outside(outside) if outside else Cluster.embedded(home)
    made.build(TODAY)
    yield made
    made.stop()
    shutil.rmtree(home, ignore_errors=True)


def _folder() -> Path:
    """Return a new folder for the server's files: in memory if there is room, where a copy of the world costs half."""
    memory = Path("/dev/shm")  # noqa: S108
    for left in memory.glob("gh-*-*"):
        if not Path("/proc", left.name.split("-")[1]).exists():  # a run that was killed
            _end(left / "postgres" / "postmaster.pid")
            shutil.rmtree(left, ignore_errors=True)
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    made = Path(tempfile.mkdtemp(prefix=f"gh-{os.getpid()}-", dir=memory if roomy else "/tmp"))  # noqa: S108
    made.chmod(0o755)
    return made


def _end(server: Path) -> None:
    """End the server of this file, if it runs."""
    with suppress(OSError):
        os.kill(int(server.read_text().split()[0]), signal.SIGQUIT)


@pytest.fixture(scope="session")
def demo_database(cluster: Cluster) -> Iterator[str]:
    yield cluster.clone("shared")
    cluster.drop("shared")


@pytest.fixture(scope="session")
def demo_signed() -> Signed:
    """Who has signed in to the shared world."""
    return Signed()


@pytest.fixture
async def demo(cluster: Cluster, demo_database: str, demo_signed: Signed, anyio_backend: str) -> AsyncIterator[World]:
    """The demo world for tests that change nothing."""
    made = World(cluster, demo_database, demo_signed)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def world(cluster: Cluster, anyio_backend: str) -> AsyncIterator[World]:
    """A copy of the demo world for one test that writes."""
    name = cluster.clone()
    made = World(cluster, name, Signed())
    await made.open()
    yield made
    await made.close()
    cluster.drop(name)


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[str]:
    """A database with nothing in it; returns its address for an administrator."""
    name = f"empty_{os.getpid()}"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield cluster.url(name)
    cluster.drop(name)
