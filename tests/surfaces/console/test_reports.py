"""The pages of the reports: figures with what is left out, filters, files, and who finds which."""

import csv
import io
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from guildhall.surfaces import sheets
from guildhall.surfaces.html import LANGUAGE_COOKIE
from support_console import AUDITOR, BILLING, PRINCIPAL, SUPPORT, TECHNICAL, VIEWER, counted, hrefs, words
from support_world import World

pytestmark = pytest.mark.anyio
FINANCE = "finance@northwind.example"
REPORTS = ("usage", "sla", "revenue")
READERS = {
    PRINCIPAL: REPORTS,
    AUDITOR: REPORTS,
    TECHNICAL: ("usage", "sla"),
    SUPPORT: ("usage", "sla"),
    BILLING: ("sla", "revenue"),
    FINANCE: ("revenue",),
    VIEWER: (),
}


def lines(answer: httpx.Response) -> list[list[str]]:
    """Return the cells of a file."""
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("email", READERS)
async def test_each_role_finds_its_reports_and_no_other(demo: World, email: str) -> None:
    client = await demo.sign_in(email)
    first = await client.get("/reports")
    shown = READERS[email]
    assert first.status_code == (303 if shown else 403)
    assert not shown or first.headers["location"] == f"/reports/{shown[0]}"
    assert ("/reports" in hrefs(await client.get("/"))) is bool(shown)
    for report in REPORTS:
        for path in (f"/reports/{report}", f"/reports/{report}/csv"):
            assert (await client.get(path)).status_code == (200 if report in shown else 403), path
    if shown:
        page = await client.get(f"/reports/{shown[0]}")
        assert tuple(r for r in REPORTS if f"/reports/{r}" in hrefs(page)) == shown


def left_out(demo: World, report: str) -> list[str]:
    """Return the customers whose live link to Northwind does not open the report."""
    rows = demo.sql(
        "SELECT l.tenant_name FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' AND portal.is_live(l.status, l.starts_at, l.ends_at)"
        " AND NOT %s = ANY (l.permissions)",
        f"partner.reports.{report}.read",
    )
    return [row["tenant_name"] for row in rows]


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("language", ["en", "es"])
async def test_a_report_says_what_it_is_not_about(demo: World, report: str, language: str) -> None:
    client = await demo.sign_in(PRINCIPAL)
    client.cookies.set(LANGUAGE_COOKIE, language)
    said = words(await client.get(f"/reports/{report}"))
    left = len(left_out(demo, report))
    sentence = {"en": f"{left} customer's link does not open this report", "es": f"El vínculo de {left} cliente"}
    assert (sentence[language] in said) is (left == 1)
    assert left in {0, 1}


@pytest.mark.parametrize("report", REPORTS)
async def test_filters_narrow_page_and_file_alike(demo: World, report: str) -> None:
    client, acme = await demo.sign_in(PRINCIPAL), demo.tenant("acme-fiber")
    for search in ("acme f", "ACME-FIBER.EX"):
        asked = {"q": search, "since": "2026-06-01", "until": "2026-08-31"}
        page = await client.get(f"/reports/{report}", params=asked)
        assert {href.split("/")[2] for href in hrefs(page) if href.startswith("/t/")} == {str(acme)}
        link = next(href for href in hrefs(page) if "/csv" in href)
        rows = lines(await client.get(link))
        assert {row[0] for row in rows[1:]} == {"Acme Fiber"}
    foreign = demo.sql("SELECT name FROM tenancy.tenant WHERE id = %s", demo.unlinked("northwind"))[0]["name"]
    for nobody in (foreign, "%", "a_me"):
        page = await client.get(f"/reports/{report}", params={"q": nobody})
        assert "Nothing matches these filters" in words(page)
        assert not any(href.startswith("/t/") for href in hrefs(page))
        assert len(lines(await client.get(f"/reports/{report}/csv", params={"q": nobody}))) == 1
    for name in left_out(demo, report):  # it is said to be left out, and is not unknown
        page = await client.get(f"/reports/{report}", params={"q": name})
        assert "1 customer's link does not open this report" in words(page)
    backwards = {"since": "2026-08-31", "until": "2026-06-01"}
    for wrong in ({"since": "yesterday"}, backwards, {"page": "0"}):
        assert (await client.get(f"/reports/{report}", params=wrong)).status_code == 422, wrong


async def test_usage_shows_the_metric_and_the_grouping_that_were_chosen(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    for by in ("day", "week", "month", "tenant"):
        page = await client.get("/reports/usage", params={"metric": "api_calls", "by": by, "since": "2026-01-01"})
        assert page.status_code == 200
        assert 'id="usage" data-chart' in page.text
    assert (await client.get("/reports/usage", params={"by": "year"})).status_code == 422
    unknown = await client.get("/reports/usage", params={"metric": "no-such-metric"})
    assert unknown.status_code == 200
    early = await client.get("/reports/usage", params={"since": "2001-01-01", "until": "2001-02-01"})
    assert "Nothing was measured in this period." in words(early)


async def test_uptime_is_held_against_the_target_that_was_chosen(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    strict = words(await client.get("/reports/sla", params={"target": "99.99"}))
    lenient = words(await client.get("/reports/sla", params={"target": "50"}))
    assert "SLA breached" in strict
    assert "SLA breached" not in lenient
    for wrong in ("often", "0", "101", "nan"):
        assert (await client.get("/reports/sla", params={"target": wrong})).status_code == 422


async def test_revenue_is_shown_in_one_currency_and_names_the_others(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    page = words(await client.get("/reports/revenue", params={"currency": "EUR"}))
    assert "In EUR. There are amounts in GBP, USD too" in page
    assert "$" not in page
    rows = lines(await client.get("/reports/revenue/csv"))
    assert {row[1] for row in rows[1:]} == {"EUR", "GBP", "USD"}


async def test_a_limited_person_finds_no_other_customer(demo: World) -> None:
    client = await demo.sign_in("isla.moreno@northwind.example")
    slugs = ["acme-fiber", "harborline", "costa-verde", "sandpiper"]
    own = {str(r["id"]): r["name"] for r in demo.sql("SELECT * FROM tenancy.tenant WHERE slug = ANY (%s)", slugs)}
    pages = {report: await client.get(f"/reports/{report}") for report in REPORTS}
    read = [report for report, page in pages.items() if page.status_code == 200]
    assert read
    for report in read:
        assert {href.split("/")[2] for href in hrefs(pages[report]) if href.startswith("/t/")} <= set(own)
        rows = lines(await client.get(f"/reports/{report}/csv"))
        assert len(rows) > 1
        assert {row[0] for row in rows[1:]} <= set(own.values())


@pytest.mark.parametrize("report", REPORTS)
async def test_a_search_costs_one_statement_more(demo: World, report: str) -> None:
    client = await demo.sign_in(PRINCIPAL)
    today = datetime.now(UTC).date()
    ran = []
    for asked in ({}, {"q": "acme"}, {"since": str(today - timedelta(days=300))}):
        await client.get(f"/reports/{report}", params=asked)
        with counted() as seen:
            assert (await client.get(f"/reports/{report}", params=asked)).status_code == 200
        ran.append(len(seen))
    assert ran[0] == ran[2]
    assert ran[1] == ran[0] + 1


def test_what_a_spreadsheet_would_take_for_a_formula_is_kept_text() -> None:
    assert sheets.written([["=1+1", "@x", "-2", -2, None, "a"]]) == "'=1+1,'@x,'-2,-2,,a\r\n"
