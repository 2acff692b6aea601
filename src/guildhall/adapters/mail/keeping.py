"""The carrier of an installation without an SMTP server, and of tests: letters stay where staff can read them."""

from email.message import EmailMessage

from guildhall.domain.mail.office import Carried


class Keeping:
    """Carries nothing."""

    async def carry(self, _message: EmailMessage) -> Carried:
        """Keep the letter."""
        return "kept"
