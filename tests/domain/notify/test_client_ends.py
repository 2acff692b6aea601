"""Warnings before an API client ends: on the day they are due, once each, to the principals by notice and letter."""

from datetime import timedelta

import pytest

from guildhall.core import clock
from guildhall.core.actor import system
from guildhall.domain.notify.client_ends import warn_of_ends
from support_clients import PRINCIPAL, client_of
from support_mail import letters
from support_world import World

pytestmark = pytest.mark.anyio


async def test_principals_are_told_14_days_and_1_day_before_once_each(world: World) -> None:
    world.sql("UPDATE portal.api_client SET expires_at = now() - interval '1 day'")
    made = await client_of(world, name="Nightly load")
    for days, kind in ((15, None), (14, "client.ends_soon"), (1, "client.ends_tomorrow")):
        end = clock.now().replace(hour=23, minute=59) + timedelta(days=days)
        world.sql(
            "UPDATE portal.api_client SET expires_at = %s, created_at = now() - interval '60 days' WHERE id = %s",
            end,
            made.client_id,
        )
        before = len(letters(world, PRINCIPAL))
        written = [await warn_of_ends(system("clients")) for _ in range(2)]
        assert written == [1 if kind else 0, 0], days
        assert [each.kind for each in letters(world, PRINCIPAL)[before:]] == ([kind] if kind else []), days
