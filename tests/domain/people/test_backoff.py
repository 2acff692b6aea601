"""Guessing is slow for whoever guesses, and for nobody else."""

from datetime import datetime, timedelta

import httpx
import pytest

from guildhall.core import clock
from guildhall.core.actor import Actor, Surface, anonymous
from guildhall.core.errors import TooManyRequests
from guildhall.domain.people import backoff
from guildhall.surfaces.entry import ROLES
from support_world import World

pytestmark = pytest.mark.anyio
OWNER = "principal@northwind.example"


def caller(ip: str) -> Actor:
    return anonymous(Surface.CONSOLE, ROLES[Surface.CONSOLE], ip=ip)


async def guess(ip: str, moment: datetime, subject: str = OWNER) -> datetime:
    """Guess once from `ip`, as soon as it is let; return when that was."""
    while True:
        try:
            await backoff.begin(caller(ip), subject=subject, now=moment)
        except TooManyRequests as refusal:
            moment += timedelta(seconds=refusal.retry_after or 1)
        else:
            return moment


async def test_a_thousand_guesses_from_one_network_take_days_while_the_owner_gets_in(world: World) -> None:
    began = moment = clock.now()
    for _ in range(1000):
        moment = await guess("203.0.113.7", moment)
    assert moment - began > timedelta(days=9)
    assert await guess("198.51.100.1", moment) - moment <= timedelta(seconds=30)


async def test_a_thousand_guesses_from_as_many_networks_take_hours_while_the_owners_browser_gets_in(
    world: World,
) -> None:
    began = moment = clock.now()
    for number in range(1000):
        moment = await guess(f"10.0.{number // 250}.{number % 250}", moment)
    assert moment - began > timedelta(hours=7)
    await backoff.begin(caller("198.51.100.1"), subject=OWNER, now=moment, known=True)
    assert await guess("198.51.100.1", moment) - moment <= timedelta(seconds=30), "no wait of the owner is longer"


async def test_one_network_that_tries_many_addresses_has_to_wait_as_well(world: World) -> None:
    began = moment = clock.now()
    for number in range(200):
        moment = await guess("203.0.113.7", moment, f"person{number}@northwind.example")
    assert moment - began > timedelta(hours=2)


async def test_every_wait_ends_by_itself(world: World) -> None:
    moment = clock.now()
    for _ in range(20):
        moment = await guess("203.0.113.7", moment)
    waited = await guess("203.0.113.7", moment) - moment
    assert timedelta(minutes=10) < waited <= timedelta(minutes=15)
    later = moment + timedelta(hours=6)
    assert await guess("203.0.113.7", later) == later
    assert await guess("203.0.113.7", later) == later, "what was forgotten is free again"


async def test_a_right_try_gives_its_own_back_and_no_other(world: World) -> None:
    moment = clock.now()
    for number in range(backoff.PERSON.free - 1):
        await backoff.begin(caller(f"10.1.0.{number}"), subject=OWNER, now=moment)
    right = await backoff.begin(caller("198.51.100.1"), subject=OWNER, now=moment)
    await backoff.forgive(caller("198.51.100.1"), right, now=moment)
    await backoff.begin(caller("10.2.0.1"), subject=OWNER, now=moment)
    await backoff.begin(caller("10.2.0.2"), subject=OWNER, now=moment)
    with pytest.raises(TooManyRequests):
        await backoff.begin(caller("10.2.0.3"), subject=OWNER, now=moment)


async def test_an_address_of_ip_version_6_counts_as_its_site() -> None:
    assert backoff.network_of("2001:db8:1:2:3::4") == backoff.network_of("2001:db8:1:2:ffff::1")
    assert backoff.network_of("2001:db8:1:3::1") != backoff.network_of("2001:db8:1:2::1")


async def test_callers_whose_ipv4_addresses_come_mapped_into_ipv6_do_not_share_a_count(world: World) -> None:
    wrong = {"email": OWNER, "password": "not-the-password", "code": "000000"}

    async def guessed(ip: str) -> int:
        transport = httpx.ASGITransport(app=world.front, client=(ip, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://partners.localhost:8000") as browser:
            return (await world.post(browser, "/sign-in", **wrong)).status_code

    assert [await guessed("::ffff:203.0.113.7") for _ in range(6)][-1] == 429
    assert await guessed("::ffff:203.0.113.7") == 429
    assert await guessed("203.0.113.7") == 429, "mapped or not, it is one address"
    assert await guessed("::ffff:198.51.100.1") == 401, "another address has a count of its own"


async def test_a_mark_of_a_browser_belongs_to_one_address() -> None:
    mark = backoff.browser_mark(OWNER, "a-random-secret")
    assert backoff.knows(mark, OWNER)
    assert not backoff.knows(mark, "finance@northwind.example")
    assert not backoff.knows("", OWNER)
    assert not backoff.knows("forged.00", OWNER)
