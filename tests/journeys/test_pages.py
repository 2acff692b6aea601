"""Every page of every surface: no finding of axe, no error in the console, no sideways scroll, in both languages.

A run takes one person of each surface, and axe reads the English pages, light and dark; `make test-full`
(TEST_FULL) takes every role, and axe reads the Spanish pages too.
With TEST_SCREENSHOTS set to a folder, a picture of each is left there (`make screenshots`).
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from guildhall.domain.rbac.registry import PARTNER_ROLES, STAFF_ROLES
from support_site import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AXE = (Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js").read_text()
FULL = bool(os.environ.get("TEST_FULL"))
WHO = [
    ("partners", "principal@northwind.example"),
    ("customers", "admin@acme-fiber.example"),
    ("staff", "lead@halcyon.example"),
]
if FULL:
    WHO += [("partners", f"{role}@northwind.example") for role in PARTNER_ROLES if role != "principal"]
    WHO += [("staff", f"{role}@halcyon.example") for role in STAFF_ROLES if role != "lead"]
SKIPPED = re.compile(
    r"/(sign-out|static|language|theme)|/(export|template|file)(\?|$)|/files/|[./](ics|jsonl|csv)(\?|$)"
)
MOST_KINDS = 200  # more would be a walk in circles
DESKTOP: Any = {"width": 1440, "height": 900}
PHONE: Any = {"width": 390, "height": 844}
RUN_AXE = "([where, rules]) => axe.run(where, {runOnly: rules, resultTypes: ['violations']})"
LATE_ROWS = ["tbody tr:nth-child(n + 13)"]  # they are like those before
# Colours that are on their way from one look to the other are neither's.
SETTLE = "document.getAnimations().filter(one => one instanceof CSSTransition).forEach(one => one.finish())"
# WCAG 2.2 A and AA where the markup differs; the same page darker or narrower is asked what these can change.
EVERY_RULE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def shape(path: str) -> str:
    """Return the path with its ids left out, so that one page of a kind stands for all."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "_", path.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0])


@dataclass
class Visits:
    """One window: every page that is opened in it is checked, and what is wrong is kept in `trouble`."""

    page: Page
    site: Site
    label: str
    trouble: list[str]
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: note(message, self.said))

    def open(self, path: str) -> None:
        """Open a page in the look that the window has."""
        self.said.clear()
        answer = self.page.goto(self.site.url(self.label, path))
        assert answer is not None
        assert answer.status < 500, self.page.url
        if not answer.ok:
            self.said.clear()  # Chromium says of every refusal that it is one

    def check(self, path: str, look: str, rules: list[str]) -> None:
        """Check what axe with these rules, the console and the page's width say."""
        wrong = self.said + (findings(self.page, rules) if rules else [])
        for _ in range(50):  # a chart takes the window's new width a moment later
            width = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
            if width[0] <= width[1]:
                break
            self.page.wait_for_timeout(100)
        else:
            wrong.append(f"{width[0]} px wide")
        self.trouble += [f"{self.label} {path} {look}: {one}" for one in wrong]
        self.said.clear()
        keep(self.page, self.label, path, look)


def visit(visits: Visits, path: str) -> None:
    """Open a page and look at it."""
    visits.open(path)
    look_at(visits, path)


def look_at(visits: Visits, path: str) -> None:
    """Check the page that is open in the light, in the dark and on a phone, loaded once."""
    visits.check(path, "light", EVERY_RULE)
    visits.page.emulate_media(color_scheme="dark")
    visits.page.evaluate(SETTLE)
    visits.check(path, "dark", ["color-contrast"])
    visits.page.emulate_media(color_scheme="light")
    visits.page.evaluate(SETTLE)
    visits.page.set_viewport_size(PHONE)
    visits.check(path, "phone", ["target-size"])
    visits.page.set_viewport_size(DESKTOP)


def walk(visits: Visits) -> list[str]:
    """Visit one page of every kind that links lead to from the start page; return their paths."""
    found, waiting = {"/": "/"}, ["/"]
    while waiting:
        visit(visits, waiting.pop(0))
        for href in visits.page.eval_on_selector_all("a[href^='/']", "all => all.map(a => a.getAttribute('href'))"):
            path = href.split("#")[0]
            if shape(path) not in found and not SKIPPED.search(path):
                found[shape(path)] = path
                waiting.append(path)
        assert len(found) < MOST_KINDS
    return list(found.values())


def findings(page: Page, run_only: list[str]) -> list[str]:
    """Return what axe finds on the page with the rules that carry one of these tags, or of these names."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    result: dict[str, Any] = page.evaluate(RUN_AXE, [{"exclude": [] if FULL else LATE_ROWS}, run_only])
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in result["violations"]]


@pytest.mark.parametrize(("label", "email"), WHO)
def test_every_page_is_for_everybody(person: Callable[..., Page], site: Site, label: str, email: str) -> None:
    trouble: list[str] = []
    first = person(email, label)
    kinds = walk(Visits(first, site, label, trouble))
    assert len(kinds) > 3
    cookies = [one for one in first.context.cookies() if one["name"] != "guildhall_language"]
    context = first.context.browser.new_context(color_scheme="light", viewport=PHONE, locale="es-ES")  # type: ignore[union-attr]
    context.add_cookies(cookies)  # type: ignore[arg-type]
    context.add_cookies([{"name": "guildhall_language", "value": "es", "url": site.url(label, "/")}])
    visits = Visits(context.new_page(), site, label, trouble)
    for path in kinds:
        visits.open(path)
        visits.check(path, "spanish", EVERY_RULE if FULL else [])
    context.close()
    assert trouble == []


def test_pages_behind_a_form_are_for_everybody(person: Callable[..., Page], site: Site) -> None:
    """No link leads to what many tickets or many links at once come to."""
    trouble: list[str] = []
    page = person("principal@northwind.example")
    visits = Visits(page, site, "partners", trouble)

    visits.open("/tickets?list=1&status=open")
    bulk = page.locator("form[action='/tickets/bulk']")
    for box in bulk.locator("input[name=ticket]").all()[:3]:
        box.check()
    bulk.locator("select[name=status]").select_option("pending")
    bulk.locator("button[type=submit]").last.click()
    expect(page.locator("h1")).to_contain_text("Change")
    look_at(visits, "/tickets/bulk")
    # As if somebody had changed one of them meanwhile: another version.
    bulk.locator("input[name=ticket]").first.evaluate("one => { one.value += '9' }")
    bulk.locator("button[type=submit]").click()
    expect(page.locator("h1")).to_contain_text("changed")
    look_at(visits, "/tickets/bulk done")

    visits.open("/links/many")
    rows = "domain,approver_email,access_role,last_day\nnobody.example,head@nobody.example,msp_support,\nnonsense,,,"
    page.locator("textarea[name=rows]").fill(rows)
    page.locator("form[action='/links/many'] button[type=submit]").click()
    send = page.locator("form[action='/links/many/send'] button[type=submit]")
    expect(send).to_be_visible()
    look_at(visits, "/links/many checked")
    send.click()
    expect(page.locator("h1")).to_contain_text("1 request was sent")
    look_at(visits, "/links/many done")
    assert trouble == []


@pytest.mark.parametrize("label", ["partners", "customers", "staff"])
def test_pages_before_signing_in_are_for_everybody(browser: Browser, site: Site, label: str) -> None:
    trouble: list[str] = []
    for language in ("en", "es"):
        context = browser.new_context(color_scheme="light", viewport=DESKTOP)
        context.add_cookies([{"name": "guildhall_language", "value": language, "url": site.url(label, "/")}])
        visits = Visits(context.new_page(), site, label, trouble)
        for path in ("/sign-in", "/forgotten", "/welcome/nothing", *(["/apply"] if label == "partners" else [])):
            visit(visits, path)
        if label == "partners":
            visits.page.locator("form.form").first.evaluate("form => { form.noValidate = true }")
            visits.page.locator("form.form button[type=submit]").last.click()
            expect(visits.page.locator(".field-error").first).to_be_visible()
            visits.said.clear()  # Chromium says of a refusal that it is one
            visits.check("/apply refused", "light", EVERY_RULE)
        context.close()
    assert trouble == []


def note(message: ConsoleMessage, said: list[str]) -> None:
    """Keep what the console says of errors; a policy violation is one."""
    if message.type == "error":
        said.append(message.text[:200])


def keep(page: Page, label: str, path: str, look: str) -> None:
    """Leave a picture where pictures are wanted."""
    folder = os.environ.get("TEST_SCREENSHOTS")
    if folder:
        name = shape(path).strip("/").replace("/", "-") or "start"
        page.screenshot(path=Path(folder) / label / f"{name}-{look}.png", full_page=True)
