"""Files of tickets: both sides attach and fetch them; internal ones stay inside; an ended link shuts them at once."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.actor import system
from guildhall.core.errors import Invalid
from guildhall.domain.files import files, room
from guildhall.domain.files.store import opened
from guildhall.domain.support import attaching, tickets
from support_console import AUDITOR, SUPPORT, ticket_of, words
from support_world import World, csrf

pytestmark = pytest.mark.anyio
ADMIN = "admin@acme-fiber.example"
API = "/api/v1/partner/support/tickets"
PDF = ("trace.pdf", b"%PDF-1.7 for all", "application/pdf")


async def send(client: httpx.AsyncClient, url: str, *sent: tuple[str, bytes, str], **data: str) -> httpx.Response:
    """Answer in a ticket as a browser would, with files."""
    return await client.post(
        f"{url}/comment", data={"_csrf_token": await csrf(client), **data}, files=[("files", each) for each in sent]
    )


def links(answer: httpx.Response) -> list[str]:
    """Return where a page's files are."""
    return re.findall(r'href="([^"]+/files/[^"]+)"', answer.text)


def kept(world: World) -> tuple[int, int]:
    """Return how many files tickets have, and how many are known at all."""
    row = world.sql(
        "SELECT (SELECT count(*) FROM tenancy.ticket_file) AS attached,"
        " (SELECT count(*) FROM portal.file WHERE tenant_id IS NOT NULL) AS known"
    )[0]
    return row["attached"], row["known"]


def octets(world: World, tenant: UUID, partner: UUID | None = None) -> int:
    """Return how much a tenant's files take up, or those of one partner there."""
    rows = world.sql(
        "SELECT coalesce(sum(size_bytes), 0)::bigint AS octets FROM portal.file WHERE tenant_id = %s"
        " AND (expires_at IS NULL OR expires_at > now()) AND (%s::uuid IS NULL OR partner_id = %s)",
        tenant,
        partner,
        partner,
    )
    return int(rows[0]["octets"])


def trails(world: World, ticket: UUID, action: str) -> set[str]:
    rows = world.sql("SELECT kind FROM portal.audit_entry WHERE action = %s AND target_id = %s", action, str(ticket))
    return {row["kind"] for row in rows}


async def test_each_side_reads_what_the_other_attached_but_no_internal_file(world: World) -> None:
    tenant = world.tenant("acme-fiber")
    ticket = ticket_of(world, tenant)
    partner, customer = await world.sign_in(SUPPORT), await world.sign_in(ADMIN, "customers")
    inside, own = f"/t/{tenant}/tickets/{ticket}", f"/tickets/{ticket}"
    note = ("secret.txt", b"for us alone", "text/plain")
    assert (await send(partner, inside, PDF, content="See the trace", audience="public")).status_code == 303
    assert (await send(partner, inside, note, content="A note", audience="internal")).status_code == 303
    theirs = ("Año.png", b"\x89PNG\r\n\x1a\n....", "image/png")
    assert (await send(customer, own, theirs, content="A photo")).status_code == 303

    page = await partner.get(inside)
    assert all(name in words(page) for name in ("trace.pdf", "secret.txt", "Internal", "Año.png"))
    public, internal, photo = links(page)
    answer = await partner.get(public)
    assert (answer.content, answer.headers["content-type"]) == (PDF[1], "application/pdf")
    assert answer.headers["content-disposition"] == 'attachment; filename="trace.pdf"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "filename*=UTF-8''A%C3%B1o.png" in (await partner.get(photo)).headers["content-disposition"]
    answer = await partner.get(internal)
    assert (answer.content, answer.headers["content-type"]) == (note[1], "text/plain; charset=utf-8")

    page = await customer.get(own)
    assert "secret.txt" not in page.text
    assert len(links(page)) == 2
    assert {(await customer.get(link)).status_code for link in links(page)} == {200}
    hidden = internal.rsplit("/", 1)[1]
    assert (await customer.get(f"{own}/files/{hidden}")).status_code == 404
    assert trails(world, ticket, "ticket.file_fetched") == {"partner", "tenant"}
    said = world.sql("SELECT kind FROM portal.audit_entry WHERE body LIKE %s", "%secret.txt%")
    assert {row["kind"] for row in said} == {"partner"}, "the customer's trail does not know of the internal file"

    auditor = await world.sign_in(AUDITOR)
    assert (await auditor.get(public)).status_code == 200
    assert (await send(auditor, inside, PDF, content="No", audience="public")).status_code == 403
    foreign = await world.sign_in("principal@alderfinch.example")
    assert (await foreign.get(public)).status_code == 404
    other = await world.sign_in("admin@thistle.example", "customers")
    assert (await other.get(f"{own}/files/{hidden}")).status_code == 404

    before = kept(world)
    refused = await send(partner, inside, ("x.html", b"<b>", "text/html"), content="Words & all", audience="public")
    assert refused.status_code == 422
    assert 'id="answer-files-error"' in refused.text
    assert "Words &amp; all" in refused.text
    again = await send(customer, own, PDF, content=" ")
    assert again.status_code == 422
    assert "Choose the files again" in again.text
    many = await send(partner, inside, *[PDF] * 6, content="Too many", audience="public")
    assert many.status_code == 422
    large = await send(partner, inside, ("big.txt", b"x" * 52_000_000, "text/plain"), content="Big", audience="public")
    assert large.status_code == 413
    assert kept(world) == before, "what was refused left nothing"


async def test_nothing_is_read_of_what_somebody_without_a_session_sends(demo: World) -> None:
    path = f"/tickets/{ticket_of(demo, demo.tenant('acme-fiber'))}/comment"
    nobody, read, before = demo.client("customers"), 0, kept(demo)

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(10):
            read += 1
            yield b"x" * 100_000

    turned = await nobody.post(path, content=pieces(), headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (turned.status_code, turned.headers["location"]) == (303, "/sign-in?next=%2F")
    assert read < 2
    assert kept(demo) == before


async def test_over_the_api_a_signed_address_ends_with_the_link(world: World) -> None:
    tenant = world.tenant("acme-fiber")
    ticket = ticket_of(world, tenant)
    client = await world.api(SUPPORT, tenant)
    octets = {"Content-Type": "application/octet-stream"}
    path = f"{API}/{ticket}/attachments"
    made = await client.post(path, content=b"one\ntwo\n", params={"name": "lines.log"}, headers=octets)
    assert made.status_code == 201, made.text
    item = made.json()
    assert (item["name"], item["size_bytes"], item["comment_id"]) == ("lines.log", 8, None)
    assert [each["id"] for each in (await client.get(path)).json()["items"]] == [item["id"]]
    nobody = world.client("api")
    assert (await nobody.get(item["download_url"])).content == b"one\ntwo\n"
    assert (await nobody.get(item["download_url"].split("?", maxsplit=1)[0])).status_code == 401

    before = kept(world)
    for params, headers, content, expected in (
        ({"name": "a.exe"}, octets, b"MZ", (422, "VALIDATION_ERROR")),
        ({}, octets, b"x", (422, "VALIDATION_ERROR")),
        ({"name": "a.txt"}, {"Content-Type": "text/plain"}, b"x", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ({"name": "a.txt"}, octets, b"x" * 10_000_001, (413, "PAYLOAD_TOO_LARGE")),
    ):
        answer = await client.post(path, content=content, params=params, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == expected
    bare = await (await world.api(SUPPORT)).post(path, content=b"x", params={"name": "a.txt"}, headers=octets)
    assert bare.json()["code"] == "TENANT_CONTEXT_REQUIRED"
    assert kept(world) == before, "what was refused left nothing"
    world.sql(
        "UPDATE portal.partner_tenant_link SET permissions = array_remove(permissions, %s) WHERE tenant_id = %s",
        "partner.support.tickets.read",
        tenant,
    )
    assert (await nobody.get(item["download_url"])).status_code == 404
    world.sql("UPDATE portal.partner_tenant_link SET status = 'revoked' WHERE tenant_id = %s", tenant)
    assert (await nobody.get(item["download_url"])).status_code == 404
    assert (await client.get(path)).json()["code"] == "TENANT_ACCESS_DENIED"


async def test_a_file_under_a_key_is_added_once_and_no_slow_store_holds_a_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.tenant("acme-fiber")
    client, path = await world.api(SUPPORT, tenant), f"{API}/{ticket_of(world, tenant)}/attachments"
    more = 12  # than a pool has connections

    async def post(name: str, key: str, content: bytes = b"k") -> httpx.Response:
        headers = {"Content-Type": "application/octet-stream", "Idempotency-Key": key}
        return await client.post(path, content=content, params={"name": name}, headers=headers)

    before, all_there, plain = kept(world), asyncio.Barrier(more), files.writing

    @asynccontextmanager
    async def slow(file_id: UUID) -> AsyncIterator[files.Written]:
        async with asyncio.timeout(20):
            await all_there.wait()
        async with plain(file_id) as written:
            yield written

    with monkeypatch.context() as patched:
        patched.setattr(files, "writing", slow)
        made = await asyncio.gather(*(post(f"{n}.txt", f"key-{n}") for n in range(more)))
    assert {each.status_code for each in made} == {201}
    assert kept(world) == (before[0] + more, before[1] + more)

    again = await post("0.txt", "key-0")
    assert (again.content, again.headers["idempotency-replayed"]) == (made[0].content, "true")
    for name, content in (("1.txt", b"k"), ("0.txt", b"other")):
        refused = await post(name, "key-0", content)
        assert (refused.status_code, refused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    wrong = [await post("a.exe", "wrong") for _ in range(2)]
    assert [each.status_code for each in wrong] == [422, 422]
    assert wrong[1].json()["errors"] == wrong[0].json()["errors"]
    assert kept(world) == (before[0] + more, before[1] + more), "neither is kept again"

    raced = await asyncio.gather(*(post("raced.txt", "race") for _ in range(4)))
    assert {each.status_code for each in raced} <= {201, 409}
    assert len({each.content for each in raced if each.status_code == 201}) == 1
    assert kept(world)[0] == before[0] + more + 1


async def test_a_ticket_is_opened_with_files_on_either_side_once(world: World) -> None:
    tenant = world.tenant("acme-fiber")
    draft = {"subject": "With a trace", "priority": "low", "category": "network", "form_key": str(UUID(int=7))}
    for label, email, path in (
        ("partners", SUPPORT, f"/t/{tenant}/tickets/new"),
        ("customers", ADMIN, "/tickets/new"),
    ):
        client, before = await world.sign_in(email, label), kept(world)
        data = {"_csrf_token": await csrf(client), **draft}
        assert (await client.post(path, data=draft, files=[("files", PDF)])).status_code == 403, "without its token"
        refused = await client.post(path, data=data, files=[("files", ("x.exe", b"MZ", "text/plain"))])
        assert refused.status_code == 422
        assert "With a trace" in refused.text
        assert kept(world) == before
        made = [await client.post(path, data=data, files=[("files", PDF)]) for _ in range(2)]
        assert made[0].headers["location"] == made[1].headers["location"]
        assert kept(world)[0] == before[0] + 1, "the second press attaches nothing"
        (link,) = links(await client.get(made[0].headers["location"]))
        assert (await client.get(link)).content == PDF[1]
    assert len(world.sql("SELECT id FROM tenancy.ticket WHERE subject = 'With a trace'")) == 2


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


async def test_where_a_customers_files_take_up_all_the_room_no_more_are_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.tenant("acme-fiber")
    ticket = ticket_of(world, tenant)
    partner, customer = await world.sign_in(SUPPORT), await world.sign_in(ADMIN, "customers")
    client, path = await world.api(SUPPORT, tenant), f"{API}/{ticket}/attachments"
    lead = await world.sign_in("lead@halcyon.example", "staff")
    (large,) = world.sql(  # of nobody's partner, so that the partner's half is not what ends first
        "INSERT INTO portal.file (id, tenant_id, created_by, name, media_type, state, sha256, size_bytes)"
        " VALUES (gen_random_uuid(), %s, gen_random_uuid(), 'a', 'text/plain', 'ready', sha256(''), 100000)"
        " RETURNING id",
        tenant,
    )
    used = octets(world, tenant)
    monkeypatch.setattr(room, "_most", used + 20)

    async def post() -> httpx.Response:
        kind = {"Content-Type": "application/octet-stream"}
        return await client.post(path, content=b"0123456789abc", params={"name": "a.txt"}, headers=kind)

    both = await asyncio.gather(post(), post())
    assert sorted(each.status_code for each in both) == [201, 422], "of two that fit one by one, the second is refused"
    before = kept(world)
    wrong = (await post()).json()
    said = "There is no room left for your files here. Ask the vendor for more"
    assert (wrong["code"], wrong["errors"]) == ("VALIDATION_ERROR", [{"pointer": "", "message": said}])
    for sender, url in ((partner, f"/t/{tenant}/tickets/{ticket}"), (customer, f"/tickets/{ticket}")):
        refused = await send(sender, url, PDF, content="Words stay", audience="public")
        assert (refused.status_code, said in words(refused), "Words stay" in refused.text) == (422, True, True)
    draft = {"subject": "Full", "priority": "low", "category": "network", "_csrf_token": await csrf(customer)}
    refused = await customer.post("/tickets/new", data=draft, files=[("files", PDF)])
    assert (refused.status_code, said in words(refused)) == (422, True)
    assert kept(world) == before
    page = words(await lead.get(f"/tenants/{tenant}"))
    assert "Files of tickets" in page

    northwind = world.sql("SELECT id FROM portal.partner WHERE slug = 'northwind'")[0]["id"]
    world.sql(
        "UPDATE portal.file SET partner_id = %s, expires_at = now() + interval '1 hour' WHERE id = %s",
        northwind,
        large["id"],
    )
    monkeypatch.setattr(room, "_most", 2 * (octets(world, tenant, northwind) + 20))
    both = await asyncio.gather(post(), post())
    assert sorted(each.status_code for each in both) == [201, 422], "a partner has half of the room at most"
    before = kept(world)
    refused = await send(partner, f"/t/{tenant}/tickets/{ticket}", PDF, content="Half", audience="public")
    assert (refused.status_code, said in words(refused), kept(world)) == (422, True, before)
    done = await send(customer, f"/tickets/{ticket}", PDF, content="The customer has room still")
    assert (done.status_code, kept(world)) == (303, (before[0] + 1, before[1] + 1))


async def test_a_refusal_for_want_of_room_gives_way_to_the_answer_under_the_same_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.tenant("acme-fiber")
    client, path = await world.api(SUPPORT, tenant), f"{API}/{ticket_of(world, tenant)}/attachments"
    before, plain, first = kept(world), room.fits, list[httpx.Response]()

    async def post(key: str) -> httpx.Response:
        headers = {"Content-Type": "application/octet-stream", "Idempotency-Key": key}
        return await client.post(path, content=b"once", params={"name": "a.txt"}, headers=headers)

    async def full(connection: AsyncConnection, tenant_id: UUID, more: int) -> bool:
        return False

    async def overtaken(connection: AsyncConnection, tenant_id: UUID, more: int) -> bool:
        monkeypatch.setattr(room, "fits", plain)
        first.append(await post("overtaken"))
        return False

    monkeypatch.setattr(room, "fits", overtaken)
    second = await post("overtaken")
    assert (first[0].status_code, second.status_code, second.content) == (201, 201, first[0].content)
    monkeypatch.setattr(room, "fits", full)
    assert (await post("later")).status_code == 422
    monkeypatch.setattr(room, "fits", plain)
    assert (await post("later")).status_code == 201, "room was made, and the refusal is kept nowhere"
    assert kept(world) == (before[0] + 2, before[1] + 2)


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
