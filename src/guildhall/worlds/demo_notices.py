"""Notices that wait for the people of the demo."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from guildhall.worlds.demo_customers import WITHOUT_APPROVER
from guildhall.worlds.demo_links import Link
from guildhall.worlds.ground import Connection, copy, made_id, midnight

_SOON = timedelta(days=30)
_ASKS_FOR_MORE = ("northwind", "blue-mesa")


def seed_notices(connection: Connection, links: list[Link], today: date) -> None:
    """Write the notices of links that end soon, wait for an answer, were answered or were stopped."""
    copy(
        connection,
        "portal.notice",
        "id audience audience_id kind link_id tenant_id values dedupe created_at told_at",
        (row for link in links for row in _of(link, midnight(today))),
    )


def _of(link: Link, now: datetime) -> Iterator[tuple[object, ...]]:
    tenant = link.tenant.id if link.tenant else None
    if link.live and link.ends_at and link.ends_at - now <= _SOON:
        for days in (30, 7):
            at = link.ends_at - timedelta(days=days)
            for side, whom in (("partner", link.partner.id), ("tenant", tenant)):
                # The worker's own key, so that it does not warn of the same once more.
                key = f"link_ends:{link.id}:{link.ends_at.date()}:{days}"
                yield _row(link, side, whom, "link.ends_soon", at, key, days=days)
    elif (link.partner.slug, link.slug) == _ASKS_FOR_MORE:
        yield _row(link, "tenant", tenant, "link.change_asked", now - timedelta(days=2))
    elif link.status == "requested" and link.tenant is not None:
        yield _row(link, "tenant", tenant, "link.requested", link.created_at)
        if link.slug == WITHOUT_APPROVER:
            yield _row(link, "staff", None, "link.no_approver", link.created_at)
    elif link.status in {"declined", "countered", "revoked", "paused", "expired"} and link.decided_at:
        at = max(link.decided_at, now - timedelta(days=5))
        yield _row(link, "partner", link.partner.id, f"link.{link.status}", at)


def _row(
    link: Link, side: str, whom: UUID | None, kind: str, at: datetime, key: str = "", **values: int
) -> tuple[object, ...]:
    known = link.tenant if side != "partner" or link.status not in {"requested", "declined"} else None
    text = {"tenant": known.name if known else f"{link.slug}.example"} if side != "tenant" else {}
    text |= {"partner": link.partner.name} if side != "partner" else {}
    dedupe = key or f"{kind}:{link.id}"
    return (
        made_id("notice", side, dedupe),
        side,
        whom,
        kind,
        link.id,
        known.id if known else None,
        Jsonb(text | values),
        dedupe,
        at,
        at,
    )
