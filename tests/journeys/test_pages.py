"""Every page of every surface: no finding of axe, no error in the console, no sideways scroll, in both languages.

With GUILDHALL_SCREENSHOTS set to a folder, a picture of each is left there (`make screenshots`).
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page

from support_site import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AXE = (Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js").read_text()
WHO = {
    "partners": "principal@northwind.example",
    "customers": "admin@acme-fiber.example",
    "staff": "lead@halcyon.example",
}
SKIPPED = re.compile(r"/(sign-out|static|language|theme|export)|\.(ics|jsonl|csv)$")
LARGEST_WALK = 45
LOOKS: dict[str, Any] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1440, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
    "spanish": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "locale": "es-ES"},
}
# WCAG 2.2 A and AA where layout or words differ; in the dark only colours do.
EVERY_RULE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE_IN = {"light": EVERY_RULE, "dark": ["color-contrast"], "phone": EVERY_RULE, "spanish": EVERY_RULE}


def shape(path: str) -> str:
    """Return the path with its ids left out, so that one page of a kind stands for all."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "_", path.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0])


@dataclass
class Visits:
    """One window in one look: every page that is opened in it is checked, and what is wrong is kept in `trouble`."""

    page: Page
    site: Site
    label: str
    look: str
    trouble: list[str]
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: note(message, self.said))

    def visit(self, path: str) -> None:
        """Open a page; check what axe, the console and its width say."""
        self.said.clear()
        answer = self.page.goto(self.site.url(self.label, path))
        assert answer is not None
        assert answer.status < 500, self.page.url
        where = f"{self.label} {path} {self.look}"
        self.trouble += [f"{where}: {error}" for error in self.said if answer.ok]
        self.trouble += [f"{where}: {found}" for found in findings(self.page, AXE_IN[self.look])]
        width = self.page.evaluate("document.documentElement.scrollWidth")
        if width > LOOKS[self.look]["viewport"]["width"]:
            self.trouble.append(f"{where}: {width} px wide")
        keep(self.page, self.label, path, self.look)


def walk(visits: Visits) -> list[str]:
    """Visit one page of every kind that links lead to from the start page; return their paths."""
    found, waiting = {"/": "/"}, ["/"]
    while waiting:
        visits.visit(waiting.pop(0))
        for href in visits.page.eval_on_selector_all("a[href^='/']", "all => all.map(a => a.getAttribute('href'))"):
            path = href.split("#")[0]
            if len(found) < LARGEST_WALK and shape(path) not in found and not SKIPPED.search(path):
                found[shape(path)] = path
                waiting.append(path)
    return list(found.values())


def findings(page: Page, run_only: list[str]) -> list[str]:
    """Return what axe finds on the page with the rules that carry one of these tags, or of these names."""
    page.evaluate(AXE)
    result: dict[str, Any] = page.evaluate("rules => axe.run({runOnly: rules})", run_only)
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in result["violations"]]


@pytest.mark.parametrize("label", WHO)
def test_every_page_is_for_everybody(person: Callable[..., Page], site: Site, label: str) -> None:
    trouble: list[str] = []
    first = person(WHO[label], label)
    kinds = walk(Visits(first, site, label, "light", trouble))
    assert len(kinds) > 5
    cookies = [one for one in first.context.cookies() if one["name"] != "guildhall_language"]
    for look in ("dark", "phone", "spanish"):
        context = first.context.browser.new_context(**LOOKS[look])  # type: ignore[union-attr]
        context.add_cookies(cookies)  # type: ignore[arg-type]
        if look == "spanish":
            address = site.url(label, "/")
            context.add_cookies([{"name": "guildhall_language", "value": "es", "url": address}])
        visits = Visits(context.new_page(), site, label, look, trouble)
        for path in kinds:
            visits.visit(path)
        context.close()
    assert trouble == []


def note(message: ConsoleMessage, said: list[str]) -> None:
    """Keep what the console says of errors; a policy violation is one."""
    if message.type == "error":
        said.append(message.text[:200])


def keep(page: Page, label: str, path: str, look: str) -> None:
    """Leave a picture where pictures are wanted."""
    folder = os.environ.get("GUILDHALL_SCREENSHOTS")
    if folder:
        name = shape(path).strip("/").replace("/", "-") or "start"
        page.screenshot(path=Path(folder) / label / f"{name}-{look}.png", full_page=True)
