"""The gallery in a real browser: for everybody, on a phone, by keyboard, within its content security policy."""

import shutil
from pathlib import Path

import pytest
from litestar.testing import TestClient
from playwright.sync_api import expect, sync_playwright

from guildhall.surfaces.kit.gallery import PAGES, application

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HOST = "http://guildhall.localhost"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
EVERY = [*PAGES, "plain", "error"]


@pytest.fixture(scope="module")
def browser():
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def answer():
    """Answer the browser's requests from the application in this process: no port, no waiting."""
    built = {}
    with TestClient(application(), base_url="http://testserver.local") as client:

        def asked(path, cookie):
            given = client.get(path, headers={"Cookie": cookie, "Accept-Encoding": "identity"})
            return {"status": given.status_code, "headers": dict(given.headers), "body": given.content}

        def answered(route):
            path, cookie = route.request.url.removeprefix(HOST), route.request.headers.get("cookie", "")
            if path.startswith("/static/") and path not in built:
                built[path] = asked(path, cookie)
            route.fulfill(**(built.get(path) or asked(path, cookie)))

        yield answered


@pytest.fixture(scope="module")
def contexts(browser, answer):
    """Return a desk and a phone."""
    sizes = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
    made = {name: browser.new_context(viewport=size, reduced_motion="reduce") for name, size in sizes.items()}
    for context in made.values():
        context.route("**/*", answer)
    return made


@pytest.fixture(params=["desk"])
def page(request, contexts):
    """Open a page on a desk or a phone; whatever its console says is an error of the test."""
    context = contexts[request.param]
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    page.close()
    context.clear_cookies()
    assert said == []


def violations(page):
    """Return what axe finds: rule and elements. It is put in by the test, past the page's own policy."""
    page.evaluate(AXE)
    options = {"runOnly": RULES, "resultTypes": ["violations"], "preload": False}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [(rule["id"], [node["html"][:160] for node in rule["nodes"]]) for rule in found["violations"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", EVERY)
def test_axe_finds_nothing(page, name, theme):
    page.goto(f"{HOST}/_kit/{name}?theme={theme}")
    assert violations(page) == []


@pytest.mark.parametrize("page", ["phone"], indirect=True)
@pytest.mark.parametrize("name", EVERY)
def test_nothing_scrolls_sideways_on_a_phone(page, name):
    page.goto(f"{HOST}/_kit/{name}?lang=es")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(("colour", "theme"), [("ffd400", "light"), ("0b3d2e", "dark")])
def test_any_brand_colour_stays_legible(page, colour, theme):
    page.goto(f"{HOST}/_kit/forms?theme={theme}&brand={colour}")
    assert violations(page) == []


@pytest.mark.parametrize(
    ("name", "opener", "theme"),
    [
        ("list", ".row-menu summary", "light"),
        ("list", "details.picker > summary", "dark"),
        ("forms", "[data-dialog=stop-all]", "light"),
        ("forms", "[data-dialog=stop-all]", "dark"),
        ("figures", ".person-button", "dark"),
        ("figures", ".chart summary", "light"),
    ],
)
def test_axe_finds_nothing_in_what_opens(page, name, opener, theme):
    page.goto(f"{HOST}/_kit/{name}?theme={theme}")
    page.locator(opener).first.click()
    if "picker" in opener:
        page.locator("[role=option]").first.wait_for()
    assert violations(page) == []


def test_the_tenant_picker_works_by_keyboard_alone(page):
    page.goto(f"{HOST}/_kit/list")
    with page.expect_response(lambda answer: answer.url.endswith("q=o")):
        page.keyboard.press("Control+k")
        page.keyboard.type("o")
    options = page.locator("[role=option]")
    expect(options).to_have_count(5)
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[role=option][aria-selected=true]")
    assert chosen.get_attribute("id") == page.locator(".picker input").get_attribute("aria-activedescendant")
    assert chosen.inner_text() == options.nth(1).inner_text()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Control+k")
    options.first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/_kit/figures")


def test_a_filter_reloads_its_list_alone_and_writes_the_address(page):
    page.goto(f"{HOST}/_kit/list")
    page.evaluate("document.body.dataset.kept = 'yes'")
    page.get_by_label("Operating model").select_option("co_managed")
    page.locator(".chip").wait_for()
    assert page.url.endswith("/_kit/list?model=co_managed")
    assert page.evaluate("document.body.dataset.kept") == "yes"


def test_a_dialog_takes_the_focus_and_gives_it_back(page):
    page.goto(f"{HOST}/_kit/forms")
    page.locator("[data-dialog=stop-all]").focus()
    page.keyboard.press("Enter")
    assert page.locator("#stop-all").evaluate("dialog => dialog.contains(document.activeElement)")
    page.keyboard.press("Escape")
    assert page.locator("[data-dialog=stop-all]").evaluate("button => button === document.activeElement")


def test_the_chosen_theme_is_kept_for_the_next_page(page):
    page.goto(f"{HOST}/_kit/list")
    page.locator(".person-button").click()
    page.get_by_role("button", name="Dark").click()
    page.goto(f"{HOST}/_kit/forms")
    assert page.locator("html").get_attribute("data-theme") == "guildhall-dark"


def test_charts_follow_the_theme_and_say_what_they_show(page):
    page.goto(f"{HOST}/_kit/figures")
    page.locator("#mrr .chart-canvas svg").wait_for()
    light = page.locator("#mrr .chart-canvas svg text").first.get_attribute("fill")
    page.locator(".person-button").click()
    page.get_by_role("button", name="Dark").click()
    assert page.locator("#mrr .chart-canvas svg text").first.get_attribute("fill") != light
    assert page.locator("#mrr [role=img]").get_attribute("aria-label").startswith("Revenue rose")


def test_pages_work_without_script(browser, answer):
    context = browser.new_context(java_script_enabled=False)
    context.route("**/*", answer)
    page = context.new_page()
    page.goto(f"{HOST}/_kit/list")
    page.get_by_label("Operating model").select_option("co_managed")
    page.get_by_role("button", name="Apply").click()
    assert "model=co_managed" in page.url
    page.locator(".row-menu summary").first.click()
    assert page.get_by_role("link", name="Open tickets").first.is_visible()
    page.goto(f"{HOST}/_kit/figures")
    page.locator("#mrr summary").click()
    assert page.locator("#mrr table").is_visible()
    context.close()
