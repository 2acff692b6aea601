"""A written letter as the message that goes out: headers, and both parts (RFC 5322, RFC 3834, RFC 2046)."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from uuid import UUID

from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.rendering import Written, one_line


def message(
    written: Written, letter: Letter, *, sender: str, brand: str, mail_id: UUID, queued_at: datetime, now: datetime
) -> EmailMessage:
    """Return the message of one letter.

    Its Message-ID is the same at every try, so that a letter handed over twice is known for one; a letter that staff
    send again is a new one. Raises ValueError for an address that no header can hold.
    """
    name, address = parseaddr(sender)
    made = EmailMessage(policy=SMTP)
    made["From"] = _address(name or brand, address)
    made["To"] = _address(letter.name, letter.to)
    made["Subject"] = written.subject
    made["Date"] = format_datetime(now)
    made["Message-ID"] = f"<{mail_id}.{int(queued_at.timestamp())}@{address.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(written.text)
    made.add_alternative(written.html, subtype="html")
    made["Content-Language"] = written.language
    return made


def _address(name: str, address: str) -> Address:
    """Return a mailbox with a name that stays on its line."""
    return Address(display_name=one_line(name), addr_spec=address)
