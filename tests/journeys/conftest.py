"""A real server and a real browser: the demo world on a port of its own, Chromium in front of it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from guildhall.core.actor import Surface
from guildhall.worlds import demo
from support_site import Site
from support_world import LOGIN_OF, MASTER, Cluster

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
URL_OF = {
    Surface.CONSOLE: "DATABASE_URL_PARTNERS",
    Surface.CUSTOMER: "DATABASE_URL_CUSTOMERS",
    Surface.STAFF: "DATABASE_URL_STAFF",
    Surface.API: "DATABASE_URL_API",
    Surface.WORKER: "DATABASE_URL_WORKER",
}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def site(cluster: Cluster) -> Iterator[Site]:
    """Serve a copy of the demo world for one file of journeys."""
    database, port = cluster.clone(), free_port()
    urls = {URL_OF[surface]: cluster.login_url(login, database) for surface, login in LOGIN_OF.items()}
    environment = {
        **os.environ,
        **urls,
        "PORT": str(port),
        "GUILDHALL_MIGRATE_URL": cluster.url(database),
        "GUILDHALL_SECRET": MASTER.decode(),
        "GUILDHALL_ROLE_PREFIX": cluster.prefix,
        "GUILDHALL_DEMO": "true",
        "GUILDHALL_BRAND": "Halcyon Cloud",
        "GUILDHALL_DEVELOPMENT": "true",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "guildhall", "serve"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    made = Site(port, database)
    wait_until_ready(made)
    yield made
    server.terminate()
    server.wait(timeout=20)
    cluster.drop(database)


def wait_until_ready(site: Site) -> None:
    """Wait until the server answers; fail after half a minute."""
    for _ in range(150):
        time.sleep(0.2)
        try:
            if httpx.get(f"http://127.0.0.1:{site.port}/readyz").status_code == 200:
                return
        except httpx.HTTPError:
            continue
    pytest.fail("the server did not start")


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
        page.set_default_timeout(10_000)
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
