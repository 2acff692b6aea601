"""Every answer that is not what was asked for, as `application/problem+json` (RFC 9457; API.md, “Errors”)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from litestar.exceptions import HTTPException
from litestar.response.base import ASGIResponse
from msgspec import Struct

from guildhall.core import clock
from guildhall.core.errors import NotFound, Refusal, Unauthorized
from guildhall.core.idempotency import Reply
from guildhall.surfaces.faults import passing

MEDIA_TYPE = "application/problem+json"
DOCS = "/api/v1/docs"


class FieldError(Struct, frozen=True):
    """One value at fault.

    `pointer` is a JSON Pointer (RFC 6901) into the body, or `/query/<name>` or `/header/<name>`.
    """

    pointer: str
    message: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem (RFC 9457). Decide by `code`: it never changes its meaning; `detail` is a sentence for people."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    timestamp: datetime
    errors: list[FieldError] = []


class OAuthError(Struct, frozen=True, kw_only=True):
    """A refusal of the token endpoint (RFC 6749 §5.2). Decide by `error`; the description is for people."""

    error: str
    error_description: str


class OAuthRefusal(Refusal):
    """What the token endpoint refuses: `error` is OAuth's word for it, `http` the status."""

    def __init__(self, error: str, sentence: str, *, status: int) -> None:
        """Take OAuth's word, a sentence, and the status."""
        super().__init__(sentence)
        self.error, self.http = error, status


class BadRequest(Refusal):
    """The body is not JSON, or the request is malformed."""

    code, status, title = "BAD_REQUEST", 400, "The request is malformed"


class MethodNotAllowed(Refusal):
    """The path exists, but not for this method."""

    code, status, title = "METHOD_NOT_ALLOWED", 405, "This path does not take this method"


class NotAcceptable(Refusal):
    """The Accept header leaves out what this path answers with."""

    code, status, title = "NOT_ACCEPTABLE", 406, "The answer is application/json"


class PayloadTooLarge(Refusal):
    """The body is larger than the path takes."""

    code, status, title = "PAYLOAD_TOO_LARGE", 413, "The body is too large"


class UnsupportedMediaType(Refusal):
    """The body is not sent as JSON."""

    code, status, title = "UNSUPPORTED_MEDIA_TYPE", 415, "Send the body as this path takes it"


class Internal(Refusal):
    """A fault of ours."""

    code, status, title = "INTERNAL_ERROR", 500, "Something went wrong on our side"


_BY_STATUS: Mapping[int, type[Refusal]] = {
    kind.status: kind
    for kind in (BadRequest, NotFound, MethodNotAllowed, NotAcceptable, PayloadTooLarge, UnsupportedMediaType)
}


def problem(request: Any, refusal: Refusal) -> Reply:
    """Return the answer to a refusal; `request` is the connection that it happened on."""
    body = Problem(
        type=f"{DOCS}#{refusal.exact_code}",
        title=refusal.title,
        status=refusal.status,
        detail=refusal.detail,
        instance=request.scope["path"],
        code=refusal.exact_code,
        request_id=request.scope["state"].get("request_id", ""),
        timestamp=clock.now(),
        errors=[
            FieldError(_pointer(name, request.scope["method"]), str(said)) for name, said in refusal.errors.items()
        ],
    )
    headers = {"Cache-Control": "no-store"}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    if isinstance(refusal, Unauthorized):
        shown = "authorization" in request.headers
        headers["WWW-Authenticate"] = 'Bearer realm="api", error="invalid_token"' if shown else 'Bearer realm="api"'
    return Reply(refusal.status, MEDIA_TYPE, msgspec.json.encode(body), headers)


def _pointer(name: str, method: str) -> str:
    """Return a pointer as it is, empty for the whole; a field's name, with a key of it after a dot, becomes one."""
    if not name or name.startswith("/"):
        return name
    field, _, key = name.partition(".")
    return ("/query/" if method == "GET" else "/") + field + ("/" + escaped(key) if key else "")


def escaped(name: str) -> str:
    """Return a name as a part of a pointer (RFC 6901 §3)."""
    return name.replace("~", "~0").replace("/", "~1")


def sent(reply: Reply) -> ASGIResponse:
    """Return a reply as the framework sends it."""
    return ASGIResponse(
        body=reply.body, status_code=reply.status, media_type=reply.media_type, headers=reply.headers or None
    )


class ProblemResponse(ASGIResponse):
    """A problem, for the framework's error handlers, which turn what they return into ASGI themselves."""

    def to_asgi_response(self, **_: Any) -> ASGIResponse:
        """Return itself."""
        return self


def on_refusal(request: Any, refusal: Refusal) -> Any:
    """Answer a refusal."""
    reply = problem(request, refusal)
    return ProblemResponse(
        body=reply.body, status_code=reply.status, media_type=reply.media_type, headers=reply.headers
    )


def on_http(request: Any, error: HTTPException) -> Any:
    """Answer what the framework refuses: no such route, wrong method, too large."""
    made = on_refusal(request, _BY_STATUS.get(error.status_code, BadRequest)())
    if error.status_code == MethodNotAllowed.status:
        made.headers.add("allow", ", ".join(sorted(_methods(request))))
    return made


def _methods(request: Any) -> set[str]:
    """Return the methods that the request's path takes (RFC 9110 §15.5.6)."""
    parts = request.scope["path"].strip("/").split("/")
    found: set[str] = set()
    for route in request.app.routes:
        names = route.path_format.strip("/").split("/")
        if len(names) == len(parts) and all(a == b or a[:1] == "{" for a, b in zip(names, parts, strict=True)):
            found |= set(route.methods)
    return found


def on_fault(request: Any, error: Exception) -> Any:
    """Answer a fault without its inside; the log has it under the request's id."""
    request.scope["state"]["fault"] = error
    return on_refusal(
        request, passing(error) or Internal("Nothing was changed. Tell us the request_id if it happens again.")
    )
