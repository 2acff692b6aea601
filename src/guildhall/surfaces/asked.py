"""What the address of a list asks for: words, choices, pages. A wrong one is refused with a sentence, not ignored."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from uuid import UUID

from guildhall.core.errors import Invalid
from guildhall.core.ids import parse_id
from guildhall.surfaces.html import Web
from guildhall.surfaces.kit.i18n import N_, speech, zone_of

PAGE_SIZE = 50
LAST_PAGE = 2_000
_LONGEST = 200
_FIRST_YEAR, _LAST_YEAR = 1970, 9000  # moments in any zone then have a place in every calendar
_WRONG_FILTER = N_("This filter does not exist. Open the list again without it.")
_WRONG_PAGE = N_("This page of the list does not exist. Open the list again.")
_WRONG_DATE = N_("This is not a date. Write it as year-month-day.")


def clean(text: str) -> str:
    """Return `text` without what the database cannot hold: NUL, and halves of surrogate pairs."""
    return text.encode("utf-8", "ignore").decode().replace("\x00", "")


def words(request: Web, name: str = "q") -> str:
    """Return what was typed into the search `name`, cut to a sensible length."""
    return clean(request.query_params.get(name, "")).strip()[:_LONGEST]


def choice(request: Web, name: str, allowed: Collection[str]) -> str:
    """Return the value of the filter `name`, or nothing; raises Invalid for one that is not on offer."""
    value: str = request.query_params.get(name, "")
    if value and value not in allowed:
        raise Invalid(_WRONG_FILTER)
    return value


def chosen(request: Web, name: str, allowed: Collection[str]) -> tuple[str, ...]:
    """Return the filter `name` as the domain takes it: the one value chosen, or none."""
    value = choice(request, name, allowed)
    return (value,) if value else ()


def identity(request: Web, name: str) -> UUID | None:
    """Return the id that the filter `name` holds, or None; raises Invalid for anything else."""
    text = request.query_params.get(name, "")
    value = parse_id(text)
    if text and value is None:
        raise Invalid(_WRONG_FILTER)
    return value


def page_number(request: Web) -> int:
    """Return the page asked for, from 1; raises Invalid for what cannot be one."""
    text = request.query_params.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LAST_PAGE))):
        raise Invalid(_WRONG_PAGE)
    number = int(text)
    if not 1 <= number <= LAST_PAGE:
        raise Invalid(_WRONG_PAGE)
    return number


def whole(request: Web, name: str, most: int) -> int | None:
    """Return the number from 1 to `most` that the query's `name` holds, or None where it is absent."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 0 < int(text) <= most):
        raise Invalid(_WRONG_PAGE)
    return int(text)


def day_in(text: str) -> date | None:
    """Return the day written in `text` as year-month-day, None for nothing; raises Invalid for anything else."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid(_WRONG_DATE) from None
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise Invalid(_WRONG_DATE)
    return day


def start_of(day: date) -> datetime:
    """Return the moment at which `day` begins for the reader."""
    return datetime.combine(day, time(), zone_of(speech().zone))


def since(request: Web, name: str) -> datetime | None:
    """Return the start of the day that the query's `name` holds."""
    day = day_in(request.query_params.get(name, ""))
    return start_of(day) if day else None


def until(request: Web, name: str) -> datetime | None:
    """Return the end of the day that the query's `name` holds: the start of the next."""
    day = day_in(request.query_params.get(name, ""))
    return start_of(day + timedelta(days=1)) if day else None
