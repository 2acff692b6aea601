"""What must not be in a page: posture of customers that keep it, amounts for the money-blind, what a role lacks."""

import re

import pytest

from guildhall.surfaces.html import LANGUAGE_COOKIE
from support_console import BILLING, PRINCIPAL, SUPPORT, TECHNICAL, VIEWER, hrefs, words
from support_world import World

pytestmark = pytest.mark.anyio
AMOUNT = re.compile(r"[$€£¥]\s?\d|\d\s?[$€£¥]|\b(?:USD|EUR|GBP)\b|\d[.,]\d\d\b(?! ?%)")
PARTS = ("", "tickets", "billing", "usage", "subscribers")


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("part", PARTS)
async def test_a_customer_that_keeps_its_posture_has_no_trace_of_it(demo: World, part: str, language: str) -> None:
    client = await demo.sign_in(PRINCIPAL)
    client.cookies.set(LANGUAGE_COOKIE, language)
    for tenant in demo.tenants("northwind", "live", "customer_managed")[:3]:
        answer = await client.get(f"/t/{tenant}/{part}")
        if answer.status_code == 403:  # the link does not open this part
            continue
        assert answer.status_code == 200
        assert not re.search(r"postur", answer.text, re.IGNORECASE)
        assert "findings" not in answer.text.lower()


@pytest.mark.parametrize("language", ["en", "es"])
async def test_asking_for_the_posture_of_such_a_customer_shows_nothing_of_it(demo: World, language: str) -> None:
    client = await demo.sign_in(PRINCIPAL)
    client.cookies.set(LANGUAGE_COOKIE, language)
    tenant = demo.tenants("northwind", "live", "customer_managed")[0]
    answer = await client.get(f"/t/{tenant}/posture")
    assert answer.status_code == 403
    assert "MARKER" not in answer.text
    assert not re.search(r"postur", words(answer), re.IGNORECASE)


async def test_a_customer_that_shares_its_posture_shows_it(demo: World) -> None:
    client, tenant = await demo.sign_in(TECHNICAL), demo.tenant("acme-fiber")
    assert f"/t/{tenant}/posture" in hrefs(await client.get(f"/t/{tenant}/"))
    assert "POSTURE-MARKER-acme-fiber" in (await client.get(f"/t/{tenant}/posture")).text


@pytest.mark.parametrize("email", [TECHNICAL, SUPPORT, VIEWER])
async def test_the_money_blind_see_no_amount_anywhere(demo: World, email: str) -> None:
    client, tenant = await demo.sign_in(email), demo.tenant("acme-fiber")
    paths = ["/", "/customers", "/customers/closed", "/links", "/notices", "/team", f"/t/{tenant}/"]
    for path in paths:
        answer = await client.get(path)
        assert answer.status_code == 200, path
        assert not AMOUNT.search(words(answer)), path
    assert "Outstanding" not in words(await client.get("/customers"))
    assert (await client.get(f"/t/{tenant}/billing")).status_code == 403


async def test_no_order_tells_the_money_blind_what_a_column_hides(demo: World) -> None:
    client = await demo.sign_in(TECHNICAL)
    by_balance = await client.get("/customers?sort=-balance")
    by_name = await client.get("/customers")
    tenants = [[href for href in hrefs(page) if href.startswith("/t/")] for page in (by_balance, by_name)]
    assert tenants[0] == tenants[1]


async def test_who_may_see_amounts_sees_them(demo: World) -> None:
    client, tenant = await demo.sign_in(BILLING), demo.tenant("acme-fiber")
    assert AMOUNT.search(words(await client.get("/customers")))
    assert AMOUNT.search(words(await client.get(f"/t/{tenant}/billing")))


async def test_tabs_show_only_what_person_and_link_open(demo: World) -> None:
    tenant = demo.tenant("acme-fiber")
    billing = set(hrefs(await (await demo.sign_in(BILLING)).get(f"/t/{tenant}/")))
    assert f"/t/{tenant}/billing" in billing
    assert not {f"/t/{tenant}/tickets", f"/t/{tenant}/subscribers", f"/t/{tenant}/usage"} & billing
    narrow = demo.tenant("northgate")
    delegate = set(hrefs(await (await demo.sign_in(PRINCIPAL)).get(f"/t/{narrow}/")))
    assert f"/t/{narrow}/subscribers" not in delegate
