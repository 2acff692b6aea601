"""What the document says of the headers of answers: quotas, an operation that will go, when to try again."""

from typing import Any

from guildhall.core.errors import TooManyRequests
from guildhall.surfaces.api.limits import kind_of
from guildhall.surfaces.api.operations import Operation

_QUOTA = {
    "RateLimit-Policy": "What is allowed: `q` calls in any `w` seconds, for each limit that this call counts under.",
    "RateLimit": "What is left of your own: `r` calls now, and more in `t` seconds.",
    "X-RateLimit-Limit": "How many calls the tightest of your own limits allows.",
    "X-RateLimit-Remaining": "How many of those are left.",
    "X-RateLimit-Reset": "When more are, in seconds since 1970.",
}
_GOING = {"Deprecation": "Since when it is deprecated (RFC 9745).", "Sunset": "From when on it is gone (RFC 8594)."}


def of(operation: Operation) -> dict[str, Any]:
    """Return the headers that every answer of an operation has to callers who are known."""
    counts = kind_of(operation.method, operation.path, operation.marks) is not None
    texts = (_QUOTA if counts else {}) | (_GOING if operation.deprecated else {})
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in texts.items()}


def of_refusal(operation: Operation, status: int) -> dict[str, Any]:
    """Return the headers of the refusals with `status`, as a part of the document."""
    if status != TooManyRequests.status:
        return {}
    wait = {"description": "In how many seconds to try again.", "schema": {"type": "integer"}}
    return {"headers": {"Retry-After": wait, **of(operation)}}
