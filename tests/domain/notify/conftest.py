"""The demo world without its notices, for tests that cause their own."""

from collections.abc import AsyncIterator

import pytest

from support_actors import domain_world
from support_world import Cluster, World


@pytest.fixture
async def world(cluster: Cluster, anyio_backend: str) -> AsyncIterator[World]:
    async with domain_world(cluster) as made:
        made.sql("DELETE FROM portal.notice_read")
        made.sql("DELETE FROM portal.notice")
        yield made
