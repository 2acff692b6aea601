"""Webhook endpoints of the demo's first partner: one that works, one in trouble, one that is gone; with their logs.

The platform has one that works, and one that was switched off.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg.types.json import Jsonb

from guildhall.domain.webhooks import signing
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.demo_partners import BY_SLUG
from guildhall.worlds.demo_tenants import Tenant
from guildhall.worlds.ground import Connection, copy, made_id, midnight

_OWNER, _LEAD = "principal@northwind.example", "lead@halcyon.example"
_STATUS, _BREACH = "partner.tenant.status_changed", "partner.tenant.sla_breach"


class _Cast(Struct, frozen=True):
    """One endpoint: its name in ids, address, purpose, events, age in days, why it is off, and whose."""

    name: str
    url: str
    description: str
    events: list[str]
    age: int
    off: str = ""
    failing: bool = False
    platform: bool = False

    @property
    def partner_id(self) -> UUID | None:
        """Return whose it is."""
        return None if self.platform else BY_SLUG["northwind"].id

    @property
    def by(self) -> str:
        """Return who added it."""
        return full_name(_LEAD if self.platform else _OWNER)


_CAST = (
    _Cast("desk", "https://hooks.northwind.example/customers", "Service desk", [_STATUS], 210),
    _Cast(
        "chat", "https://chat.northwind.example/alerts", "Alerts into the team chat", [_BREACH], 60, "", failing=True
    ),
    _Cast("old", "https://old.northwind.example/links", "Former CRM", ["partner.link.*"], 320, "gone"),
    _Cast(
        "provisioning",
        "https://hooks.halcyon.example/subscribers",
        "Provisioning",
        ["platform.subscriber.*"],
        150,
        platform=True,
    ),
    _Cast(
        "helpdesk",
        "https://hooks.halcyon.example/tickets",
        "Former help desk",
        ["platform.ticket.*"],
        300,
        "partner",
        platform=True,
    ),
)
_BY_NAME = {one.name: one for one in _CAST}


def seed_webhooks(connection: Connection, cast: Sequence[Tenant], today: date) -> None:
    """Write endpoints, secrets that nobody knows, and what was sent to them."""
    now = midnight(today)
    copy(
        connection,
        "portal.webhook_endpoint",
        "id partner_id url description events status disabled_for disabled_at failing_since created_by created_at"
        " updated_at",
        (_endpoint(one, now) for one in _CAST),
    )
    copy(
        connection,
        "portal.webhook_secret",
        "id endpoint_id partner_id sealed hint created_by created_at",
        (
            (
                made_id("webhook_secret", one.name),
                made_id("webhook_endpoint", one.name),
                one.partner_id,
                signing.sealed(signing.new_secret()),
                made_id("hint", one.name).hex[:4],
                one.by,
                now - timedelta(days=one.age),
            )
            for one in _CAST
        ),
    )
    log = [*_taken(cast, now), *_refused(cast, now), *_followed(cast, now)]
    copy(
        connection,
        "portal.webhook_event",
        "id partner_id kind tenant_id data created_at",
        (
            (made_id("webhook_event", key), _BY_NAME[name].partner_id, kind, data.get("tenant_id"), _json(data), at)
            for key, name, kind, data, at, _ in log
        ),
    )
    copy(
        connection,
        "portal.webhook_delivery",
        "id partner_id endpoint_id event_id status attempts response_status next_at first_at last_at created_at",
        (_delivery(key, name, at, status) for key, name, _, _, at, status in log),
    )
    copy(
        connection,
        "portal.webhook_attempt",
        "id partner_id delivery_id at milliseconds response_status response",
        (_attempt(key, name, at, status) for key, name, _, _, at, status in log),
    )


_Logged = tuple[str, str, str, dict[str, Any], datetime, int]


def _taken(cast: Sequence[Tenant], now: datetime) -> Iterator[_Logged]:
    """Yield what the working endpoint was told: a customer that was suspended and came back."""
    for number, (status, before, days) in enumerate(
        (("suspended", "active", 19), ("active", "suspended", 16), ("active", "trial", 5))
    ):
        data = _about(cast[number]) | {"status": status, "previous_status": before}
        yield f"taken {number}", "desk", _STATUS, data, now - timedelta(days=days, hours=7), 204


def _refused(cast: Sequence[Tenant], now: datetime) -> Iterator[_Logged]:
    """Yield what the endpoint in trouble did not take."""
    for number in range(2):
        said = {"kind": "sla.ticket", "severity": "critical"}
        data = _about(cast[number]) | {"alert_id": str(made_id("alert", f"webhook {number}"))} | said
        yield f"refused {number}", "chat", _BREACH, data, now - timedelta(hours=15 - number), 502


def _followed(cast: Sequence[Tenant], now: datetime) -> Iterator[_Logged]:
    """Yield what the platform's endpoint was told: subscribers that a partner suspended, and one that came back."""
    for number, (step, status) in enumerate((("suspended", "suspended"), ("activated", "active"))):
        data = _about(cast[1]) | {
            "tenant_external_id": None,
            "subscriber_id": str(made_id("subscriber", "webhook")),
            "external_id": None,
            "status": status,
            "previous_status": "active" if status == "suspended" else "suspended",
            "side": "partner",
            "partner_id": BY_SLUG["northwind"].id,
        }
        at = now - timedelta(days=9 - number * 4, hours=11)
        yield f"followed {number}", "provisioning", f"platform.subscriber.{step}", data, at, 204


def _about(tenant: Tenant) -> dict[str, Any]:
    return {"tenant_id": tenant.id, "tenant_name": tenant.name}


def _json(data: dict[str, Any]) -> Jsonb:
    return Jsonb({name: value if value is None else str(value) for name, value in data.items()})


def _endpoint(one: _Cast, now: datetime) -> tuple[object, ...]:
    born, ended = now - timedelta(days=one.age), now - timedelta(days=41)
    return (
        made_id("webhook_endpoint", one.name),
        one.partner_id,
        one.url,
        one.description,
        one.events,
        "disabled" if one.off else "active",
        one.off,
        ended if one.off else None,
        now - timedelta(hours=15) if one.failing else None,
        one.by,
        born,
        ended if one.off else born,
    )


def _delivery(key: str, name: str, at: datetime, status: int) -> tuple[object, ...]:
    taken = status == 204  # noqa: PLR2004
    return (
        made_id("webhook_delivery", key),
        _BY_NAME[name].partner_id,
        made_id("webhook_endpoint", name),
        made_id("webhook_event", key),
        "delivered" if taken else "waiting",
        1 if taken else 6,
        status,
        None if taken else at + timedelta(hours=33),
        at,
        at if taken else at + timedelta(hours=8),
        at,
    )


def _attempt(key: str, name: str, at: datetime, status: int) -> tuple[object, ...]:
    return (
        made_id("webhook_attempt", key),
        _BY_NAME[name].partner_id,
        made_id("webhook_delivery", key),
        at,
        140 if status == 204 else 2210,  # noqa: PLR2004
        status,
        "" if status == 204 else "Bad gateway",  # noqa: PLR2004
    )
