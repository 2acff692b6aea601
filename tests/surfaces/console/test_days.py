"""Days typed into a list's filters: wrong ones are told beside the fields, on every page in the same way."""

import pytest

from guildhall.surfaces.html import LANGUAGE_COOKIE
from support_console import PRINCIPAL, hrefs, words
from support_world import World

pytestmark = pytest.mark.anyio
PAGES = (
    "/tickets",
    "/tickets/board",
    "/billing",
    "/billing/invoices",
    "/reports/usage",
    "/reports/sla",
    "/reports/revenue",
    "/audit",
)


@pytest.mark.parametrize("path", PAGES)
async def test_reversed_days_keep_the_form_and_show_no_list(demo: World, path: str) -> None:
    client = await demo.sign_in(PRINCIPAL)
    answer = await client.get(path, params={"since": "2026-06-10", "until": "2026-06-01"})
    assert answer.status_code == 422
    assert all(f'value="{day}"' in answer.text for day in ("2026-06-10", "2026-06-01"))
    assert words(answer).count("The last day is before the first") == 1
    assert "Nothing is shown" in words(answer)
    assert not any(href.startswith("/t/") for href in hrefs(answer))
    client.cookies.set(LANGUAGE_COOKIE, "es")
    said = words(await client.get(path, params={"since": "2026-06-10", "until": "2026-06-01"}))
    assert "El último día es anterior al primero" in said


@pytest.mark.parametrize("path", ["/billing", "/reports/usage", "/reports/revenue"])
async def test_a_first_day_to_come_is_after_the_last_which_is_today(demo: World, path: str) -> None:
    answer = await (await demo.sign_in(PRINCIPAL)).get(path, params={"since": "2100-01-01"})
    assert answer.status_code == 422
    assert "The last day is before the first" in words(answer)


async def test_other_wrong_days_are_told_there_too(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    for path, query, said in (
        ("/reports/usage", {"since": "2020-01-01"}, "Ask for at most two years"),
        ("/tickets", {"list": "1", "since": "0002-01-01"}, "This is not a date"),
    ):
        answer = await client.get(path, params=query)
        assert answer.status_code == 422
        assert said in words(answer)
        assert 'role="search"' in answer.text
