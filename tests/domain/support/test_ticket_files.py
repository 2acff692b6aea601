"""Files of tickets as the database keeps them: whose each is, who sees it, how many there may be, what is swept."""

import asyncio
from io import BytesIO
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from guildhall.core import clock, db
from guildhall.core.actor import system
from guildhall.core.errors import Invalid
from guildhall.domain.files import files
from guildhall.domain.files.store import opened
from guildhall.domain.support import attaching, tickets
from support_console import SUPPORT, ticket_of
from support_ticket_files import ADMIN, PDF, kept, links, send
from support_world import World

pytestmark = pytest.mark.anyio


async def test_of_two_that_send_the_last_file_at_once_one_is_refused(world: World) -> None:
    tenant = world.tenant("acme-fiber")
    ticket = ticket_of(world, tenant)
    world.sql(
        "INSERT INTO tenancy.ticket_file"
        " (id, tenant_id, ticket_id, name, media_type, size_bytes, author_kind, author_name)"
        " SELECT gen_random_uuid(), %s, %s, 'x.txt', 'text/plain', 1, 'platform', 'X'"
        " FROM generate_series(1, %s - (SELECT count(*)::int FROM tenancy.ticket_file WHERE ticket_id = %s) - 1)",
        tenant,
        ticket,
        attaching.MOST_IN_TICKET,
        ticket,
    )
    actor, now = await world.actor(ADMIN, "customers"), clock.now()
    sent = [attaching.Upload("x.txt", BytesIO(b"x"))]
    both = [await attaching.keep(actor, ticket, sent, now=now) for _ in range(2)]

    async def attach(kept_files: list[attaching.Kept]) -> None:
        async with db.transaction(actor) as connection:
            about = await tickets.get(connection, actor, ticket, now=now)
            await attaching.attach(connection, actor, about, kept_files, is_internal=False, now=now)

    done = await asyncio.gather(*(attach(each) for each in both), return_exceptions=True)
    (refusal,) = [each for each in done if each is not None]
    assert isinstance(refusal, Invalid)
    assert refusal.errors == {"files": "This ticket holds as many files as it may"}
    found = world.sql("SELECT count(*) FROM tenancy.ticket_file WHERE ticket_id = %s", ticket)
    assert found[0]["count"] == attaching.MOST_IN_TICKET


async def test_who_may_not_write_in_a_customer_learns_nothing_of_its_files(demo: World) -> None:
    asked = text("SELECT portal.file_room(:tenant, 0, 0)")
    for email, label, tenant in (
        (SUPPORT, "partners", demo.unlinked("northwind")),
        (ADMIN, "customers", demo.tenant("thistle")),
    ):
        with pytest.raises(DBAPIError, match="nobody keeps files here"):
            async with db.transaction(await demo.actor(email, label)) as connection:
                await connection.execute(asked, {"tenant": tenant})


async def test_a_file_that_was_never_attached_is_swept_and_others_stay(world: World) -> None:
    tenant = world.tenant("acme-fiber")
    ticket = ticket_of(world, tenant)
    customer = await world.sign_in(ADMIN, "customers")
    before = kept(world)
    await send(customer, f"/tickets/{ticket}", PDF, content="Stays")
    lost = world.sql(
        "INSERT INTO portal.file (id, tenant_id, created_by, name, media_type, expires_at)"
        " VALUES (gen_random_uuid(), %s, gen_random_uuid(), 'lost.pdf', 'application/pdf', now() - interval '1 hour')"
        " RETURNING id",
        tenant,
    )[0]["id"]
    async with files.writing(lost) as written:
        await written.write(b"nobody's")
    assert await files.tidy(system("files.tidy")) == 1
    assert kept(world) == (before[0] + 1, before[1] + 1)
    with pytest.raises(LookupError):
        _ = [piece async for piece in opened().read(files.key_of(lost))]
    (link,) = links(await customer.get(f"/tickets/{ticket}"))
    assert (await customer.get(link)).content == PDF[1]


@pytest.mark.parametrize(
    ("email", "label", "seen"),
    [
        (SUPPORT, "partners", {"speedtest.log", "line-levels.csv", "field-notes.txt"}),
        ("auditor@veritas.example", "partners", {"speedtest.log", "line-levels.csv"}),
        ("principal@alderfinch.example", "partners", set()),
        (ADMIN, "customers", {"speedtest.log", "line-levels.csv"}),
        ("admin@thistle.example", "customers", set()),
    ],
)
async def test_the_database_itself_shows_each_side_no_more(demo: World, email: str, label: str, seen: set[str]) -> None:
    async with db.transaction(await demo.actor(email, label)) as connection:
        for table in ("tenancy.ticket_file", "portal.file WHERE tenant_id IS NOT NULL"):
            assert set((await connection.execute(text(f"SELECT name FROM {table}"))).scalars()) == seen


async def test_the_database_takes_no_file_in_another_s_name_nor_an_internal_one_of_a_customer(demo: World) -> None:
    row = (
        "INSERT INTO tenancy.ticket_file (id, tenant_id, ticket_id, name, media_type, size_bytes, is_internal,"
        " author_kind, author_id, author_name, comment_id) VALUES (:file, :tenant, :ticket, 'x.txt', 'text/plain', 1,"
        " :internal, 'customer_user', :author, 'X', :comment)"
    )
    actor = await demo.actor(ADMIN, "customers")
    own, said = demo.sql(
        "SELECT ticket_id, id FROM tenancy.ticket_comment WHERE tenant_id = %s AND NOT is_internal"
        " AND author_id IS DISTINCT FROM %s ORDER BY id LIMIT 1",
        actor.tenant_id,
        actor.user_id,
    )[0].values()
    foreign = demo.sql("SELECT id FROM tenancy.ticket WHERE tenant_id <> %s LIMIT 1", actor.tenant_id)[0]["id"]
    theirs = demo.sql("SELECT id FROM tenancy.ticket_file WHERE tenant_id = %s LIMIT 1", actor.tenant_id)[0]["id"]
    right = {"internal": False, "author": actor.user_id, "ticket": own, "tenant": actor.tenant_id, "comment": None}
    comment = (
        "INSERT INTO tenancy.ticket_comment (id, tenant_id, ticket_id, content, author_kind, author_id, author_name)"
        " VALUES (gen_random_uuid(), :tenant, :ticket, 'X', 'customer_user', :author, 'X') RETURNING id"
    )
    other = demo.sql("SELECT id FROM tenancy.ticket WHERE tenant_id = %s AND id <> %s", actor.tenant_id, own)[0]["id"]

    async def attached(values: dict[str, object], about: UUID | None = None) -> None:
        async with db.transaction(actor) as connection:
            undone = await connection.begin_nested()
            if about is not None:
                values = {"comment": await connection.scalar(text(comment), right | {"ticket": about})}
            named = {"name": "x.txt", "media_type": "text/plain", "tenant_id": actor.tenant_id}
            mine = await files.announce(connection, actor, **named)
            await connection.execute(text(row), right | {"file": mine} | values)
            await undone.rollback()

    await attached({})
    await attached({}, own)
    with pytest.raises(DBAPIError, match="row-level security"):
        await attached({}, other)
    for wrong in (
        {"comment": said},
        {"internal": True},
        {"author": UUID(int=1)},
        {"ticket": foreign},
        {"file": theirs},
    ):
        with pytest.raises(DBAPIError, match="row-level security"):
            await attached(wrong)
