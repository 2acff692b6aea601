"""Examples for the documentation: a plausible value for every schema, the same each time."""

from collections.abc import Mapping
from typing import Any

ID = "0199c0de-7a11-7c1d-9f3e-2b6d4e5f6a70"
_MOMENT = "2026-11-22T08:30:00Z"
_DEEPEST = 6
OAUTH: Mapping[str, str] = {
    "invalid_request": "The parameter grant_type is missing.",
    "invalid_client": "Client id or secret is not right.",
    "temporarily_unavailable": "Too many tries. Wait a little and try again.",
}
_BY_NAME: Mapping[str, Any] = {
    "name": "Acme Fiber",
    "tenant_name": "Acme Fiber",
    "partner_name": "Northwind Managed Services",
    "slug": "acme-fiber",
    "domain": "acme-fiber.example",
    "tenant_domain": "acme-fiber.example",
    "email": "ana@northwind.example",
    "amount": "154.20",
    "currency": "USD",
    "status": "active",
    "subject": "Packet loss at the core switch",
    "priority": "urgent",
    "category": "network",
    "language": "en",
    "timezone": "Europe/Madrid",
    "operating_model": "co_managed",
    "access_role": "msp_support",
    "relationship_type": "msp_managed",
    "token_type": "Bearer",
    "scope": "partner.*",
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl",
    "refresh_token": "0uQ2vY0bq9mJ5rS1cVt7kXn3eWd8aZpL6hGfTiOyUxM",
    "expires_in": 600,
    "refresh_expires_in": 604800,
    "permissions": ["partner.support.tickets.list", "partner.support.tickets.read"],
    "effective_permissions": ["partner.support.tickets.list", "partner.support.tickets.read"],
    "areas": ["support", "reports"],
    "roles": ["principal"],
    "tags": ["core"],
    "limit": 50,
    "offset": 0,
    "total": 1,
    "total_at_least": None,
    "has_more": False,
    "next_cursor": None,
    "version": 3,
    "score": 82,
    "billing_cycle": "monthly",
    "plan": "Business",
    "plan_type": "Business",
    "created_by_name": "Ana Ruiz",
    "created_by_partner_name": "Northwind Managed Services",
    "assigned_to_name": "Ana Ruiz",
    "author_name": "Ana Ruiz",
    "created_by": "Ana Ruiz",
    "updated_by": "Ana Ruiz",
    "proposed_by": "Ana Ruiz",
    "created_by_kind": "partner_user",
    "author_kind": "partner_user",
    "content": "Waiting for the spare part.",
    "description": "Since 08:10 about one packet in ten is lost.",
    "reason": "Second-line support as agreed",
    "response_hours": 2,
    "uptime_percentage_30d": 99.97,
    "paused_by": None,
    "sla_breached_at": None,
    "resolved_at": None,
    "tenant_scope": "all",
    "message": "Done.",
}


def sample(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
    """Return a value that fits `schema`; `schemas` are the components that it may refer to."""
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas, name, depth)
    if "anyOf" in schema:
        chosen = next(part for part in schema["anyOf"] if part.get("type") != "null")
        known = name in _BY_NAME and _BY_NAME[name] is None
        return None if known or depth > _DEEPEST else sample(chosen, schemas, name, depth)
    if schema.get("type") == "object":
        return _object(schema, schemas, depth)
    if schema.get("type") == "array" and name not in _BY_NAME:
        return [sample(schema["items"], schemas, name.removesuffix("s"), depth + 1)] if "items" in schema else []
    return _plain(schema, name)


def _object(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Return an object with every property."""
    return {name: sample(part, schemas, name, depth + 1) for name, part in schema.get("properties", {}).items()}


def _plain(schema: Mapping[str, Any], name: str) -> Any:
    """Return a value of a simple type."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return _BY_NAME[name] if _BY_NAME.get(name) in schema["enum"] else schema["enum"][0]
    if name in _BY_NAME:
        return _BY_NAME[name]
    formats = {"uuid": ID, "date-time": _MOMENT, "date": _MOMENT[:10], "decimal": "12.5"}
    if "format" in schema:
        return formats.get(schema["format"], "")
    return {"integer": 3, "number": 12.5, "boolean": True, "null": None}.get(schema.get("type", ""), "")


def problem(code: str, status: int, detail: str, instance: str) -> dict[str, Any]:
    """Return a problem with `code`."""
    made: dict[str, Any] = {
        "type": f"/api/v1/docs#{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "request_id": ID,
        "timestamp": _MOMENT,
    }
    if code == "VALIDATION_ERROR":
        made["errors"] = [{"pointer": "/query/limit", "message": "Expected int <= 100"}]
    return made
