"""How each surface finds its own kind of people, and no other kind (PRODUCT §2)."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import Table, TextClause, text

from guildhall.core.actor import DbRole, Kind, Surface
from guildhall.domain.people.tables import (
    customer_session,
    customer_user,
    partner_session,
    partner_user,
    staff_session,
    staff_user,
)


class Door(Struct, frozen=True):
    """One surface's way in: its role, its kind of people, their table, their sessions, and two doors in SQL."""

    surface: Surface
    role: DbRole
    kind: Kind
    person: Table
    session: Table
    login: TextClause
    found: TextClause
    session_kind: str = "browser"


_PARTNER_LOGIN = text("SELECT * FROM portal.find_partner_login(:email)")
_PARTNER_FOUND = text("SELECT * FROM portal.find_partner_session(:token, :session, :kind, :tenant)")

DOORS: Mapping[Surface, Door] = {
    Surface.CONSOLE: Door(
        Surface.CONSOLE,
        DbRole.PARTNER,
        Kind.PARTNER_USER,
        partner_user,
        partner_session,
        _PARTNER_LOGIN,
        _PARTNER_FOUND,
    ),
    Surface.API: Door(
        Surface.API,
        DbRole.PARTNER,
        Kind.PARTNER_USER,
        partner_user,
        partner_session,
        _PARTNER_LOGIN,
        _PARTNER_FOUND,
        "api",
    ),
    Surface.STAFF: Door(
        Surface.STAFF,
        DbRole.STAFF,
        Kind.STAFF_USER,
        staff_user,
        staff_session,
        text("SELECT * FROM portal.find_staff_login(:email)"),
        text("SELECT * FROM portal.find_staff_session(:token)"),
    ),
    Surface.CUSTOMER: Door(
        Surface.CUSTOMER,
        DbRole.CUSTOMER,
        Kind.CUSTOMER_USER,
        customer_user,
        customer_session,
        text("SELECT * FROM tenancy.find_customer_login(:email)"),
        text("SELECT * FROM tenancy.find_customer_session(:token)"),
    ),
}


def session_columns(door: Door, login: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a new session of this door holds beside the common columns."""
    if door.surface is Surface.CUSTOMER:
        return {"tenant_id": login["tenant_id"]}
    return {"kind": door.session_kind} if door.kind is Kind.PARTNER_USER else {}
