"""A world in which a few acts are in the trail of Northwind and of Acme Fiber."""

from collections.abc import AsyncIterator

import pytest

from support_actors import domain_world, partner_person
from support_trail import AWAY, act
from support_world import Cluster, World


@pytest.fixture
async def world(cluster: Cluster, anyio_backend: str) -> AsyncIterator[World]:
    """The demo world, with nothing in its trail."""
    async with domain_world(cluster) as made:
        made.sql(AWAY + "DELETE FROM portal.audit_entry; DELETE FROM portal.audit_head; DELETE FROM portal.notice")
        yield made


@pytest.fixture
async def acts(world: World) -> World:
    """The world, after five acts of Northwind's principal in Acme Fiber."""
    await act(partner_person(world), world, times=5)
    return world
