"""Partner accounts: a partner reads its own, finds them, and sees no subscriber once its account has ended."""

import pytest

from support_console import PRINCIPAL, words
from support_world import World

pytestmark = pytest.mark.anyio
RESELLER = "principal@alderfinch.example"
OWN = (
    "SELECT a.id, a.status, a.engagement_type, s.name, s.email FROM portal.partner_account AS a"
    " JOIN portal.partner AS p ON p.id = a.partner_id JOIN tenancy.subscriber AS s ON s.id = a.subscriber_id"
    " WHERE p.slug = 'alderfinch' ORDER BY s.name"
)


async def test_a_partner_lists_filters_and_opens_its_accounts(demo: World) -> None:
    client, rows = await demo.sign_in(RESELLER), demo.sql(OWN)
    active = [row for row in rows if row["status"] == "active"]
    (over,) = (row for row in rows if row["status"] == "ended")
    assert "/accounts" in (await client.get("/customers")).text
    page = words(await client.get("/accounts"))
    places = [page.index(row["name"]) for row in active]
    assert places == sorted(places), "by name"
    assert over["email"] not in page
    assert "No longer yours to see" in page
    found = words(await client.get("/accounts", params={"q": active[0]["email"]}))
    assert active[0]["name"] in found
    assert active[1]["email"] not in found
    ended = words(await client.get("/accounts", params={"state": "ended"}))
    assert not any(row["email"] in ended for row in rows)
    assert (await client.get("/accounts", params={"state": "nonsense"})).status_code == 422
    shown = await client.get(f"/accounts/{active[0]['id']}")
    assert active[0]["email"] in words(shown)
    subscriber = next(part for part in shown.text.split('"') if "/subscribers/" in part)
    assert active[0]["name"] in words(await client.get(subscriber)), "and leads to the subscriber at home"
    assert over["name"] not in words(await client.get(f"/accounts/{over['id']}"))


async def test_another_partner_and_whoever_may_not_list_find_none(demo: World) -> None:
    account = demo.sql(OWN)[0]
    other = await demo.sign_in(PRINCIPAL)
    assert (await other.get(f"/accounts/{account['id']}")).status_code == 404
    assert account["name"] not in words(await other.get("/accounts"))
    finance = await demo.sign_in("finance@alderfinch.example")
    assert (await finance.get("/accounts")).status_code == 403
    assert "/accounts" not in (await finance.get("/customers")).text
