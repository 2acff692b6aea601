"""Lists that are filtered in place, and what people type without end, in a real browser."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from support_site import Site

pytestmark = pytest.mark.browser
People = Callable[..., Page]
PRINCIPAL, CUSTOMER = "principal@northwind.example", "admin@acme-fiber.example"
WIDTHS = "[document.documentElement.scrollWidth, window.innerWidth]"
# Words of amounts that stand on more than one line: a break inside an amount's number or currency.
BROKEN = """
[...document.querySelectorAll('.stat-tile .value')].flatMap(value => {
  const text = value.firstChild, range = document.createRange(), torn = [];
  for (const word of text.data.matchAll(/\\S+/g)) {
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    if (new Set([...range.getClientRects()].map(one => Math.round(one.top))).size > 1) torn.push(word[0]);
  }
  return torn;
})
"""
OVERPRINTED = """
figure => {
  const all = [...figure.querySelectorAll('svg text')].filter(one => one.textContent.trim());
  const boxes = all.map(one => one.getBoundingClientRect());
  return all.filter((one, at) => boxes.some((other, place) => place > at
    && boxes[at].left < other.right - 1 && other.left < boxes[at].right - 1
    && boxes[at].top < other.bottom - 1 && other.top < boxes[at].bottom - 1)).map(one => one.textContent);
}
"""
LONE_ICONS = """
[...document.querySelectorAll('tbody th')].filter(cell => {
  const icon = cell.querySelector('.icon').getBoundingClientRect();
  const words = document.createRange();
  words.selectNodeContents(cell.querySelector('.row-link'));
  return words.getClientRects()[0].top > icon.bottom;
}).length
"""


def asked(link: Locator) -> dict[str, str]:
    """Return what the address of a link asks for, each name once."""
    pairs = parse_qsl(urlsplit(str(link.get_attribute("href"))).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


def test_what_leads_on_carries_the_filter_shown(person: People, site: Site) -> None:
    page = person(PRINCIPAL)
    actions, list_ = page.locator(".page-head"), page.locator("#tickets")
    page.goto(site.url("partners", "/tickets?list=1"))
    page.locator(".filters select[name=priority]").select_option("high")
    expect(list_.locator(".chip")).to_have_count(1)
    page.locator(".filters input[name=q]").fill("e")
    expect(list_.locator(".chip")).to_have_count(2)
    for name in ("Save view", "Board"):
        carried = asked(actions.get_by_role("link", name=name))
        assert {"priority": "high", "q": "e"}.items() <= carried.items(), name
    assert asked(list_.locator(".chip").last) == {"list": "1", "q": "e"}
    assert urlsplit(page.url).query == "list=1&q=e&priority=high"

    for path, field, link in (
        ("/tickets/board", "priority", "Save view"),
        ("/reports/usage", "by", "Download as CSV"),
        ("/billing/invoices", "status", "Export"),
    ):
        page.goto(site.url("partners", path))
        choice = page.locator(f".filters select[name={field}]")
        value = str(choice.locator("option").nth(1).get_attribute("value"))
        choice.select_option(value)
        expect(page.locator(".chip")).to_have_count(1)
        assert asked(actions.get_by_role("link", name=link))[field] == value, path


def test_a_refused_filter_is_said_beside_the_fields(person: People, site: Site) -> None:
    page = person(PRINCIPAL)
    page.goto(site.url("partners", "/billing/invoices?since=2026-06-10"))
    page.evaluate("document.body.dataset.kept = 'yes'")
    page.locator("input[name=until]").fill("2026-06-01")
    wrong = page.locator("form.filters [role=alert]")
    expect(wrong).to_have_text("The last day is before the first")
    expect(page.locator("#invoices")).to_contain_text("Nothing is shown")
    assert page.url.endswith("?since=2026-06-10&until=2026-06-01")
    page.locator("input[name=until]").fill("2026-06-20")
    expect(wrong).to_be_hidden()
    expect(page.locator("#invoices")).not_to_contain_text("Nothing is shown")
    assert page.evaluate("document.body.dataset.kept") == "yes", "all of it happened in place"
    # A choice that is gone meanwhile has no list to show: the page that says so comes instead.
    page.locator("select[name=status]").evaluate("one => { one.options[1].value = 'gone' }")
    page.locator("select[name=status]").select_option("gone")
    expect(page.locator("main")).to_contain_text("This filter does not exist")
    assert "status=gone" in page.url


def test_a_word_without_end_widens_no_page(person: People, site: Site) -> None:
    word = "W" * 200
    page = person(CUSTOMER, "customers")
    page.goto(site.url("customers", "/tickets/new"))
    page.locator("[name=subject]").fill(word)
    page.locator("[name=description]").fill(word)
    page.locator("main form button[type=submit]").last.click()
    expect(page.locator("h1")).to_contain_text(word)
    wide = [*too_wide(page, page.url), *too_wide(page, site.url("customers", "/tickets"))]
    page = person(PRINCIPAL)
    page.goto(site.url("partners", "/tickets?list=1&q=WWWW"))
    ticket = page.get_by_role("link", name=word)
    bulk = page.locator("input[name=ticket]").get_attribute("value")
    paths = [str(ticket.get_attribute("href")), "/tickets?list=1&q=WWWW", "/tickets/board?q=WWWW"]
    paths.append(f"/tickets/bulk?ticket={bulk}&status=pending")
    for path in paths:
        wide += too_wide(page, site.url("partners", path))
    assert wide == []


def too_wide(page: Page, address: str) -> list[str]:
    """Return the widths at which a page that shows the long word scrolls sideways, or its table does."""
    found = []
    for width in (390, 1024, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(address)
        expect(page.locator("main")).to_contain_text("WWWW")
        has, room = page.evaluate(WIDTHS)
        inner = page.evaluate("[...document.querySelectorAll('.table-wrap')].some(e => e.scrollWidth > e.clientWidth)")
        if has > room or (inner and width != 1024):  # in between, a table of many columns scrolls by itself
            found.append(f"{address} at {width}: {has}")
    return found


def test_figures_and_notices_fit_a_phone_in_spanish(person: People, site: Site) -> None:
    page = person(PRINCIPAL, viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page.context.add_cookies([{"name": "guildhall_language", "value": "es", "url": site.url("partners", "/")}])
    page.goto(site.url("partners", "/billing"))
    figure = page.locator("#ageing")
    figure.locator("svg text").first.wait_for()
    assert figure.evaluate(OVERPRINTED) == []
    page.goto(site.url("partners", "/reports/revenue"))
    assert page.locator(".stat-tile").count() > 0
    assert page.evaluate(BROKEN) == []
    page.goto(site.url("partners", "/notices"))
    assert page.locator("tbody th").count() > 0
    assert page.evaluate(LONE_ICONS) == 0


def test_a_long_choice_ends_before_the_arrow(person: People, site: Site) -> None:
    page = person(PRINCIPAL, viewport={"width": 390, "height": 844})
    page.goto(site.url("partners", "/tickets?list=1"))
    select = page.locator(".filters select[name=to]")
    select.evaluate("one => { one.options[0].text = 'A choice with a name that is far too long for a phone' }")
    assert select.evaluate("one => one.scrollWidth <= one.clientWidth")
