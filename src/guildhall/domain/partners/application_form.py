"""What an applicant says: the fields of the form, and what is wrong with each (PRODUCT §4)."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.errors import Invalid
from guildhall.core.i18n import N_
from guildhall.core.text import storable
from guildhall.domain.partners import email_policy
from guildhall.domain.partners.countries import CODES
from guildhall.domain.partners.tables import TYPES

LONGEST_NAME = 200
LONGEST_NOTE = 4000
MOST_CUSTOMERS = 1_000_000
_HOST = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_ADDRESS_OF_PAGE = ("://", "www.")
_FILL_IN = "Fill this in"


class Said(Struct, frozen=True, kw_only=True):
    """A form that may be taken: addresses in lower case, domains in ASCII; `listed` as in `email_policy.Address`."""

    legal_name: str
    website: str
    website_domain: str
    country: str
    type: str
    contact_name: str
    email: str
    email_domain: str
    listed: str
    expected_customers: int
    note: str

    def octets(self) -> bytes:
        """Return the form as octets: the same form gives the same ones."""
        return msgspec.json.encode(self)


async def read(connection: AsyncConnection, typed: Mapping[str, str], *, consent: bool) -> Said:
    """Return what the form says; raises Invalid with everything that is wrong with it, field by field."""
    errors = _errors(typed, consent=consent)
    address = None
    try:
        address = await email_policy.allow(connection, typed.get("email", ""))
    except Invalid as refusal:
        errors |= refusal.errors
    if errors or address is None:
        raise Invalid(errors=errors)
    website, host = website_of(typed.get("website", ""))
    return Said(
        legal_name=_text(typed, "legal_name"),
        website=website,
        website_domain=host,
        country=typed["country"],
        type=typed["type"],
        contact_name=_text(typed, "contact_name"),
        email=address.email,
        email_domain=address.domain,
        listed=address.listed,
        expected_customers=int(typed["expected_customers"]),
        note=typed.get("note", "").strip(),
    )


def _text(typed: Mapping[str, str], name: str) -> str:
    """Return a field of one line, its spaces in order."""
    return " ".join(typed.get(name, "").split())


def _errors(typed: Mapping[str, str], *, consent: bool) -> dict[str, str]:
    """Return what is wrong with every field but the address."""
    errors = {name: wrong for name in ("legal_name", "contact_name") if (wrong := _name_error(_text(typed, name)))}
    if not website_of(typed.get("website", ""))[1]:
        errors["website"] = "Write the address of your website, such as www.company.example"
    if typed.get("country") not in CODES:
        errors["country"] = "Choose a country of the list"
    if typed.get("type") not in TYPES:
        errors["type"] = "Choose what fits best"
    if whole_number(typed.get("expected_customers", ""), MOST_CUSTOMERS) is None:
        errors["expected_customers"] = "Write a whole number from 1 on; an estimate is enough"
    if len(typed.get("note", "")) > LONGEST_NOTE or not storable(typed.get("note", "")):
        errors["note"] = "Say it in at most 4000 characters"
    if not consent:
        errors["consent"] = "Without your consent we may not keep what you write, so we cannot take the application"
    return errors


def _name_error(name: str) -> str:
    """Return what is wrong with a name, or nothing."""
    if not name or not storable(name) or not any(character.isalnum() for character in name):
        return _FILL_IN
    if any(mark in name.casefold() for mark in _ADDRESS_OF_PAGE):  # it would stand in a letter of ours
        return N_("Write the name alone, no web address")
    return N_("Write at most 200 characters") if len(name) > LONGEST_NAME else ""


def whole_number(typed: str, most: int) -> int | None:
    """Return the number from 1 to `most` that is written in `typed`, or None."""
    text = typed.strip()
    good = text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most
    return int(text) if good else None


def website_of(typed: str) -> tuple[str, str]:
    """Return the address of a website and its host without `www.`; two empty texts for what is none."""
    text = typed.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host = (parts.hostname or "").encode("idna").decode().rstrip(".")
        wrong = parts.scheme not in {"http", "https"} or parts.username or parts.port or len(text) > LONGEST_NAME
    except (ValueError, UnicodeError):
        return "", ""
    if wrong or not _HOST.fullmatch(host) or any(character.isspace() for character in text):
        return "", ""
    path = parts.path if parts.path != "/" and parts.path.isascii() else ""
    return f"{parts.scheme}://{host}{path}", host.removeprefix("www.")
