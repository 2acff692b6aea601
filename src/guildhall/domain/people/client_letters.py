"""Letters about API clients, to every principal of the partner who has come, in the own language."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.i18n import N_
from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.outbox import post
from guildhall.domain.people import principals

_UNWANTED = N_("If nobody of you wanted this, revoke the client at once.")
_ENDS = (
    N_("The API client “%(client)s” works until %(until)s. After that, its tokens and secrets are refused."),
    N_("To keep it, choose a later end. To let it go, do nothing."),
)
# Kind -> subject and paragraphs; `%(…)s` are values.
_TEXTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "client.set_up": (
        N_("New API client: %(client)s"),
        (
            N_("%(by)s set up the API client “%(client)s”. It works until %(until)s and may act for you by itself."),
            _UNWANTED,
        ),
    ),
    "client.secret_made": (
        N_("New secret for the API client %(client)s"),
        (
            N_("%(by)s made a new secret for the API client “%(client)s”. Older secrets stop at the time chosen."),
            _UNWANTED,
        ),
    ),
    "client.changed": (
        N_("API client changed: %(client)s"),
        (
            N_("%(by)s changed the API client “%(client)s” and answers for it. The portal shows what it may do now."),
            _UNWANTED,
        ),
    ),
    "client.revoked": (
        N_("API client revoked: %(client)s"),
        (N_("%(by)s revoked the API client “%(client)s”. Its tokens and secrets are refused from now on."),),
    ),
    "client.ends_soon": (N_("The API client %(client)s ends in %(days)s days"), _ENDS),
    "client.ends_tomorrow": (N_("The API client %(client)s ends tomorrow"), _ENDS),
    "client.ends_today": (N_("The API client %(client)s ends today"), _ENDS),
}


async def tell_principals(
    connection: AsyncConnection, kind: str, *, partner_id: UUID, client_id: UUID, values: Mapping[str, str]
) -> None:
    """Post a letter of `kind` about a client to every active principal of its partner who has come once."""
    subject, paragraphs = _TEXTS[kind]
    for row in await principals.addressed(connection, partner_id):
        letter = Letter(
            kind=kind,
            to=row.email,
            name=row.name,
            language=row.language,
            subject=subject,
            paragraphs=paragraphs,
            values=values,
            link=("partners", f"/clients/{client_id}"),
            button=N_("Open the client"),
        )
        await post(connection, letter)
