"""What staff do with partner accounts: entrust a subscriber of its home tenant to a partner, and end that."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.core.ids import new_id, parse_id
from guildhall.domain.access.tables import partner_account as account
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.partners.tables import partner
from guildhall.domain.provisioning.accounts import ENGAGEMENTS, get
from guildhall.domain.tenancy.tables import subscriber

BEGIN, END = "staff.accounts.begin", "staff.accounts.end"
LONGEST_REASON = 2000
_ENTRUSTED = (
    select(account.c.id)
    .where(account.c.subscriber_id == subscriber.c.id, account.c.status == "active")
    .correlate(subscriber)
    .exists()
)


class Candidate(Struct, frozen=True, kw_only=True):
    """A subscriber that can be entrusted, unless `entrusted`: somebody looks after it already."""

    id: UUID
    name: str
    email: str
    plan: str
    status: str
    entrusted: bool


_CANDIDATE = [*(subscriber.c[name] for name in Candidate.__struct_fields__ if name in subscriber.c)]


async def candidates(
    connection: AsyncConnection,
    actor: Actor,
    home_tenant_id: UUID,
    *,
    search: str = "",
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[Candidate], int]:
    """Return one page of a home tenant's subscribers by name, and how many there are; raises Forbidden.

    `search` is a part of the name or the address, or the whole id.
    """
    _must(actor, BEGIN)
    where = [subscriber.c.tenant_id == home_tenant_id, *_found(search)]
    rows = await connection.execute(
        select(*_CANDIDATE, _ENTRUSTED.label("entrusted"))
        .where(*where)
        .order_by(subscriber.c.name, subscriber.c.id)
        .limit(limit)
        .offset(offset)
    )
    total = await connection.scalar(select(func.count()).select_from(subscriber).where(*where))
    return [Candidate(**row) for row in rows.mappings()], total or 0


def _found(search: str) -> list[ColumnElement[bool]]:
    """Return the condition that a subscriber is looked for."""
    if (named := parse_id(search)) is not None:
        return [subscriber.c.id == named]
    columns = (subscriber.c.name, subscriber.c.email)
    return [or_(*(column.icontains(search, autoescape=True) for column in columns))] if search else []


async def candidate(connection: AsyncConnection, actor: Actor, home_tenant_id: UUID, subscriber_id: UUID) -> Candidate:
    """Return one subscriber of a home tenant; raises Forbidden, NotFound."""
    found, _ = await candidates(connection, actor, home_tenant_id, search=str(subscriber_id))
    if not found:
        raise NotFound
    return found[0]


async def begin(
    actor: Actor, *, partner_id: UUID, subscriber_id: UUID, engagement_type: str, reason: str, now: datetime
) -> UUID:
    """Entrust a subscriber of a partner's home tenant to it; the partner is told. Returns the account's id.

    Needs a fresh second factor. Raises Invalid by field, NotFound, and Conflict where the partner is not active or has
    no home tenant, or somebody looks after the subscriber already.
    """
    _must(actor, BEGIN)
    require_fresh(actor, now=now)
    errors = _reasoned(reason) | (
        {} if engagement_type in ENGAGEMENTS else {"engagement_type": "Choose one of the list"}
    )
    if errors:
        raise Invalid(errors=errors)
    async with db.transaction(actor) as connection:
        home = await _home(connection, partner_id)
        whom = await candidate(connection, actor, home, subscriber_id)
        made = new_id()
        values = {
            "id": made,
            "partner_id": partner_id,
            "home_tenant_id": home,
            "subscriber_id": whom.id,
            "engagement_type": engagement_type,
            "created_by": actor.name,
        }
        try:
            await connection.execute(insert(account).values(values))
        except IntegrityError:
            raise Conflict("Somebody looks after this subscriber already") from None
        await record(
            connection,
            actor,
            action=Action.ACCOUNT_BEGUN,
            target=Target("partner_account", made),
            partner_id=partner_id,
            tenant_id=home,
            changes={"subscriber": str(whom.id), "engagement_type": engagement_type},
            reason=reason.strip(),
        )
    return made


async def _home(connection: AsyncConnection, partner_id: UUID) -> UUID:
    """Return the home tenant of a partner that can look after subscribers; nobody names another one meanwhile."""
    columns = (partner.c.status, partner.c.home_tenant_id)
    locked = select(*columns).where(partner.c.id == partner_id).with_for_update(read=True)
    found = (await connection.execute(locked)).mappings().first()
    if found is None:
        raise NotFound(code="PARTNER_NOT_FOUND")
    home: UUID | None = found["home_tenant_id"]
    if found["status"] != "active" or home is None:
        raise Conflict("Only an active partner with a home tenant looks after subscribers")
    return home


async def end(actor: Actor, *, partner_id: UUID, account_id: UUID, reason: str, now: datetime) -> None:
    """End an account: from the partner's next request its subscriber is no longer there to see. The partner is told.

    Needs a fresh second factor. Raises Invalid (`reason`), NotFound, Conflict where it has ended already.
    """
    _must(actor, END)
    require_fresh(actor, now=now)
    if errors := _reasoned(reason):
        raise Invalid(errors=errors)
    async with db.transaction(actor) as connection:
        current = await get(connection, actor, account_id, partner_id=partner_id)
        ended = update(account).where(account.c.id == account_id, account.c.status == "active")
        written = await connection.execute(ended.values(status="ended", ended_at=now).returning(account.c.id))
        if written.first() is None:
            raise Conflict("This account has ended already")
        await record(
            connection,
            actor,
            action=Action.ACCOUNT_ENDED,
            target=Target("partner_account", account_id),
            partner_id=partner_id,
            tenant_id=current.home_tenant_id,
            changes={"subscriber": str(current.subscriber_id)},
            reason=reason.strip(),
        )


def _reasoned(reason: str) -> dict[str, str]:
    """Return what is wrong with a reason, by field."""
    said = len(reason.strip()) > 0 and len(reason) <= LONGEST_REASON
    return {} if said else {"reason": "Say why, in at most 2000 characters"}


def _must(actor: Actor, permission: str) -> None:
    """Raise Forbidden unless the person holds `permission`."""
    if not actor.may(permission):
        raise Forbidden
