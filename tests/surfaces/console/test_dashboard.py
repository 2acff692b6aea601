"""The dashboard: each role its own, and every tile leads to the list that it counted."""

import re

import pytest

from support_console import AUDITOR, BILLING, PRINCIPAL, SUPPORT, TECHNICAL, VIEWER, hrefs, words
from support_world import World

pytestmark = pytest.mark.anyio
TILES = ("/tickets", "/links", "/customers")


@pytest.mark.parametrize("email", [PRINCIPAL, SUPPORT, BILLING, TECHNICAL, AUDITOR, VIEWER])
async def test_every_tile_leads_to_a_list_that_the_person_may_open(demo: World, email: str) -> None:
    client = await demo.sign_in(email)
    page = await client.get("/")
    assert page.status_code == 200
    for href in {each for each in hrefs(page) if each.startswith(TILES)}:
        assert (await client.get(href)).status_code == 200, href


async def test_a_tile_counts_what_its_list_holds(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    page = words(await client.get("/"))
    counted = re.search(r"Links that end soon (\d+)", page)
    assert counted is not None
    listed = words(await client.get("/links?group=standing&state=expiring"))
    assert f"of {counted[1]} " in listed


async def test_posture_names_how_many_share_it(demo: World) -> None:
    page = words(await (await demo.sign_in(PRINCIPAL)).get("/"))
    assert re.search(r"16 of 24 customers share posture", page)
    assert "posture" not in words(await (await demo.sign_in(BILLING)).get("/")).lower()
