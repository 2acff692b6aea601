"""The document, and the page that people read it on: served from here alone, under a strict policy."""

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import MediaType, Response, get
from litestar.types import ControllerRouterHandler
from markupsafe import Markup, escape
from msgspec import Struct

from guildhall.settings import Settings
from guildhall.surfaces.api import openapi, samples
from guildhall.surfaces.api.codes import CODES, Code, codes_of
from guildhall.surfaces.api.operations import LINES, OCTETS, PREFIX, Endpoint, Operation, Wire
from guildhall.surfaces.api.problems import DOCS
from guildhall.surfaces.entry import public
from guildhall.surfaces.kit import i18n
from guildhall.surfaces.kit.i18n import Speech, gettext
from guildhall.surfaces.kit.render import render, templates
from guildhall.surfaces.kit.shell import Brand, NavGroup, NavItem, Shell, Theme, theme_of
from guildhall.surfaces.kit.static import CONTENT_SECURITY_POLICY, static_router

TEMPLATES = Path(__file__).parent / "templates"
DOCUMENT = PREFIX + "/openapi.json"
_ICONS = {
    "Authentication": "key",
    "Customers": "building-2",
    "Links": "link-2",
    "Support tickets": "ticket",
    "Reports": "chart-line",
    "Subscribers": "users",
    "Platform": "database",
    "Billing": "receipt-text",
    "Webhooks": "webhook",
    "Alerts": "siren",
    "Team": "briefcase",
    "Audit trail": "history",
}
_CODE = re.compile(r"`([^`]+)`")


class Value(Struct, frozen=True):
    """One parameter or field, as the page lists it. `place` is path, header, query or body."""

    name: str
    place: str
    kind: str
    required: bool
    description: str


class Shown(Struct, frozen=True):
    """One operation, as the page shows it."""

    operation: Operation
    values: list[Value]
    permissions: tuple[str, ...]
    curl: str
    answer: str
    codes: list[Code]


class Told(Struct, frozen=True):
    """The events that say the same of their subject, as the page shows them: each with its words and its condition."""

    about: str
    events: list[tuple[str, str, str]]
    values: list[Value]
    body: str


def routes(endpoints: Sequence[Endpoint], settings: Settings) -> list[ControllerRouterHandler]:
    """Return the routes of the document and of the page for `endpoints`; both are made once."""
    made = openapi.document(endpoints, origin=settings.origin("api"), vendor=settings.brand)
    octets = msgspec.json.encode(made)
    groups = [
        (name, [_shown(each, made) for each in endpoints if each.operation.group == name]) for name in openapi.GROUPS
    ]
    environment = templates(TEMPLATES, development=settings.development)
    environment.filters["marked"] = marked
    context = {
        "about": openapi.ABOUT,
        "groups": groups,
        "texts": openapi.GROUPS,
        "told": _told(made),
        "codes": sorted(CODES.values(), key=lambda code: (code.status, code.name)),
        "document": DOCUMENT,
    }

    @get(DOCUMENT, **public("the contract is no secret"), sync_to_thread=False)
    def document() -> Response[bytes]:
        """Return the OpenAPI document."""
        headers = {"Cache-Control": "public, max-age=300"}
        return Response(octets, media_type=MediaType.JSON, headers=headers)

    @cache
    def rendered(language: str, theme: Theme) -> str:
        """Return the page's text, which is the same for everybody with this language and theme."""
        shell = _shell(settings, language, theme)
        return render(environment, "docs/reference.html", shell, base=made["servers"][0]["url"], **context)

    @get(DOCS, **public("the contract is no secret"), sync_to_thread=False)
    def reference(request: Wire) -> Response[str]:
        """Return the page, in the language that was chosen by link, else the browser's."""
        language = i18n.negotiate(request.headers.get("accept-language"), request.query_params.get("lang"))
        headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "Content-Language": language,
            "Cache-Control": "no-cache",
            "Vary": "Accept-Language, Cookie",
        }
        return Response(rendered(language, theme_of(request.cookies)), media_type=MediaType.HTML, headers=headers)

    return [document, reference, static_router()]


def _shell(settings: Settings, language: str, theme: Theme) -> Shell:
    """Return what is around the page."""
    speech = Speech(language)
    with i18n.speaking(speech):
        return Shell(
            brand=Brand(settings.brand, settings.brand_colour),
            surface=gettext("API reference"),
            path=DOCS,
            home_url=DOCS,
            speech=speech,
            theme=theme,
            navigation=_navigation(),
        )


def _navigation() -> tuple[NavGroup, ...]:
    """Return the page's table of contents."""
    basics = (
        NavItem(gettext("Getting started"), "#start", "rocket"),
        NavItem(gettext("Rules"), "#rules", "shield-check"),
        NavItem(gettext("Events"), "#events", "bell"),
        NavItem(gettext("Error codes"), "#errors", "circle-alert"),
    )
    groups = tuple(NavItem(gettext(name), f"#{anchor(name)}", _ICONS[name]) for name in openapi.GROUPS)
    return NavGroup(basics), NavGroup(groups, gettext("Operations"))


def anchor(name: str) -> str:
    """Return the id of a group's section."""
    return name.lower().replace(" ", "-")


def marked(text: str) -> Markup:
    """Return a sentence with what stands in backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


def _shown(endpoint: Endpoint, document: dict[str, Any]) -> Shown:
    """Return an operation as the page shows it."""
    operation = endpoint.operation
    described = document["paths"][operation.path][operation.method.lower()]
    success = described["responses"][str(operation.status)]["content"]["application/json"]
    schemas = document["components"]["schemas"]
    values = [_parameter(each, schemas) for each in described["parameters"]]
    values += _fields(described.get("requestBody"), schemas)
    return Shown(
        operation=operation,
        values=values,
        permissions=openapi.permissions_of(operation),
        curl=_curl(operation, values, document["servers"][0]["url"]),
        answer=json.dumps(success["example"], indent=2, ensure_ascii=False),
        codes=codes_of(operation),
    )


def _told(document: dict[str, Any]) -> list[Told]:
    """Return the events that endpoints are told of, by what their data are."""
    schemas = document["components"]["schemas"]
    found: dict[str, list[tuple[str, str, str, Any]]] = {}
    for name, event in document["webhooks"].items():
        body = event["post"]["requestBody"]["content"]["application/json"]["schema"]
        of = body["properties"]["data"]["$ref"].rsplit("/", 1)[-1]
        found.setdefault(of, []).append((name, event["post"]["summary"], event["post"]["description"], body))
    return [_events(schemas[of], events, schemas) for of, events in found.items()]


def _events(data: dict[str, Any], events: list[tuple[str, str, str, Any]], schemas: dict[str, Any]) -> Told:
    """Return events with the same data as the page shows them, with a body of the first."""
    values = [
        Value(name, "data", kind_of(part, schemas), name in data.get("required", ()), _text(part))
        for name, part in data["properties"].items()
    ]
    body = json.dumps(samples.sample(events[0][3], schemas), indent=2, ensure_ascii=False)
    return Told(data["description"], [event[:3] for event in events], values, body)


def _parameter(described: dict[str, Any], schemas: dict[str, Any]) -> Value:
    """Return a parameter of the path, the query or a header."""
    kind = kind_of(described["schema"], schemas)
    required, said = described.get("required", False), described.get("description", "")
    return Value(described["name"], described["in"], kind, required, said)


def _fields(body: dict[str, Any] | None, schemas: dict[str, Any]) -> list[Value]:
    """Return the fields of a body."""
    if body is None:
        return []
    sent = next(iter(body["content"].values()))
    whole = sent["schema"].get("x-line-schema", sent["schema"])
    if "$ref" not in whole:  # a file, as it is
        return []
    schema = schemas[whole["$ref"].rsplit("/", 1)[-1]]
    required = set(schema.get("required", ()))
    return [
        Value(name, "body", kind_of(part, schemas), name in required, _text(part))
        for name, part in schema["properties"].items()
    ]


def _text(schema: dict[str, Any]) -> str:
    """Return the description of a schema, or of the one that is not null in it."""
    parts = [schema, *schema.get("anyOf", ())]
    return next((str(part["description"]) for part in parts if "description" in part), "")


def kind_of(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return a schema's type in a few words; what is chosen from values names them."""
    if "anyOf" in schema:
        return " | ".join(kind_of(part, schemas) for part in schema["anyOf"])
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        return kind_of(schemas[name], schemas) if "enum" in schemas[name] else name
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"[{kind_of(schema.get('items', {}), schemas)}]"
    return str(schema.get("const") or schema.get("format") or schema.get("type") or "any")


def _curl(operation: Operation, values: list[Value], base: str) -> str:
    """Return an example of a call."""
    asked = f"?{urlencode(operation.sent)}" if operation.file and operation.sent else ""
    lines = [f"curl {'' if operation.method == 'GET' else f'-X {operation.method} '}{base}{operation.path}{asked}"]
    if "public" not in operation.marks:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    shown = {"X-Active-Tenant-Id": "$TENANT", "If-Match": '\\"3\\"'}
    lines += [f'-H "{each.name}: {shown[each.name]}"' for each in values if each.required and each.name in shown]
    if operation.keyed:
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    if operation.oauth:
        lines.append('-u "$CLIENT_ID:$CLIENT_SECRET"')
        lines += [f"-d {name}={value}" for name, value in (operation.sent or {}).items()]
    elif operation.file:
        lines.append(f"-H 'Content-Type: {OCTETS}'")
        lines.append("--data-binary 'The content of the file'")
    elif operation.lines:
        lines.append(f"-H 'Content-Type: {LINES}'")
        lines.append(f"--data-binary '{json.dumps(operation.sent or {}, ensure_ascii=False)}'")
    elif operation.body is not None:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d '{json.dumps(operation.sent or {}, ensure_ascii=False)}'")
    return " \\\n  ".join(lines)
