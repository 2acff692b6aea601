"""A real server and a real browser: the demo world on a port of its own, Chromium in front of it."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from guildhall.worlds import demo
from support_served import served
from support_site import Site
from support_world import Cluster

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

expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong


@pytest.fixture(scope="module")
def site(cluster: Cluster) -> Iterator[Site]:
    """Serve a copy of the demo world for one file of journeys."""
    with served(cluster, "serve") as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium: the system's where there is one, else Playwright's own."""
    own = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=own, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def person(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Return a way to open a browser window in which somebody has signed in by hand."""
    opened: list[BrowserContext] = []

    def sign_in(email: str, label: str = "partners", **context: object) -> Page:
        opened.append(browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **context}))  # type: ignore[arg-type]
        page = opened[-1].new_page()
        page.set_default_timeout(30_000)
        page.goto(site.url(label, "/sign-in"))
        page.locator("input[name=email]").fill(email)
        page.locator("input[name=password]").fill(demo.DEMO_PASSWORD)
        page.locator("input[name=code]").fill(site.code(email))
        page.locator("main button[type=submit]").click()
        page.wait_for_url(site.url(label, "/"))
        return page

    yield sign_in
    for context in opened:
        context.close()
