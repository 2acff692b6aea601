"""Every code of a problem, with its status and meaning: what the document and the reference page list."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from guildhall.core import errors
from guildhall.surfaces.api import problems
from guildhall.surfaces.api.limits import kind_of
from guildhall.surfaces.api.operations import Operation
from guildhall.surfaces.kit.i18n import N_


class Code(Struct, frozen=True):
    """One code. `meaning` says when it comes and what to do."""

    name: str
    status: int
    meaning: str


_TABLE: tuple[tuple[type[errors.Refusal], str], ...] = (
    (problems.BadRequest, N_("The body is not valid JSON, or the request is malformed.")),
    (errors.Unauthorized, N_("No token, or one that has run out, was revoked, or was not made here. Sign in again.")),
    (errors.Forbidden, N_("Your role, or the link to this customer, does not hold the permission.")),
    (errors.PartnerInactive, N_("Your organisation is suspended; write to your partner manager.")),
    (errors.TenantAccessDenied, N_("No live link to this tenant: the same answer for one that does not exist.")),
    (errors.TenantLinkExpired, N_("The link has passed its end; ask the customer to extend it.")),
    (errors.TenantLinkPaused, N_("The link is paused; the side that paused it can resume it.")),
    (
        errors.StepUpRequired,
        N_("This needs a second factor of the last ten minutes: sign in again, or use the console."),
    ),
    (errors.NotFound, N_("There is no such thing, or none that you may see.")),
    (problems.MethodNotAllowed, N_("The path does not take this method; the Allow header names those that it takes.")),
    (problems.NotAcceptable, N_("The Accept header leaves out application/json.")),
    (errors.Conflict, N_("The thing is no longer in a state that allows this; read it again.")),
    (errors.ContextMismatch, N_("The header names one tenant and the path or the parameters another.")),
    (errors.IdempotencyInProgress, N_("The first request with this key is still running; ask again shortly.")),
    (errors.PreconditionFailed, N_("If-Match names another version; read the object again.")),
    (problems.PayloadTooLarge, N_("The body is larger than 200 kB, a file than 10 MB, or a batch than 20 MB.")),
    (problems.UnsupportedMediaType, N_("The body was not sent as application/json.")),
    (errors.Invalid, N_("Values are missing, wrong or unknown; `errors` names each with a pointer.")),
    (errors.ContextRequired, N_("A write inside a tenant needs X-Active-Tenant-Id, well formed.")),
    (errors.IdempotencyKeyReused, N_("The key was used for a different request in the last 24 hours.")),
    (errors.PreconditionRequired, N_("A PATCH needs If-Match with the ETag that you read.")),
    (errors.TooManyRequests, N_("Wait as many seconds as Retry-After says.")),
    (problems.Internal, N_("A fault on our side; nothing was changed. Quote the request_id.")),
    (
        errors.Unavailable,
        N_("Too busy, restarting, or others changed the same at once; try again after Retry-After."),
    ),
)
_FINER = {
    "TENANT_NOT_FOUND": N_("The path names no tenant with a live link."),
    "TICKET_NOT_FOUND": N_("There is no such ticket, or it belongs to another tenant than the context."),
    "FILE_NOT_FOUND": N_("There is no such file in this ticket, or none that you may read."),
    "INVOICE_NOT_FOUND": N_(
        "There is no such invoice, it is a draft, or it belongs to another tenant than the context."
    ),
    "EXPORT_NOT_FOUND": N_("There is no such export of yours, or its seven days are over."),
    "WEBHOOK_NOT_FOUND": N_("There is no such endpoint of yours."),
    "DELIVERY_NOT_FOUND": N_("There is no such delivery in the log of this endpoint."),
    "SUBSCRIBER_NOT_FOUND": N_("There is no such subscriber in the tenant in context."),
    "ALERT_NOT_FOUND": N_("There is no such alert, or it belongs to another tenant than the context."),
    "PERSON_NOT_FOUND": N_("There is no such person in your organisation."),
    "AUDIT_ENTRY_NOT_FOUND": N_("There is no such entry in your organisation's trail."),
    "LINK_NOT_FOUND": N_("There is no such link, or it belongs to another tenant than the context."),
}
CODES: Mapping[str, Code] = {kind.code: Code(kind.code, kind.status, meaning) for kind, meaning in _TABLE} | {
    name: Code(name, errors.NotFound.status, meaning) for name, meaning in _FINER.items()
}
_CONTEXT = ("TENANT_ACCESS_DENIED", "TENANT_LINK_EXPIRED", "TENANT_LINK_PAUSED")


def codes_of(operation: Operation) -> list[Code]:
    """Return every problem that an operation may answer with, by status."""
    names = set(operation.codes) | set(_common(operation))
    return sorted((CODES[name] for name in names), key=lambda code: (code.status, code.name))


def _common(operation: Operation) -> Iterator[str]:
    """Yield the codes that follow from what an operation takes."""
    yield from ("INTERNAL_ERROR", "UNAVAILABLE")
    if operation.oauth:
        yield "PAYLOAD_TOO_LARGE"
        return
    yield from ("NOT_ACCEPTABLE", "VALIDATION_ERROR")
    if "public" not in operation.marks:
        yield "UNAUTHORIZED"
        yield from () if operation.of_platform else _CONTEXT
    if "needs" in operation.marks:
        yield "FORBIDDEN"
        yield from ("PARTNER_INACTIVE",) if not operation.of_platform else ()
    if kind_of(operation.method, operation.path, operation.marks):
        yield "RATE_LIMIT_EXCEEDED"
    if operation.method != "GET":
        yield from ("BAD_REQUEST", "PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE")
    if operation.keyed:
        yield from ("IDEMPOTENCY_IN_PROGRESS", "IDEMPOTENCY_KEY_REUSED")
    if operation.conditional:
        yield from ("PRECONDITION_FAILED", "PRECONDITION_REQUIRED")
