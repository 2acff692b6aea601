"""An operation of the API: one declaration from which its route, its checks and its documentation come.

A handler gets a `Call` that passed the gates and was read strictly, and returns a struct. Order of what happens
to a request: gates (app.gate) → idempotency replay → parse and validate → If-Match → act (BOUNDARY §3).
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

import msgspec
from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from msgspec import Struct

from guildhall.core import clock, idempotency
from guildhall.core.actor import Actor
from guildhall.core.errors import (
    ContextMismatch,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    Refusal,
)
from guildhall.core.idempotency import Asked, Reply
from guildhall.core.ids import parse_id
from guildhall.domain.access.gates import Standing
from guildhall.domain.files.uploads import LARGEST as LARGEST_FILE
from guildhall.domain.rbac.registry import PLATFORM
from guildhall.settings import Settings
from guildhall.surfaces import entry
from guildhall.surfaces.api import reading
from guildhall.surfaces.api.deprecation import Deprecation
from guildhall.surfaces.api.problems import problem, sent

PREFIX = "/api/v1"
JSON = "application/json"
LINES = "application/x-ndjson"
OCTETS = "application/octet-stream"
LARGEST_BODY = 200_000  # octets
LARGEST_BATCH = 20_000_000
_KEPT_REFUSALS = frozenset({409, 422})
_encoder = msgspec.json.Encoder()

Wire = Request[Any, Any, Any]
Q = TypeVar("Q")
B = TypeVar("B")


class Operation(Struct, frozen=True, kw_only=True):
    """What one method on one path takes and answers.

    `mark` is the route's mark (`entry.needs`, `own`, `public`). `query` and `body` are structs, read strictly;
    `answer` is the type of a success. `codes` are the problems of this operation beside those that every one has.
    `versioned` puts an ETag on the answer; `oauth` means a form in and refusals in the words of OAuth; `lines` that
    the body is JSON lines, each of them a `body`. `shown_once` names a secret in the answer: it is null in what is
    kept and repeated under an Idempotency-Key. `file` means that the body is a file, as it is, and `sent` its query.
    `sent` is shown in the documentation. `deprecated` says of an operation that it goes.
    """

    id: str
    method: Literal["GET", "POST", "PUT", "PATCH"]
    path: str
    group: str
    summary: str
    mark: dict[str, Any]
    answer: Any
    description: str = ""
    status: int = 200
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    codes: tuple[str, ...] = ()
    versioned: bool = False
    oauth: bool = False
    lines: bool = False
    file: bool = False
    shown_once: str = ""
    sent: dict[str, Any] | None = None
    deprecated: Deprecation | None = None

    @property
    def marks(self) -> dict[str, Any]:
        """Return what the mark says."""
        marks: dict[str, Any] = self.mark["opt"]
        return marks

    @property
    def keyed(self) -> bool:
        """Return whether the operation takes an Idempotency-Key; rows of the platform are idempotent by themselves."""
        return self.method == "POST" and "needs" in self.marks and not self.of_platform

    @property
    def of_platform(self) -> bool:
        """Return whether the vendor's platform calls it, and no partner does."""
        return bool(self.marks.get("needs") in PLATFORM)

    @property
    def largest(self) -> int:
        """Return how many octets its body may have."""
        return LARGEST_BATCH if self.lines else LARGEST_FILE if self.file else LARGEST_BODY

    @property
    def conditional(self) -> bool:
        """Return whether the operation needs If-Match."""
        return self.method == "PATCH"


class Answer(Struct, frozen=True):
    """A success with more than a body: the version for its ETag, and what else its headers say."""

    body: Any
    version: int | None = None
    headers: dict[str, str] = {}


class Call(Struct, Generic[Q, B], frozen=True, kw_only=True):
    """One call that passed the gates: who, in which tenant, with what. `matches` is None where any version will do."""

    request: Wire
    actor: Actor
    tenant: Standing | None
    query: Q
    body: B
    now: datetime
    matches: frozenset[int] | None = None

    @property
    def settings(self) -> Settings:
        """Return the installation's settings."""
        found: Settings = self.request.app.state.settings
        return found

    @property
    def standing(self) -> Standing:
        """Return the tenant in context, which the gates have made sure of."""
        if self.tenant is None:
            raise NotFound
        return self.tenant

    def id(self, name: str, code: str) -> UUID:
        """Return an id that the path names; raise NotFound with `code` for one that cannot be."""
        found = parse_id(self.request.path_params[name])
        if found is None:
            raise NotFound(code=code)
        return found

    def narrowed(self, tenant_ids: tuple[UUID, ...]) -> tuple[UUID, ...]:
        """Return the tenants that a list is about: those named, or the one in context; both must agree."""
        if self.tenant is None:
            return tenant_ids
        if set(tenant_ids) - {self.tenant.tenant_id}:
            raise ContextMismatch
        return (self.tenant.tenant_id,)

    def within(self, tenant_id: UUID | None, code: str) -> None:
        """Raise NotFound where the request names another tenant than the object's."""
        if self.tenant is not None and self.tenant.tenant_id != tenant_id:
            raise NotFound(code=code)

    def expects(self, version: int) -> int:
        """Return the version that If-Match let through; raise PreconditionFailed for another."""
        if self.matches is not None and version not in self.matches:
            raise PreconditionFailed
        return version


Handler = Callable[[Call[Any, Any]], Awaitable[Any]]


class Endpoint(Struct, frozen=True):
    """An operation with what carries it out.

    `ahead` does what takes long and changes nothing that anybody sees, as writing octets into the store. It is done
    before the transaction of an Idempotency-Key is opened, and the handler takes what it returns for the body. What it
    refuses is not kept under the key.
    """

    operation: Operation
    handler: Handler
    ahead: Handler | None = None

    async def answer(self, request: Wire) -> Reply:
        """Answer one request that passed the gates."""
        return await answered(self, request)

    def route(self) -> HTTPRouteHandler:
        """Return the endpoint as a route of the framework."""

        async def served(request: Wire) -> ASGIResponse:
            return sent(await self.answer(request))

        path = PREFIX + self.operation.path.replace("}", ":str}")
        made = HTTPRouteHandler(
            path,
            http_method=self.operation.method,
            name=self.operation.id,
            request_max_body_size=self.operation.largest,
            **self._mark(),
        )
        return made(served)

    def _mark(self) -> dict[str, Any]:
        """Return the route's mark, with what its calls count as depends on."""
        by_tenants = self.operation.query is not None and "tenant_ids" in self.operation.query.__struct_fields__
        gone = self.operation.deprecated
        said = gone.headers(self.operation.id) if gone else []
        return {"opt": self.operation.marks | {"by_tenants": by_tenants, "said": said}}


def serves(operation: Operation, *, ahead: Handler | None = None) -> Callable[[Handler], Endpoint]:
    """Return the decorator that makes a handler the endpoint of `operation`."""
    return lambda handler: Endpoint(operation, handler, ahead)


async def answered(endpoint: Endpoint, request: Wire) -> Reply:
    """Answer one request that passed the gates; under an Idempotency-Key, once."""
    reading.accepts(request)
    key = reading.key(request) if endpoint.operation.keyed else None
    if key is None:
        return await _acted(endpoint, await _ready(endpoint, request))
    return await _once(endpoint, request, key)


async def _once(endpoint: Endpoint, request: Wire, key: str) -> Reply:
    """Answer as the first request under this key was answered; what the act itself refused is kept too."""
    actor, asked = entry.entered(request).actor, await _asked(endpoint, request, key)
    refusals: list[Reply] = []
    try:
        return await _first(endpoint, request, asked, refusals)
    except Refusal:
        if not refusals:
            raise
    await idempotency.keep(actor, asked, refusals[0])
    return refusals[0]


async def _first(endpoint: Endpoint, request: Wire, asked: Asked, refusals: list[Reply]) -> Reply:
    """Return what is kept under the key, or act, adding what the act itself refuses to `refusals`."""
    actor, ready = entry.entered(request).actor, None
    if endpoint.ahead is not None:
        if (found := await idempotency.kept(actor, asked)) is not None:
            return found
        try:
            ready = await _ready(endpoint, request)
        except Refusal:
            # Another request under this key may have stood in the way: its answer goes first, and this is kept nowhere.
            if (found := await idempotency.kept(actor, asked)) is not None:
                return found
            raise

    async def act() -> Reply:
        with _noting(request, refusals):
            return await _acted(endpoint, ready or await _ready(endpoint, request))

    return await idempotency.once(actor, asked, act)


@contextmanager
def _noting(request: Wire, refusals: list[Reply]) -> Iterator[None]:
    """Add a refusal that is kept to `refusals`, and raise it on."""
    try:
        yield
    except Refusal as refusal:
        if refusal.status in _KEPT_REFUSALS:
            refusals.append(problem(request, refusal))
        raise


async def _asked(endpoint: Endpoint, request: Wire, key: str) -> Asked:
    """Return what sets this request apart from another under the same key."""
    said = [request.scope["path"].encode(), request.scope["query_string"], await request.body()]
    said.append(request.headers.get("x-active-tenant-id", "").strip().lower().encode())
    digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in said)).digest()
    return Asked(f"{endpoint.operation.method} {endpoint.operation.path}", key, digest)


async def _ready(endpoint: Endpoint, request: Wire) -> Call[Any, Any]:
    """Parse and validate, and do what comes before the act."""
    call = await _call(endpoint.operation, request)
    return call if endpoint.ahead is None else msgspec.structs.replace(call, body=await endpoint.ahead(call))


async def _acted(endpoint: Endpoint, call: Call[Any, Any]) -> Reply:
    """Act and encode."""
    made = await endpoint.handler(call)
    answer = made if isinstance(made, Answer) else Answer(made)
    headers = {"Cache-Control": "no-store", **answer.headers}
    if answer.version is not None:
        headers["ETag"] = f'"{answer.version}"'
    body, kept = _encoder.encode(answer.body), None
    if secret := endpoint.operation.shown_once:
        kept = _encoder.encode(msgspec.structs.replace(answer.body, **{secret: None}))
    return Reply(endpoint.operation.status, JSON, body, headers, kept)


async def _call(operation: Operation, request: Wire) -> Call[Any, Any]:
    """Return the request as its handler takes it."""
    found = entry.entered(request)
    return Call(
        request=request,
        actor=found.actor,
        tenant=found.tenant,
        query=reading.query(request, operation.query or _Nothing),
        body=await _body(operation, request),
        now=clock.now(),
        matches=_matches(operation, request.headers),
    )


class _Nothing(Struct):
    """What an operation without parameters takes."""


async def _body(operation: Operation, request: Wire) -> Any:
    """Return the body; one that is optional as a whole may be left out."""
    if operation.file:
        reading.takes_file(request)
        return await request.body()
    if operation.method == "GET":
        return None
    octets = await request.body()
    if operation.body is None:
        if octets.strip() not in {b"", b"{}"}:
            raise Invalid(errors={"": "This takes no body"})
        return None
    if not octets and not any(field.required for field in reading.fields_of(operation.body).values()):
        return operation.body()
    reading.takes_json(request)
    return reading.body(octets, operation.body)


def _matches(operation: Operation, headers: Mapping[str, str]) -> frozenset[int] | None:
    """Return the versions that a conditional write may replace; raise PreconditionRequired without If-Match."""
    if not operation.conditional:
        return None
    header = headers.get("if-match")
    if header is None:
        raise PreconditionRequired
    return reading.tags(header)
