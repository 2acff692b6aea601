"""Whatever is sent to a form, the answer is a page that says so: never a fault, and what was typed comes back.

Routes come from the applications, fields from the templates; nothing here lists either by hand.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

import guildhall.surfaces
from guildhall.surfaces.html import LARGEST_FORM
from support_world import World, csrf

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
PEOPLE = {
    "partners": "principal@northwind.example",
    "customers": "admin@acme-fiber.example",
    "staff": "lead@halcyon.example",
}
NAME = re.compile(r"ui\.(?:text|textarea|select|checkbox|checkboxes|radio_cards|file)\(\w+, \"(\w+)\"|name=\"(\w+)\"")
LEAVING = {"/sign-out", "/account/sessions/end-all"}
HIDDEN_AGAIN = {"password", "code", "step_up_code", "secret"}  # never shown a second time
TYPED = "typed & <kept> ñ"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"


def fields() -> tuple[str, ...]:
    """Return the name of every field of every form."""
    found: set[str] = set()
    for template in Path(str(guildhall.surfaces.__file__)).parent.rglob("*.html"):
        if "gallery" not in template.parts:
            found |= {one or other for one, other in NAME.findall(template.read_text(encoding="utf-8"))}
    return tuple(sorted(found - {"_csrf_token", "step_up_code"}))


FIELDS = fields()


def posts(app: Litestar) -> Iterator[str]:
    """Yield the path of every route that takes a form, but for those that end the session."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if isinstance(handler, HTTPRouteHandler) and "POST" in handler.http_methods and route.path not in LEAVING:
                yield route.path


def encoded(value: str) -> bytes:
    """Return a form in which every field holds `value`, which is percent-encoded already."""
    return "&".join(f"{name}={value}" for name in FIELDS).encode()


TAKING_FILES = ("/tickets/new", "/comment")  # how much, tests/surfaces/test_ticket_files.py asks


def bodies(foreign: UUID) -> Iterator[tuple[str, bytes, str]]:
    """Yield what is sent: its name, the octets, their media type."""
    part = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    yield "nothing", b"", FORM
    yield "empty", encoded(""), FORM
    yield "long", encoded("x" * 9000), FORM
    yield "octets", encoded("%ff%fe"), FORM
    yield "half a character", encoded("%ed%a0%80"), FORM
    yield "nul", encoded("a%00b"), FORM
    yield "number", encoded("9" * 40), FORM
    yield "negative", encoded("-1"), FORM
    yield "date", encoded("9999-12-31"), FORM
    yield "no date", encoded("2026-02-30T25:61"), FORM
    yield "foreign", encoded(str(foreign)), FORM
    yield "twice", encoded("a") + b"&" + encoded("b"), FORM
    yield "right to left", encoded("%e2%80%ae%f0%9f%92%a9"), FORM
    yield "raw octets", b"\xff\xfe\x00=&==&%zz", FORM
    yield (
        "files",
        b"".join(part % (n.encode(), b'; filename="f"', b"\x00\xff") for n in FIELDS) + b"--b--\r\n",
        MULTIPART,
    )
    yield "torn", part % (b"subject", b"", b"a"), MULTIPART
    yield "no boundary", b"--b\r\n\r\n", "multipart/form-data"
    yield "json", b'{"subject": ["a"]}', "application/json"
    yield "odd type", b"a=b", "x/\xe9"


class _Shown(HTMLParser):
    """What the fields of the forms of a page hold, by the form's action."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, dict[str, str]] = {}
        self._action, self._area = "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._action = given.get("action", "")
        elif tag == "textarea":
            self._area = given.get("name", "")
            self._fields()[self._area] = ""
        elif tag == "input" and given.get("type", "text") in {"text", "email", "search", "url"}:
            self._fields()[given.get("name", "")] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._action = ""
        elif tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self._fields()[self._area] += data

    def _fields(self) -> dict[str, str]:
        return self.held.setdefault(self._action, {})


def addresses(world: World, label: str, path: str) -> Iterator[str]:
    """Yield the path with ids of its own, where there are some, and with ids of somebody else."""
    tenant = world.tenant("acme-fiber")
    own = {
        "tenant_id": tenant,
        "partner_id": world.sql("SELECT id FROM portal.partner WHERE slug = 'northwind'")[0]["id"],
        "ticket_id": world.sql("SELECT id FROM tenancy.ticket WHERE tenant_id = %s", world.tenant("acme-fiber"))[0][
            "id"
        ],
        "link_id": world.sql(
            "SELECT l.id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
            " WHERE p.slug = 'northwind' AND l.tenant_id = %s",
            tenant,
        )[0]["id"],
    }
    yield filled(path, own)
    if "{" in path:
        yield filled(path, {} if label == "staff" else {"tenant_id": world.unlinked("northwind")})
        yield re.sub(r"\{[^}]+\}", "x", path)


def filled(path: str, known: dict[str, Any]) -> str:
    """Return the path with what is known of its parameters, and ids of nothing for the rest."""
    return re.sub(r"\{(\w+):(\w+)\}", lambda part: str(known.get(part[1], 1 if part[2] == "int" else uuid4())), path)


async def send(client: httpx.AsyncClient, path: str, body: bytes, media_type: str, token: str) -> httpx.Response:
    """Send octets as a form would be sent; the token comes in a header, so that the body may be anything."""
    headers = {b"content-type": media_type.encode("latin-1"), b"x-csrftoken": token.encode()}
    return await client.post(path, content=body, headers=list(headers.items()))


@pytest.mark.parametrize("label", list(PEOPLE))
async def test_no_form_makes_a_fault_of_what_is_sent_to_it(world: World, label: str) -> None:
    app: Any = world.front._hosts[f"{label}.localhost:{world.settings.port}"][1]
    client = await world.sign_in(PEOPLE[label], label)
    token = await csrf(client)
    foreign = world.sql("SELECT id FROM tenancy.ticket WHERE tenant_id = %s LIMIT 1", world.tenant("cascadia-clinics"))[
        0
    ]["id"]
    wrong, tried = [], 0
    for path in posts(app):
        for number, place in enumerate(addresses(world, label, path)):
            # What is not there is not parsed either: a few bodies show it.
            for name, body, media_type in islice(bodies(foreign), None, None, 1 if number == 0 else 6):
                answer = await send(client, place, body, media_type, token)
                tried += 1
                if answer.status_code >= 500:
                    wrong.append((path, name, answer.status_code))
                if answer.headers.get("location", "").startswith("/sign-in?"):
                    wrong.append((path, name, "signed out"))
    assert not wrong, "\n".join(map(str, wrong))
    assert tried > 200


@pytest.mark.parametrize("label", list(PEOPLE))
async def test_a_body_larger_than_a_form_may_be_is_refused_by_every_form(demo: World, label: str) -> None:
    app: Any = demo.front._hosts[f"{label}.localhost:{demo.settings.port}"][1]
    client = await demo.sign_in(PEOPLE[label], label)
    token = await csrf(client)
    body = b"subject=" + b"x" * LARGEST_FORM
    for path in posts(app):
        for media_type in (FORM,) if path.endswith(TAKING_FILES) else (FORM, MULTIPART):
            place = next(addresses(demo, label, path))
            answer = await send(client, place, body, media_type, token)
            assert answer.status_code in {404, 413}, (path, answer.status_code)


@pytest.mark.parametrize("label", list(PEOPLE))
async def test_a_refused_form_shows_again_what_was_typed(world: World, label: str) -> None:
    app: Any = world.front._hosts[f"{label}.localhost:{world.settings.port}"][1]
    client = await world.sign_in(PEOPLE[label], label)
    token = await csrf(client)
    lost, seen = [], 0
    for path in posts(app):
        place = next(addresses(world, label, path))
        answer = await client.post(place, data=dict.fromkeys(FIELDS, TYPED) | {"_csrf_token": token})
        if answer.status_code != 422:
            continue
        page = _Shown()
        page.feed(answer.text)
        for name, value in page.held.get(place, {}).items():
            if name in FIELDS and name not in HIDDEN_AGAIN:
                seen += 1
                if value.strip() != TYPED:
                    lost.append((path, name, value))
    assert lost == []
    assert seen > 0
