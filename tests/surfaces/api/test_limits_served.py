"""Limits hold over all processes: four are served, and together they let through as much as one would."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from guildhall.worlds.demo import DEMO_PASSWORD
from support_served import served
from support_site import Site
from support_world import Cluster

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
CUSTOMERS = "/api/v1/partner/customers?limit=1"
POOL = 3
STANDARD = "list=100,detail=200,write=50,tenant=500"


@pytest.fixture(scope="module")
def site(cluster: Cluster) -> Iterator[Site]:
    """The demo, served by four processes."""
    with served(
        cluster, "serve", GUILDHALL_WORKERS="4", GUILDHALL_API_LIMITS=STANDARD, GUILDHALL_POOL=str(POOL)
    ) as made:
        yield made


async def token(site: Site, email: str) -> str:
    async with caller(site) as client:
        body = {"email": email, "password": DEMO_PASSWORD, "otp": site.code(email)}
        found: str = (await client.post("/api/v1/auth/login", json=body)).raise_for_status().json()["access_token"]
        return found


def caller(site: Site, bearer: str = "") -> httpx.AsyncClient:
    """Return a program on a connection of its own, which one of the processes answers."""
    headers = {"Host": f"api.localhost:{site.port}"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{site.port}", headers=headers, timeout=60)


async def share(site: Site, bearer: str, calls: int) -> list[int]:
    """Return the statuses of some calls on one connection."""
    async with caller(site, bearer) as client:
        return [(await client.get(CUSTOMERS)).status_code for _ in range(calls)]


async def test_four_processes_let_a_hundred_lists_through_and_another_partner_is_not_disturbed(
    site: Site, cluster: Cluster
) -> None:
    mine, theirs = await token(site, "principal@northwind.example"), await token(site, "principal@alderfinch.example")
    began = asyncio.get_running_loop().time()
    shares = await asyncio.gather(*(share(site, mine, 10) for _ in range(12)), share(site, theirs, 10))
    assert asyncio.get_running_loop().time() - began < 60, "the machine is too slow for this test to say anything"
    assert shares.pop() == [200] * 10
    assert Counter(status for each in shares for status in each) == {200: 100, 429: 20}
    with psycopg.connect(cluster.url(site.database)) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = %s",
            [site.database, "guildhall api"],
        ).fetchone()
    assert found is not None
    assert found[0] > POOL, "more than one process took part"
