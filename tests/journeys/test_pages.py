"""Every page of every surface: no finding of axe, no error in the console, no sideways scroll, in both languages.

With GUILDHALL_SCREENSHOTS set to a folder, a picture of each is left there (`make screenshots`).
"""

import os
import re
from collections.abc import Callable
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
LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1440, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
    "spanish": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "locale": "es-ES"},
}


def shape(path: str) -> str:
    """Return the path with its ids left out, so that one page of a kind stands for all."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "_", path.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0])


def pages(page: Page, site: Site, label: str) -> list[str]:
    """Return one path of every kind of page that links lead to from the start page."""
    found, waiting = {"/": "/"}, ["/"]
    while waiting and len(found) < LARGEST_WALK:
        answer = page.goto(site.url(label, waiting.pop(0)))
        assert answer is not None
        assert answer.status < 500, page.url
        for link in page.locator("a[href^='/']").all():
            path = (link.get_attribute("href") or "/").split("#")[0]
            if shape(path) not in found and not SKIPPED.search(path):
                found[shape(path)] = path
                waiting.append(path)
    return list(found.values())


def findings(page: Page) -> list[str]:
    """Return what axe finds on the page (WCAG 2.2 A and AA)."""
    page.evaluate(AXE)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    result: dict[str, Any] = page.evaluate("tags => axe.run({runOnly: tags})", tags)
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in result["violations"]]


@pytest.mark.parametrize("label", WHO)
def test_every_page_is_for_everybody(person: Callable[..., Page], site: Site, label: str) -> None:
    first = person(WHO[label], label)
    kinds = pages(first, site, label)
    assert len(kinds) > 5
    cookies = first.context.cookies()
    trouble: list[str] = []
    for look, options in LOOKS.items():
        context = first.context.browser.new_context(**{"bypass_csp": False, **options})  # type: ignore[union-attr,arg-type]
        context.add_cookies([c for c in cookies if c["name"] != "guildhall_language"])  # type: ignore[arg-type, misc]
        if look == "spanish":
            address = site.url(label, "/")
            context.add_cookies([{"name": "guildhall_language", "value": "es", "url": address}])
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message, said=said: note(message, said))  # type: ignore[misc]
        for path in kinds:
            said.clear()
            answer = page.goto(site.url(label, path))
            where = f"{label} {path} {look}"
            trouble += [f"{where}: {error}" for error in said if answer is None or answer.ok]
            trouble += [f"{where}: {found}" for found in findings(page)]
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > options["viewport"]["width"]:  # type: ignore[index]
                trouble.append(f"{where}: {width} px wide")
            keep(page, label, path, look)
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
