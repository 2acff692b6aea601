"""The demo world, read as an administrator."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from support_world import Cluster


@pytest.fixture
def story(cluster: Cluster, demo_database: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection to the demo world; what a test writes is rolled back."""
    with psycopg.connect(cluster.url(demo_database)) as connection:
        yield connection
        connection.rollback()
