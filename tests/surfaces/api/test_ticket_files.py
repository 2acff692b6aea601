"""Files of tickets over the API: a signed address ends with the link; under a key each is added once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.domain.files import files, room
from support_console import SUPPORT, ticket_of
from support_ticket_files import API, kept
from support_world import World

pytestmark = pytest.mark.anyio


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
