"""What a partner promises a customer on a link, and from when on it wants to be warned; both hold at once (0038).

They open nothing, so nobody approves them. The customer reads what it was promised, and is told when that changes.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import ARRAY, Text, cast, func, literal, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, Invalid
from guildhall.core.i18n import N_
from guildhall.core.money import Money, money
from guildhall.domain.access.links import Link, must
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.access.writes import expire_if_overdue, guarded, standing_link
from guildhall.domain.audit.trail import Action, Target, record

CHANGE = "partner.links.request"
MONEY = "partner.money.read"
LONGEST_RESPONSE = 720  # hours
_LARGEST = Decimal(10) ** 14
_ALL, _FINEST = 100, Decimal("0.001")  # percent
_CURRENCY = re.compile(r"[A-Z]{3}")


class Settings(Struct, frozen=True, kw_only=True):
    """What is to be set; what is UNSET stays as it is, and None takes it away.

    `response_hours`: the first answer to a ticket, within 1 to 720 hours. `uptime_target`: in percent, to a
    thousandth. `sla_breach`: whether alerts about either are wanted. `billing_threshold`: from which amount owed on.
    """

    response_hours: int | UnsetType | None = UNSET
    uptime_target: Decimal | UnsetType | None = UNSET
    sla_breach: bool | UnsetType = UNSET
    billing_threshold: Money | UnsetType | None = UNSET


async def change(actor: Actor, *, link_id: UUID, wanted: Settings, if_version: int | None = None) -> None:
    """Set what is promised and watched on a standing link; nothing happens where nothing differs.

    Raises Forbidden without the permission, and for an amount by whoever sees none; NotFound for a link that is not the
    actor's; Invalid naming every field at fault; Conflict for a link that does not stand; PreconditionFailed where
    `if_version` is given and not the link's version.
    """
    must(actor, CHANGE)
    if wanted.billing_threshold is not UNSET and not actor.may(MONEY):
        raise Forbidden
    if wrong := errors(wanted):
        raise Invalid(errors=wrong)
    await expire_if_overdue(actor, link_id)
    async with db.transaction(actor) as connection:
        current = await standing_link(connection, actor, link_id, if_version)
        promised = _differing(current.sla_config, _promised(wanted))
        watched = _differing(current.alert_config, _watched(wanted))
        if promised or watched:
            await _write(connection, actor, current, promised, watched)


def errors(wanted: Settings) -> dict[str, str]:
    """Return what is wrong, field by field."""
    found = {}
    if isinstance(wanted.response_hours, int) and not 1 <= wanted.response_hours <= LONGEST_RESPONSE:
        found["response_hours"] = N_("Give 1 to 720 hours")
    target = wanted.uptime_target
    if isinstance(target, Decimal) and not _percentage(target):
        found["uptime_target"] = N_("Give a percentage up to 100, with three decimals at most")
    if isinstance(wanted.billing_threshold, Money):
        found |= _threshold_errors(wanted.billing_threshold)
    return found


def _threshold_errors(threshold: Money) -> dict[str, str]:
    """Return what is wrong with an amount and its currency."""
    amount, currency = threshold.amount, threshold.currency
    if not _CURRENCY.fullmatch(currency):
        return {"billing_threshold.currency": N_("Give the three letters of a currency, as in EUR")}
    if not (amount.is_finite() and 0 < amount < _LARGEST):
        return {"billing_threshold.amount": N_("Give an amount above zero")}
    if money(amount, currency).amount != amount:
        return {"billing_threshold.amount": N_("This currency has fewer decimals")}
    return {}


def _percentage(number: Decimal) -> bool:
    """Return whether a number is above 0 and at most 100, with three decimals at most."""
    return number.is_finite() and 0 < number <= _ALL and number == number.quantize(_FINEST)


def _promised(wanted: Settings) -> dict[str, Any]:
    """Return what is to be set of `sla_config`; None is to be taken away."""
    target = wanted.uptime_target
    given = {
        "response_hours": wanted.response_hours,
        "uptime_target": float(target) if isinstance(target, Decimal) else target,
    }
    return {name: value for name, value in given.items() if value is not UNSET}


def _watched(wanted: Settings) -> dict[str, Any]:
    """Return what is to be set of `alert_config`; None is to be taken away."""
    threshold = wanted.billing_threshold
    if isinstance(threshold, Money):
        exact = money(threshold.amount, threshold.currency)
        given: dict[str, Any] = {"billing_threshold": {"amount": f"{exact.amount:f}", "currency": exact.currency}}
    else:
        given = {"billing_threshold": threshold}
    given["sla_breach"] = wanted.sla_breach
    return {name: value for name, value in given.items() if value is not UNSET}


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of `after` is not so `before`; whether alerts are wanted is so where nothing says otherwise."""
    standing = {"sla_breach": True} | dict(before)
    return {name: value for name, value in after.items() if standing.get(name) != value}


async def _write(
    connection: AsyncConnection, actor: Actor, current: Link, promised: Mapping[str, Any], watched: Mapping[str, Any]
) -> None:
    """Write both, unless somebody else changed the link meanwhile, and record each where it belongs.

    A promise is in both sides' trails. When the partner wants to be warned is its own affair, and in its trail alone.
    """
    columns = {"sla_config": promised, "alert_config": watched}
    statement = (
        update(link)
        .where(link.c.id == current.id, link.c.version == current.version)
        .values(
            **{name: _merged(name, given) for name, given in columns.items() if given},
            version=link.c.version + 1,
            updated_by=actor.name,
            updated_at=func.now(),
        )
        .returning(link.c.id)
    )
    if (await guarded(connection, statement)).first() is None:
        raise Conflict("Somebody changed this link meanwhile; look at it again")
    for action, before, given, partners_own in (
        (Action.LINK_PROMISED, current.sla_config, promised, False),
        (Action.LINK_WATCHED, current.alert_config, watched, True),
    ):
        if given:
            await record(
                connection,
                actor,
                action=action,
                target=Target("link", current.id),
                partner_id=current.partner_id,
                tenant_id=current.tenant_id,
                changes={name: _told(name, before.get(name), value) for name, value in given.items()},
                partners_own=partners_own,
            )


def _told(name: str, before: Any, after: Any) -> Any:
    """Return a change as the trail tells it, which staff read too: of an amount, only what became of it."""
    if name != "billing_threshold":
        return [before, after]
    return "removed" if after is None else "changed" if before else "set"


def _merged(name: str, given: Mapping[str, Any]) -> Any:
    """Return a document with `given` written over it, so that what the actor may not see of it stays."""
    gone = [key for key, value in given.items() if value is None]
    kept = {key: value for key, value in given.items() if value is not None}
    without = link.c[name].op("-")(cast(literal(gone, ARRAY(Text)), ARRAY(Text)))
    return without.op("||")(cast(literal(msgspec.json.encode(kept).decode(), Text), JSONB))
