"""What people write into tickets, checked field by field before anything is stored (PRODUCT §14)."""

from collections.abc import Iterator
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from guildhall.core.errors import Invalid
from guildhall.core.text import storable
from guildhall.domain.support.rules import CATEGORIES
from guildhall.domain.tenancy.tables import PRIORITIES, TICKET_STATUSES

LONGEST_SUBJECT = 200
LONGEST_TEXT = 20_000
MOST_TAGS = 20
LONGEST_TAG = 40


class Draft(Struct, frozen=True, kw_only=True):
    """A ticket to be opened: subject of 1-200 characters, description of at most 20,000, at most 20 tags of 40."""

    subject: str
    description: str = ""
    priority: str = "normal"
    category: str = "other"
    subscriber_id: UUID | None = None
    tags: tuple[str, ...] = ()
    notify_customer: bool = True


class Answer(Struct, frozen=True, kw_only=True):
    """A comment to be written: 1-20,000 characters; an internal one never reaches the customer."""

    content: str
    is_internal: bool = False
    notify_customer: bool = True


class Change(Struct, frozen=True, kw_only=True):
    """What to change of a ticket; what is left out stays. `assigned_to` None gives the ticket back to nobody."""

    status: str | UnsetType = UNSET
    priority: str | UnsetType = UNSET
    assigned_to: UUID | UnsetType | None = UNSET
    comment: Answer | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields to be changed, the comment apart."""
        return tuple(name for name in ("status", "priority", "assigned_to") if getattr(self, name) is not UNSET)


def check(draft: Draft) -> None:
    """Raise Invalid naming every field of a draft that cannot be stored."""
    _refuse(_draft_errors(draft))


def check_change(change: Change, *, internal: bool) -> None:
    """Raise Invalid naming every value of a change that cannot be; `internal` says who may write internal notes."""
    _refuse(_change_errors(change, internal=internal))


def _refuse(errors: Iterator[tuple[str, str]]) -> None:
    found = dict(errors)
    if found:
        raise Invalid(errors=found)


def _draft_errors(draft: Draft) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a draft, by field."""
    yield from _text("subject", draft.subject, LONGEST_SUBJECT)
    yield from _text("description", draft.description, LONGEST_TEXT, needed=False)
    yield from _choice("priority", draft.priority, PRIORITIES)
    yield from _choice("category", draft.category, CATEGORIES)
    if len(draft.tags) > MOST_TAGS:
        yield "tags", f"Use at most {MOST_TAGS} tags"
    for tag in draft.tags:
        yield from _text("tags", tag, LONGEST_TAG)


def _change_errors(change: Change, *, internal: bool) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a change, by field."""
    if change.status is not UNSET:
        yield from _choice("status", change.status, TICKET_STATUSES)
    if change.priority is not UNSET:
        yield from _choice("priority", change.priority, PRIORITIES)
    if change.comment is not None:
        yield from _text("comment.content", change.comment.content, LONGEST_TEXT)
        if change.comment.is_internal and not internal:
            yield "comment.is_internal", "Internal notes are for those who work on the ticket"


def _text(field: str, value: str, longest: int, *, needed: bool = True) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a text of at most `longest` characters."""
    if needed and not value.strip():
        yield field, "Fill this in"
    elif len(value) > longest:
        yield field, f"Use at most {longest} characters"
    elif not storable(value):
        yield field, "This text holds characters that cannot be stored"


def _choice(field: str, value: str, choices: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a value that must be one of `choices`."""
    if value not in choices:
        yield field, f"Choose one of: {', '.join(choices)}"
