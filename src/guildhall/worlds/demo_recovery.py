"""Recovery codes of the people of the demo, some used; and one recovery that waits for a second member of staff."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from guildhall.domain.people.recovery_codes import COUNT, kept
from guildhall.worlds.ground import Connection, Row, chance, copy, made_id

_KINDS = (("portal", "partner"), ("portal", "staff"), ("tenancy", "customer"))
_LOST, _ASKED_BY = "principal@bluepeak.example", "partner_manager@halcyon.example"


def seed_recovery(connection: Connection, now: datetime) -> None:
    """Write the codes of everybody who has a password, and the request, as of `now`."""
    for schema, kind in _KINDS:
        people = f"SELECT id FROM {schema}.{kind}_user WHERE password_hash IS NOT NULL ORDER BY id"
        ids = [row[0] for row in connection.execute(people.encode()).fetchall()]
        table, columns = f"{schema}.{kind}_recovery_code", "id user_id code_hash used_at created_at"
        copy(connection, table, columns, _codes(ids, now))
    connection.execute(
        "INSERT INTO portal.partner_recovery (id, user_id, reason, asked_by_id, asked_by_name, created_at)"
        " SELECT %s, u.id, %s, s.id, s.name, %s FROM portal.partner_user AS u, portal.staff_user AS s"
        " WHERE u.email = %s AND s.email = %s",
        (
            made_id("partner_recovery", _LOST),
            "Phone stolen at a trade fair. She called from the office number that we have on file.",
            now - timedelta(hours=3),
            _LOST,
            _ASKED_BY,
        ),
    )


def _codes(ids: list[UUID], now: datetime) -> Iterator[Row]:
    """Yield ten codes for each person; nobody knows them, and one person in four has used some."""
    for user_id in ids:
        luck = chance("recovery", user_id)
        used = luck.choice((0, 0, 0, luck.randint(1, 8)))
        for number in range(COUNT):
            code = f"{luck.getrandbits(64):016x}"
            moment = now - timedelta(days=luck.randint(1, 90)) if number < used else None
            yield made_id("recovery", user_id, number), user_id, kept(user_id, code), moment, now - timedelta(days=120)
