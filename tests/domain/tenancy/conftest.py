"""A migrated database without the demo, into which files are imported; emptied after each test."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from guildhall.domain.migrations.run import migrate
from guildhall.domain.tenancy.importing import Report, import_file
from support_world import Cluster


@pytest.fixture(scope="session")
def bare(cluster: Cluster) -> Iterator[str]:
    """Yield the address of a database with tables and nothing in them."""
    name = f"gh_bare_{os.getpid()}"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    migrate(cluster.url(name), prefix=cluster.prefix)
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture
def database(bare: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection that sees what the imports have committed."""
    with psycopg.connect(bare, autocommit=True) as connection:
        yield connection
        connection.execute("TRUNCATE tenancy.tenant, tenancy.customer_user CASCADE")


@pytest.fixture
def bring(bare: str, cluster: Cluster, database: psycopg.Connection[Any], tmp_path: Path) -> Callable[..., Report]:
    """Return the function that imports a text (or octets) as a file of some kind."""

    def bring(kind: str, content: str | bytes, *, name: str = "file.csv", **options: Any) -> Report:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return import_file(bare, prefix=cluster.prefix, kind=kind, path=path, **options)

    return bring


@pytest.fixture
def acme(bring: Callable[..., Report]) -> None:
    """Import two tenants, with a subscriber and an invoice of the first."""
    bring("tenants", "external_id,name,slug,domain\nA,Acme Fiber,acme,acme.example\nB,Blue Mesa,blue,blue.example\n")
    bring("subscribers", "tenant,external_id,name\nA,S1,Ana Ruiz\n")
    bring(
        "invoices",
        "tenant,external_id,number,status,currency,amount,issued_on,due_on\n"
        "A,I1,INV-1,finalized,USD,30.00,2026-10-01,2026-10-31\n",
    )
