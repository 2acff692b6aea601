"""What the API's document says of webhooks: each event with its headers and its body (OpenAPI 3.1, `webhooks`)."""

from collections.abc import Mapping
from typing import Any

from guildhall.domain.webhooks.events import ANY_LINK, KINDS, Kind
from guildhall.surfaces.api.operations import JSON

_HEADERS = {
    "webhook-id": "The event's id, the same at every try: what came twice is told by it.",
    "webhook-timestamp": "When this try was made, in seconds since 1970; refuse what is older than five minutes.",
    "webhook-signature": "One or more of `v1,` and the HMAC-SHA256 of `id.timestamp.body`, base64, between blanks.",
}


def webhooks(refs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the events that endpoints are told of, by name; `refs` are the references to their data."""
    return {kind.name: {"post": _told(kind, refs)} for kind in KINDS.values()}


def _told(kind: Kind, refs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return one event as the request that an endpoint gets."""
    body = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": kind.name},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": refs[kind.data],
        },
    }
    return {
        "operationId": "on" + "".join(part.title() for part in kind.name.replace("_", ".").split(".")),
        "tags": ["Webhooks"],
        "summary": kind.about,
        "description": _when(kind),
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": said, "schema": {"type": "string"}}
            for name, said in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {JSON: {"schema": body}}},
        "responses": {"2XX": {"description": "Taken."}, "410": {"description": "Gone for good: switch it off."}},
    }


def _when(kind: Kind) -> str:
    """Return under which condition an event is told."""
    if kind.platform:
        return "Only to the vendor's platform, whose endpoints staff look after."
    if not kind.needs:
        return "Whatever your links open."
    opened = "is live" if kind.needs == ANY_LINK else f"is live and holds `{kind.needs}`"
    return f"While your link to the customer {opened}, when it happens and when it is sent."
