"""Refusals: typed errors that carry their code, their status and a sentence on what to do.

Codes and statuses are API.md, “Errors”. A refusal is an answer, never a fault: the surface renders it.
"""

from collections.abc import Mapping
from typing import ClassVar, Self


class Choices(str):
    """What is wrong with a field that holds none of `codes`, which are states of `family`.

    In itself it is the English sentence with the codes, as the API's callers send them; a page says it in the
    reader's language, with the words of the states.
    """

    __slots__ = ("codes", "family")
    family: str
    codes: tuple[str, ...]

    def __new__(cls, family: str, codes: tuple[str, ...]) -> Self:
        """Take the family of states and those that may be chosen."""
        made = super().__new__(cls, f"Choose among: {', '.join(codes)}")
        made.family, made.codes = family, codes
        return made


class Refusal(Exception):  # noqa: N818 - the business's word for it
    """An expected “no”: `code` and `status` as in API.md, `detail` a sentence for people.

    `sentence` is what is translated, and `values` fills its `%(name)s`. `errors` maps a field's name to what is
    wrong with it; `retry_after` is in seconds.
    """

    code: ClassVar[str] = "FORBIDDEN"
    status: ClassVar[int] = 403
    title: ClassVar[str] = "Not allowed"

    def __init__(
        self,
        sentence: str = "",
        *,
        values: Mapping[str, str] | None = None,
        code: str | None = None,
        errors: Mapping[str, str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        """Take the sentence, and for some refusals a finer code, the fields at fault, seconds to wait."""
        self.sentence, self.values = sentence or self.title, dict(values or {})
        self.detail = self.sentence % self.values if self.values else self.sentence
        super().__init__(self.detail)
        self.exact_code = code or self.code
        self.errors = dict(errors or {})
        self.retry_after = retry_after


class Unauthorized(Refusal):
    """Nobody is signed in, or the session, token or key is dead."""

    code, status, title = "UNAUTHORIZED", 401, "Sign in first"


class Forbidden(Refusal):
    """The person, or the link, does not hold the permission."""

    code, status, title = "FORBIDDEN", 403, "You do not have permission for this"


class PartnerInactive(Refusal):
    """The partner is suspended."""

    code, status, title = "PARTNER_INACTIVE", 403, "The partner is suspended"


class TenantAccessDenied(Refusal):
    """No live link: the same answer for absent and for foreign tenants."""

    code, status, title = "TENANT_ACCESS_DENIED", 403, "No live link to this tenant"


class TenantLinkExpired(Refusal):
    """The link has passed its end."""

    code, status, title = "TENANT_LINK_EXPIRED", 403, "The link to this tenant has expired"


class TenantLinkPaused(Refusal):
    """The link is paused."""

    code, status, title = "TENANT_LINK_PAUSED", 403, "The link to this tenant is paused"


class PostureNotShared(Refusal):
    """The operating model keeps security data with the customer."""

    code, status, title = "POSTURE_NOT_SHARED", 403, "This tenant does not share its security posture"


class StepUpRequired(Refusal):
    """The act needs a fresh second factor."""

    code, status, title = "STEP_UP_REQUIRED", 403, "Confirm with your second factor first"


class NotFound(Refusal):
    """No such thing, or none that the actor may see; `code` may be finer (`TICKET_NOT_FOUND`)."""

    code, status, title = "NOT_FOUND", 404, "Not found"


class Conflict(Refusal):
    """The thing is no longer in a state that allows this."""

    code, status, title = "CONFLICT", 409, "This is no longer possible"


class ContextMismatch(Refusal):
    """The header names one tenant and the request another."""

    code, status, title = "TENANT_CONTEXT_MISMATCH", 409, "The request names two different tenants"


class ContextRequired(Refusal):
    """A write inside a tenant came without `X-Active-Tenant-Id`."""

    code, status, title = "TENANT_CONTEXT_REQUIRED", 422, "Name the tenant in X-Active-Tenant-Id"


class Invalid(Refusal):
    """Something typed is missing or wrong; `errors` says what, field by field."""

    code, status, title = "VALIDATION_ERROR", 422, "Some values need correction"


class PreconditionFailed(Refusal):
    """If-Match names an older version."""

    code, status, title = "PRECONDITION_FAILED", 412, "Somebody changed this since you read it"


class PreconditionRequired(Refusal):
    """A PATCH came without If-Match."""

    code, status, title = "PRECONDITION_REQUIRED", 428, "Send If-Match with the ETag that you read"


class TooManyRequests(Refusal):
    """The caller must wait `retry_after` seconds."""

    code, status, title = "RATE_LIMIT_EXCEEDED", 429, "Too many requests"


class IdempotencyInProgress(Refusal):
    """The first request with this Idempotency-Key has not been answered yet."""

    code, status, title = "IDEMPOTENCY_IN_PROGRESS", 409, "The first request with this key is still running"


class IdempotencyKeyReused(Refusal):
    """The Idempotency-Key was used for a different request."""

    code, status, title = "IDEMPOTENCY_KEY_REUSED", 422, "This key was used for a different request"


class Unavailable(Refusal):
    """The database cannot be reached, has no connection left, or undid this for somebody who changed the same."""

    code, status, title = "UNAVAILABLE", 503, "The service is busy; try again shortly"
