"""Walking a surface as a person does: from page to page by its links, with what its forms would send."""

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

MOST_OF_A_KIND = 2
LEAVING = ("/sign-out", "/static/", "/account/")
TYPED = {"email": "a@b.example", "number": "1", "date": "2026-01-31", "url": "https://b.example/hook"}
KINDS = {"uuid": r"[0-9a-f-]{36}", "int": r"\d+", "str": r"[^/]+"}


class Sent(Struct, frozen=True):
    """What a page leads to: `fields` is what its form would send, or None for a link."""

    route: str
    address: str
    fields: tuple[tuple[str, str], ...] | None = None

    @property
    def said(self) -> str:
        """Return all of it as one text, to look for ids in."""
        return " ".join([self.address, *(value for _, value in self.fields or ())])


class _Page(HTMLParser):
    """The links of a page, and its forms filled as they stand; empty text is typed."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self._fields: list[tuple[str, str]] | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "form":
            self._fields = []
            if given.get("method", "get").lower() == "post":
                self.forms.append((given.get("action", ""), self._fields))
        elif self._fields is None:
            return
        elif tag == "option" and self._select and given.get("value"):
            self._fields.append((self._select, given["value"]))
            self._select = ""
        elif given.get("name", "_csrf_token") != "_csrf_token":
            self._take(self._fields, tag, given["name"], given)

    def _take(self, fields: list[tuple[str, str]], tag: str, name: str, given: dict[str, str]) -> None:
        """Fill a field: every box is ticked, of a choice the first is taken unless another is."""
        kind = given.get("type", "text")
        if tag == "select":
            self._select = name
        elif tag == "textarea":
            fields.append((name, "typed"))
        elif tag == "button" and "value" in given:
            fields.append((name, given["value"]))
        elif tag == "input" and kind in {"checkbox", "radio"}:
            if kind == "checkbox" or "checked" in given or all(known != name for known, _ in fields):
                fields.append((name, given.get("value", "on")))
        elif tag == "input" and kind != "file":
            fields.append((name, given.get("value") or TYPED.get(kind, "typed")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._fields = None
        elif tag == "select":
            self._select = ""


def patterns(app: Litestar) -> dict[tuple[str, str], re.Pattern[str]]:
    """Return what the addresses of each route look like, by method and path, plain ones first."""
    found = {}
    for route in sorted(app.routes, key=lambda one: one.path.count("{")):
        form = re.sub(r"\\\{\w+:(\w+)\\\}", lambda part: KINDS[part[1]], re.escape(route.path))
        for handler in getattr(route, "route_handlers", []):
            if isinstance(handler, HTTPRouteHandler):
                found |= {(method, route.path): re.compile(form) for method in handler.http_methods & {"GET", "POST"}}
    return found


async def crawl(client: httpx.AsyncClient, app: Litestar) -> list[Sent]:
    """Return the addresses and forms that the pages of `client` lead to, a few of every route; nothing is sent."""
    known, met, kinds = patterns(app), set(), Counter[tuple[Any, ...]]()
    found, waiting = [], [_sent(known, "GET", "/")]
    while waiting:
        one = waiting.pop(0)
        if one is None or one in met or kinds[_kind(one)] == MOST_OF_A_KIND:
            continue
        met.add(one)
        kinds[_kind(one)] += 1
        found.append(one)
        if one.fields is None and "/file" not in one.route:  # files lie in a store that a copy of the world has not
            answer = await client.get(one.address, follow_redirects=True)
            assert answer.status_code < 400, (one, answer.status_code)
            waiting += _leads(known, answer)
    return found


def unmet(app: Litestar, found: list[Sent], rows: list[dict[str, Any]]) -> list[Sent]:
    """Return the routes with ids that no page led to, filled from the first of `rows` that has all of their ids."""
    met = {(one.route, one.fields is None) for one in found}
    made = []
    for method, route in patterns(app):
        names = re.findall(r"\{(\w+):uuid\}", route)
        if names and (route, method == "GET") not in met:
            ids = next((row for row in rows if set(names) <= set(row)), None)
            assert ids is not None, f"no page leads to {route}, and nothing is known to fill it with"
            address = re.sub(r"\{(\w+):uuid\}", lambda part, ids=ids: str(ids[part[1]]), route)
            made.append(Sent(route, address, None if method == "GET" else ()))
    return made


def _kind(one: Sent) -> tuple[Any, ...]:
    return one.route, one.fields is None, urlsplit(one.address).query != ""


def _leads(known: dict[tuple[str, str], re.Pattern[str]], answer: httpx.Response) -> Iterator[Sent | None]:
    """Yield what a page leads to."""
    if "html" not in answer.headers.get("content-type", ""):
        return
    page = _Page()
    page.feed(answer.text)
    for action, fields in page.forms:
        yield _sent(known, "POST", action or str(answer.url.path), tuple(fields))
    for link in page.links:
        yield _sent(known, "GET", link)


def _sent(
    known: dict[tuple[str, str], re.Pattern[str]],
    method: str,
    address: str,
    fields: tuple[tuple[str, str], ...] | None = None,
) -> Sent | None:
    """Return an address of this surface with its route; of any other None."""
    path = urlsplit(address).path
    if not address.startswith("/") or path.startswith(LEAVING):
        return None
    for (of, route), form in known.items():
        if of == method and form.fullmatch(path):
            return Sent(route, address, fields)
    return None
