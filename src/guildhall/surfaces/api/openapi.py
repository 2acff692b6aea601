"""The OpenAPI 3.1 document, made from the same declarations that read requests and write answers."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import msgspec
from msgspec import Struct

from guildhall.domain.people.client_rules import grantable
from guildhall.domain.rbac.registry import PARTNER, PLATFORM
from guildhall.surfaces.api import answer_headers, samples
from guildhall.surfaces.api.codes import Code, codes_of
from guildhall.surfaces.api.operations import JSON, LINES, OCTETS, PREFIX, Endpoint, Operation
from guildhall.surfaces.api.problems import MEDIA_TYPE, OAuthError, Problem
from guildhall.surfaces.api.reading import fields_of
from guildhall.surfaces.api.schemas import components, of
from guildhall.surfaces.api.told import webhooks
from guildhall.surfaces.scopes import english

_SCHEME, _CLIENT, _PLATFORM, _SECRET = "accessToken", "apiClient", "platformClient", "clientSecret"
_FORM = "application/x-www-form-urlencoded"
_OAUTH = {
    400: "`invalid_request`, `unsupported_grant_type`, `invalid_scope`, or `unauthorized_client` (suspended partner).",
    401: "`invalid_client`: unknown client, wrong secret, an end that has passed, or a foreign network.",
    429: "`temporarily_unavailable`: too many tries; wait as many seconds as Retry-After says.",
}
_FILE = {"required": True, "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}}}
ABOUT = (
    "Everything that a partner does in the console, for software. JSON in UTF-8; times in RFC 3339, UTC; money as "
    '`{"amount": "154.20", "currency": "USD"}`, the amount a decimal string. A value that you may not see is `null`. '
    "Unknown parameters and fields are refused, never ignored. Decide by `code` of a problem, not by its sentence."
)
GROUPS = {
    "Authentication": "A person signs in with password and one-time code and gets two tokens: an access token for "
    "ten minutes, sent as `Authorization: Bearer …`, and a refresh token that works once. What the person may do "
    "is asked of the database on each request, so a revocation holds from the next one on. Software uses an API "
    "client instead: its id and secret give an access token (OAuth 2.0 client credentials), and its scopes, tenants, "
    "networks and end are set in the console.",
    "Customers": "The tenants whose live links let you act in them.",
    "Links": "What customers let you do, until when; what you ask of them, give back, and end.",
    "Subscribers": "The individual customers of the tenant in context, as far as its link opens them.",
    "Platform": "How tenant data comes in: the vendor's own platform sends it, with a client that staff set up and "
    "that no partner has. Rows name their tenant, and each other, by the platform's own ids.",
    "Billing": "Invoices over all customers whose links open billing: figures, lists, files.",
    "Webhooks": "Your own addresses that are told what happens, as the `webhooks` of this document describe. Requests "
    "are signed under Standard Webhooks 1.0.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`); answer with "
    "any 2xx within ten seconds. What is not taken is tried again for about 75 hours under the same `webhook-id`; "
    "an answer of 410 switches the endpoint off. Order is not promised.",
    "Alerts": "What is wrong at your customers now, once for each cause, until it is right again.",
    "Team": "The people of your own organisation: who they are, what they may do, and which customers they reach.",
    "Audit trail": "What your organisation did, and what was done to it: a chain whose entries each seal the one "
    "before.",
    "Support tickets": "Tickets over all customers whose links open support, each with its clock.",
    "Reports": "Usage, uptime and revenue over all customers whose links open them, with what is left out.",
}
# What a path names other than by an id of ours: schema and example.
_NAMED_IN_PATH: Mapping[str, tuple[dict[str, Any], Any]] = {
    "external_id": ({"type": "string", "minLength": 1, "maxLength": 200}, "t-1001"),
    "sequence": ({"type": "integer", "minimum": 1}, 3),
}
_TENANT_HEADER = (
    "The id of the tenant in context. Lists narrow to it; objects of other tenants are not found. A value that is not "
    "a live link of yours is refused."
)


def document(endpoints: Iterable[Endpoint], *, origin: str, vendor: str) -> dict[str, Any]:
    """Return the document of `endpoints` as served at `origin` by the installation of `vendor`."""
    operations = [endpoint.operation for endpoint in endpoints]
    refs, schemas = components(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, refs, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{vendor} partner API", "version": "1.0.0", "description": ABOUT},
        "servers": [{"url": origin + PREFIX}],
        "tags": [{"name": name, "description": text} for name, text in GROUPS.items()],
        "security": [{_SCHEME: []}, {_CLIENT: []}],
        "paths": paths,
        "webhooks": webhooks(refs),
        "components": {
            "schemas": schemas,
            "securitySchemes": _schemes(origin),
        },
    }


def _schemes(origin: str) -> dict[str, Any]:
    """Return the ways to prove who calls: a person's token, a client's token, and a client's secret."""
    return {
        _SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The access token of `POST /auth/login`, for a person.",
        },
        _CLIENT: {
            "type": "oauth2",
            "description": "The access token of `POST /oauth/token`, for software.",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": f"{origin}{PREFIX}/oauth/token",
                    "scopes": {name: english(name) for name in PARTNER if name in grantable(PARTNER)},
                }
            },
        },
        _PLATFORM: {
            "type": "oauth2",
            "description": "The access token of `POST /oauth/token`, for the vendor's platform.",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": f"{origin}{PREFIX}/oauth/token",
                    "scopes": dict.fromkeys(PLATFORM, "Send tenant data"),
                }
            },
        },
        _SECRET: {"type": "http", "scheme": "basic", "description": "A client's id and secret (RFC 6749 §2.3.1)."},
    }


def _operation(operation: Operation, refs: Mapping[Any, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return one operation."""
    made: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.group],
        "summary": operation.summary,
        "description": _description(operation),
        "parameters": [*_in_path(operation), *_headers(operation), *_in_query(operation)],
        "responses": {
            str(operation.status): _success(operation, refs, schemas),
            **_problems(operation, refs),
        },
    }
    if "public" in operation.marks:
        made["security"] = [{_SECRET: []}, {}] if operation.oauth else []
    elif operation.of_platform:
        made["security"] = [{_PLATFORM: [name]} for name in permissions_of(operation)]
    elif needed := permissions_of(operation):
        made["security"] = [{_SCHEME: []}, *({_CLIENT: [name]} for name in needed)]
    if operation.file:
        made["requestBody"] = {
            "required": True,
            "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}},
        }
    elif operation.body is not None:
        made["requestBody"] = _sent(operation, refs)
    if operation.deprecated is not None:
        made["deprecated"] = True
    return made


def _sent(operation: Operation, refs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the body that an operation takes; of JSON lines the schema is a text, and names that of a line."""
    content: dict[str, Any] = {"schema": refs[operation.body]}
    required = any(field.required for field in fields_of(operation.body or Struct).values())
    if operation.lines:
        content = {"schema": {"type": "string", "x-line-schema": refs[operation.body]}}
    if operation.sent is not None:
        content["example"] = msgspec.json.encode(operation.sent).decode() if operation.lines else operation.sent
    media_type = _FORM if operation.oauth else LINES if operation.lines else JSON
    return {"required": required, "content": {media_type: content}}


def permissions_of(operation: Operation) -> tuple[str, ...]:
    """Return the permissions of which one opens the operation."""
    marks = operation.marks
    return (marks["needs"], *marks.get("or_needs", ())) if "needs" in marks else ()


def _description(operation: Operation) -> str:
    """Return what an operation does, and who may call it."""
    needed = " or ".join(f"`{name}`" for name in permissions_of(operation))
    said = [operation.description, f"Needs {needed}." if needed else ""]
    said += [operation.deprecated.sentence] if operation.deprecated else []
    return "\n\n".join(part for part in said if part)


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    found = []
    for name in names:
        schema, example = _NAMED_IN_PATH.get(name, ({"type": "string", "format": "uuid"}, samples.ID))
        found.append({"name": name, "in": "path", "required": True, "schema": schema, "example": example})
    return found


def _headers(operation: Operation) -> list[dict[str, Any]]:
    """Return the headers that an operation reads."""
    text = {"type": "string"}  # of the tenant too: what generators make of a UUID cannot be sent in a header
    found = []
    if "public" not in operation.marks and not operation.of_platform:
        required = bool(operation.marks.get("write_in_tenant"))
        found.append(_header("X-Active-Tenant-Id", _TENANT_HEADER, text, required=required))
    if operation.conditional:
        found.append(_header("If-Match", "The ETag that you read; `*` for any version.", text, required=True))
    if operation.keyed:
        said = "A value of your own for this act: a repetition within 24 hours gets the same answer and acts once."
        found.append(_header("Idempotency-Key", said, {"type": "string", "maxLength": 255}))
    return found


def _header(name: str, description: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _in_query(operation: Operation) -> list[dict[str, Any]]:
    """Return the parameters of the query string."""
    if operation.query is None:
        return []
    found = []
    for name, field in fields_of(operation.query).items():
        schema = of(field.info.type)
        made = {"name": name, "in": "query", "description": schema.pop("description", ""), "schema": schema}
        if field.many:
            made |= {"style": "form", "explode": False}
        elif isinstance(field.info.default, str | int) and field.info.default != "":
            schema["default"] = field.info.default
        found.append(made)
    return found


def _success(operation: Operation, refs: Mapping[Any, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer when all is well."""
    headers = {"X-Request-Id": {"description": "The request's id.", "schema": {"type": "string", "format": "uuid"}}}
    headers |= answer_headers.of(operation)
    if operation.versioned:
        headers["ETag"] = {"description": "The version, for If-Match.", "schema": {"type": "string"}}
    schema = refs[operation.answer]
    example = samples.sample(schema, schemas)
    return {
        "description": operation.summary,
        "headers": headers,
        "content": {JSON: {"schema": schema, "example": example}},
    }


def _problems(operation: Operation, refs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the refusals by status, each with an example of every code."""
    made: dict[str, Any] = {}
    if operation.oauth:
        made |= {str(status): _oauth_problem(text, refs) for status, text in _OAUTH.items()}
    for status, codes in groupby(codes_of(operation), key=lambda code: code.status):
        listed = list(codes)
        made[str(status)] = {
            "description": " ".join(f"`{code.name}`: {code.meaning}" for code in listed),
            **answer_headers.of_refusal(operation, status),
            "content": {
                MEDIA_TYPE: {
                    "schema": refs[Problem],
                    "examples": {code.name: {"value": _example(operation, code)} for code in listed},
                }
            },
        }
    return made


def _oauth_problem(text: str, refs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a refusal of the token endpoint."""
    word = text.split("`")[1]
    example = {"error": word, "error_description": samples.OAUTH[word]}
    return {"description": text, "content": {JSON: {"schema": refs[OAuthError], "example": example}}}


def _example(operation: Operation, code: Code) -> dict[str, Any]:
    """Return what a problem looks like."""
    return samples.problem(code.name, code.status, code.meaning, PREFIX + operation.path)
