"""A server of these tests' own, migrated once, and the demo world in it."""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from guildhall.core import crypto, embedded
from guildhall.domain.migrations.run import migrate
from guildhall.worlds import demo

PREFIX = "guildhall_"


@pytest.fixture(scope="session")
def template() -> Iterator[tuple[Path, str]]:
    """Yield the socket's folder and the name of a migrated, empty database."""
    socket = embedded.start(Path(tempfile.gettempdir()) / "ghd")
    name = f"worlds_{os.getpid()}"
    crypto.set_master(b"a secret of thirty-two octets.. ")
    with psycopg.connect(embedded.admin_url(socket, "postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        migrate(embedded.admin_url(socket, name), prefix=PREFIX)
        yield socket, name
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _fresh(template: tuple[Path, str], name: str) -> Iterator[str]:
    socket, source = template
    with psycopg.connect(embedded.admin_url(socket, "postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {source}_{name} TEMPLATE {source}")
        yield embedded.admin_url(socket, f"{source}_{name}")
        admin.execute(f"DROP DATABASE {source}_{name} WITH (FORCE)")


@pytest.fixture
def empty(template: tuple[Path, str]) -> Iterator[str]:
    """Yield the address of a migrated database with nothing in it."""
    yield from _fresh(template, "empty")


@pytest.fixture(scope="session")
def demo_url(template: tuple[Path, str]) -> Iterator[str]:
    """Yield the address of a database with the demo world, for reading only."""
    for url in _fresh(template, "demo"):
        demo.seed(url, prefix=PREFIX, today=datetime.now(UTC).date())
        yield url


@pytest.fixture
def world(demo_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection to the demo world; what a test writes is rolled back."""
    with psycopg.connect(demo_url) as connection:
        yield connection
        connection.rollback()
