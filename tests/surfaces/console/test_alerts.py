"""The alerts centre: who sees which, ticking several, and what a page says of them."""

import re
from datetime import timedelta

import pytest

from guildhall.core import clock
from guildhall.domain.alerts import reading
from guildhall.domain.alerts.alert_sql import SHOWN
from guildhall.surfaces import asked
from support_console import BILLING, PRINCIPAL, SUPPORT, VIEWER, counted, hrefs, words
from support_world import World

pytestmark = pytest.mark.anyio
BOXES = re.compile(r'name="id" value="([0-9a-f-]{36})"')


async def test_the_centre_opens_on_what_nobody_sees_to_and_the_navigation_counts_it(demo: World) -> None:
    page = await (await demo.sign_in(PRINCIPAL)).get("/alerts")
    count = re.search(r"Alerts\D{0,40}?(\d+)", words(page))
    assert count is not None
    assert len(BOXES.findall(page.text)) == min(int(count[1]), 50) > 0
    assert "Ticket past its SLA clock" in words(page)
    assert "/alerts" in hrefs(await (await demo.sign_in(PRINCIPAL)).get("/"))


@pytest.mark.parametrize("state", ["active", "snoozed", "acknowledged", "resolved", "all"])
async def test_every_state_of_the_demo_has_something_to_show(demo: World, state: str) -> None:
    page = await (await demo.sign_in(PRINCIPAL)).get(f"/alerts?state={state}")
    assert page.status_code == 200
    assert "row-link" in page.text


async def test_the_money_blind_find_no_amount_and_nothing_of_billing(demo: World) -> None:
    theirs, rich = await demo.sign_in(SUPPORT), await demo.sign_in(BILLING)
    for query in ("", "?state=all", "?state=all&q=acme"):
        said = words(await theirs.get(f"/alerts{query}"))
        assert "Receivables" not in said
        assert "$" not in said
        assert "€" not in said
    assert "the threshold is" in words(await rich.get("/alerts?kind=billing.threshold"))


async def test_a_filter_in_force_is_named_by_what_it_filters(demo: World) -> None:
    said = words(await (await demo.sign_in(PRINCIPAL)).get("/alerts?severity=warning&kind=sla.ticket"))
    assert "Any severity" not in said
    assert "Any kind" not in said
    assert re.search(r"Severity:? Warning", said)
    assert re.search(r"Kind:? Ticket past its SLA clock", said)


async def test_downtime_is_of_a_month_by_name_once_it_is_over_and_since_a_day_while_it_runs(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    this = clock.now().date().replace(day=1)
    last = (this - timedelta(days=1)).replace(day=1)
    said = []
    for month in (last, this):
        world.sql(
            "UPDATE portal.alert SET values = values || jsonb_build_object('month', %s::text, 'down_minutes', 157.3)"
            " WHERE kind = 'sla.uptime'",
            f"{month:%Y-%m}",
        )
        said.append(words(await client.get("/alerts?state=all&kind=sla.uptime")))
    assert f"Down for 157.3 minutes in {last:%B} {last.year};" in said[0]
    assert "minutes since" not in said[0]
    assert f"Down for 157.3 minutes since {this:%b} 1, {this.year};" in said[1]


async def test_whoever_only_reads_gets_no_boxes_and_is_refused(world: World) -> None:
    one = world.sql("SELECT id FROM portal.alert WHERE status = 'active' LIMIT 1")[0]["id"]
    client = await world.sign_in(VIEWER)
    assert BOXES.findall((await client.get("/alerts?state=all")).text) == []
    answer = await world.post(client, "/alerts/acknowledge", id=str(one))
    assert answer.status_code == 403
    assert world.sql("SELECT acknowledged_by FROM portal.alert WHERE id = %s", one)[0]["acknowledged_by"] is None


async def test_several_are_acknowledged_and_snoozed_at_once_and_the_page_says_so(world: World) -> None:
    client = await world.sign_in(SUPPORT)
    ids = BOXES.findall((await client.get("/alerts?kind=sla.ticket")).text)[:3]
    done = await world.post(client, "/alerts/acknowledge", id=ids[:2], back="/alerts?kind=sla.ticket")
    assert (done.status_code, done.headers["location"]) == (303, "/alerts?kind=sla.ticket")
    assert "2 alerts acknowledged." in words(await client.get("/alerts"))
    await world.post(client, "/alerts/snooze", id=ids[2:], hours="24")
    assert "1 alert snoozed for a day." in words(await client.get("/alerts"))
    states = {row["status"] for row in world.sql("SELECT status FROM portal.alert WHERE id::text = ANY (%s)", ids[:2])}
    assert states == {"acknowledged"}
    assert not set(ids) & set(BOXES.findall((await client.get("/alerts")).text))


@pytest.mark.parametrize(
    ("path", "data", "said"),
    [
        ("/alerts/acknowledge", {}, "Choose at least one alert, and at most 100."),
        ("/alerts/snooze", {"hours": "5"}, "Choose one of the list"),
    ],
)
async def test_a_form_without_a_choice_changes_nothing_and_says_what_is_missing(
    demo: World, path: str, data: dict[str, str], said: str
) -> None:
    client = await demo.sign_in(SUPPORT)
    if data:
        data = data | {"id": BOXES.findall((await client.get("/alerts")).text)[0]}
    answer = await demo.post(client, path, back="https://elsewhere.example/", **data)
    assert answer.headers["location"] == "/alerts"
    assert said in words(await client.get("/alerts"))


async def test_a_long_list_costs_as_many_statements_as_a_short_one(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    await client.get("/alerts?state=all")
    costs = []
    for query in ("?state=all", "?state=all&q=acme&kind=link.expiring"):
        with counted() as seen:
            await client.get(f"/alerts{query}")
        costs.append(len(seen))
    assert costs[0] == costs[1]


async def test_what_was_not_counted_to_the_end_has_no_number(demo: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await demo.sign_in(PRINCIPAL)
    whole = await client.get("/alerts?state=all")
    rows = whole.text.count("row-link")
    monkeypatch.setattr(reading, "COUNTED_TO", 1)
    monkeypatch.setattr(asked, "PAGE_SIZE", rows - 1)
    first, last = [await client.get(f"/alerts?state=all&page={number}") for number in (1, 2)]
    assert [page.text.count("row-link") for page in (first, last)] == [rows - 1, 1]
    onward = [any("page=2" in href or "page=3" in href for href in hrefs(page)) for page in (whole, first, last)]
    assert onward == [False, True, False]
    assert whole.text.count('class="count"') - first.text.count('class="count"') == len(SHOWN)
