"""Files of tickets on pages: both sides attach and fetch them; internal ones stay inside; room ends for all doors."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from guildhall.domain.files import files, room
from guildhall.domain.files.store import opened
from support_clients import PRINCIPAL
from support_console import AUDITOR, SUPPORT, ticket_of, words
from support_ticket_files import ADMIN, API, PDF, kept, links, send
from support_world import World, csrf

pytestmark = pytest.mark.anyio


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


async def test_a_file_that_the_store_lost_is_an_answer_and_no_torn_download(world: World) -> None:
    tenant = world.tenant("acme-fiber")
    ticket = ticket_of(world, tenant)
    customer, partner = await world.sign_in(ADMIN, "customers"), await world.sign_in(SUPPORT)
    await send(customer, f"/tickets/{ticket}", PDF, content="A trace")
    (link,) = links(await customer.get(f"/tickets/{ticket}"))
    (file,) = world.sql("SELECT id FROM tenancy.ticket_file WHERE ticket_id = %s", ticket)
    await opened().remove(files.key_of(file["id"]))
    export = world.sql("SELECT id FROM portal.invoice_export WHERE status = 'completed' LIMIT 1")[0]["id"]
    principal, software = await world.sign_in(PRINCIPAL), await world.api(PRINCIPAL)
    for client, address in (
        (customer, link),
        (partner, f"/t/{tenant}{link}"),
        (principal, f"/billing/exports/{export}/file"),
    ):
        answer = await client.get(address)
        assert answer.status_code == 404
        assert "missing from the store" in words(answer)
    answer = await software.get(f"{API}/{ticket}/attachments/{file['id']}/file")
    assert (answer.status_code, answer.json()["code"]) == (404, "FILE_NOT_FOUND")
    assert "missing from the store" in answer.json()["detail"]


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
