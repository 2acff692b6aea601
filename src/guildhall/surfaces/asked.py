"""What the address of a list asks for: words, choices, pages. A wrong one is refused with a sentence, not ignored.

Days are typed by hand, so a page with wrong ones still comes, with the sentence beside them (`shown_days`).
"""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from uuid import UUID

from guildhall.core.errors import Invalid
from guildhall.core.ids import parse_id
from guildhall.surfaces.html import WRONG_DAYS, Web, told
from guildhall.surfaces.kit.i18n import N_, gettext, speech, zone_of

PAGE_SIZE = 50
LAST_PAGE = 2_000
_LONGEST = 200
_FIRST_YEAR, _LAST_YEAR = 1970, 9000  # moments in any zone then have a place in every calendar
_WRONG_FILTER = N_("This filter does not exist. Open the list again without it.")
_WRONG_PAGE = N_("This page of the list does not exist. Open the list again.")
_WRONG_DATE = N_("This is not a date. Write it as year-month-day.")
_BACKWARDS = N_("The last day is before the first")


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


def days(request: Web, *, today: date | None = None) -> tuple[date | None, date | None]:
    """Return the first and the last day that the address asks for; raises Invalid for what is none, or reversed ones.

    With `today`, a range without a last day ends there.
    """
    first, last = (day_in(request.query_params.get(name, "")) for name in ("since", "until"))
    end = last or today
    if first and end and end < first:
        raise Invalid(_BACKWARDS)
    return first, last


def shown_days(request: Web, *, today: date | None = None) -> tuple[date | None, date | None]:
    """Return the days as `days` does; where they are wrong none, and the page says so."""
    try:
        return days(request, today=today)
    except Invalid as refusal:
        say_wrong_days(request, refusal)
        return None, None


def say_wrong_days(request: Web, refusal: Invalid) -> None:
    """Let the page of this request keep the days as they were typed and say what is wrong with them."""
    said = " ".join(gettext(sentence) for sentence in refusal.errors.values())
    request.scope["state"][WRONG_DAYS] = said or told(refusal)


def shown_moments(request: Web) -> tuple[datetime | None, datetime | None]:
    """Return when the days asked for begin and end for the reader; wrong ones as `shown_days` does."""
    first, last = shown_days(request)
    return start_of(first) if first else None, start_of(last + timedelta(days=1)) if last else None
