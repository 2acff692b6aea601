"""The document: whole, true of what is answered, and readable by people."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from guildhall.core import db
from guildhall.core.actor import Surface
from guildhall.surfaces.api.app import ENDPOINTS
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
DOCUMENT = "/api/v1/openapi.json"
ID = "0199c0de-7a11-7c1d-9f3e-2b6d4e5f6a70"


async def test_the_document_holds_every_operation_and_resolves(demo: World) -> None:
    answer = await demo.client("api").get(DOCUMENT)
    document = answer.json()
    assert document["openapi"] == "3.1.0"
    operations = [each for path in document["paths"].values() for each in path.values()]
    assert sorted(each["operationId"] for each in operations) == sorted(each.operation.id for each in ENDPOINTS)
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(re.findall(r'"\$ref":"([^"]+)"', answer.text)) <= known
    for each in operations:
        assert each["summary"]
        assert each["description"]
        assert all(parameter["description"] for parameter in each["parameters"] if parameter["in"] != "path")
        oauth = each["operationId"] == "issueClientToken"
        assert {"400" if oauth else "422", "500", "503"} <= set(each["responses"])
        assert ("401" in each["responses"]) or each.get("security") == []


async def test_every_post_of_a_partner_may_be_sent_again(demo: World) -> None:
    """Signing in and out has proofs of its own, and rows of the platform have the platform's ids for keys."""
    document = (await demo.client("api").get(DOCUMENT)).json()
    unsafe = {
        path
        for path, methods in document["paths"].items()
        if "post" in methods and "Idempotency-Key" not in {each["name"] for each in methods["post"]["parameters"]}
    }
    assert {path for path in unsafe if not path.startswith(("/auth/", "/oauth/", "/platform/"))} == set()
    assert "/auth/login" in unsafe


async def test_the_document_says_nothing_in_the_words_of_python(demo: World) -> None:
    text = (await demo.client("api").get(DOCUMENT)).text
    assert not re.search(r"\bNone\b|\bstruct\b|\btuple\b", text)


async def test_what_is_chosen_from_has_one_name_and_what_is_answered_is_always_there(demo: World) -> None:
    """So that outside generators make one type for a status, and no “maybe” of what always comes."""
    document = (await demo.client("api").get(DOCUMENT)).json()
    schemas = document["components"]["schemas"]
    assert [name for name in schemas if not name.isalnum()] == []
    inline = [frozenset(each) for each in choices(document) if len(each) > 1]
    assert [each for each in inline if inline.count(each) > 1] == []
    answered = {
        part["$ref"].rsplit("/", 1)[-1]
        for path in document["paths"].values()
        for operation in path.values()
        for answer in operation["responses"].values()
        for part in parts(answer, schemas)
    }
    maybe = {name for name in answered if set(schemas[name].get("properties", ())) - set(schemas[name]["required"])}
    assert maybe == {"Problem"}


def choices(part: Any) -> Iterator[list[Any]]:
    """Yield every list of values to choose from."""
    if isinstance(part, dict):
        if isinstance(part.get("enum"), list):
            yield part["enum"]
        yield from (found for each in part.values() for found in choices(each))
    elif isinstance(part, list):
        yield from (found for each in part for found in choices(each))


def parts(part: Any, schemas: dict[str, Any], seen: frozenset[str] = frozenset()) -> Iterator[dict[str, Any]]:
    """Yield every reference to an object in a schema, and those behind it."""
    if isinstance(part, list):
        part = dict(enumerate(part))
    if not isinstance(part, dict):
        return
    name = str(part.get("$ref", "")).rsplit("/", 1)[-1]
    if "properties" in schemas.get(name, ()) and name not in seen:
        yield part
        yield from parts(schemas[name], schemas, seen | {name})
    for each in part.values():
        yield from parts(each, schemas, seen)


async def test_the_reference_page_is_whole_in_both_languages_and_asks_nobody_else(demo: World) -> None:
    client = demo.client("api")
    for language, word in (("en", "Getting started"), ("es", 'lang="es"')):
        answer = await client.get("/api/v1/docs", params={"lang": language})
        assert answer.status_code == 200
        assert word in answer.text
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
        sources = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
        assert [each for each in sources if each.startswith(("http", "//"))] == []
        assert re.search(r"<style|style=|onclick=", answer.text) is None
        for endpoint in ENDPOINTS:
            assert f'id="{endpoint.operation.id}"' in answer.text
        for code in re.findall(r'href="#([A-Z_]+)"', answer.text):
            assert f'id="{code}"' in answer.text


async def test_bodies_that_are_no_json_or_too_long_are_refused_by_every_operation(world: World) -> None:
    client = await world.api(PRINCIPAL, world.tenant("acme-fiber"))
    document = (await client.get(DOCUMENT)).json()
    sent = {
        b'{"a": "' + b"x" * 10_000_000 + b'"}': {"413", "404"},
        b'{"a": "\xff\xfe"}': {"400", "404", "422", "401"},
        b'{"a": "\xed\xa0\x80"}': {"400", "404", "422", "401"},
        b'{"a": "\\ud800"}': {"400", "404", "422", "401"},
        b"[" * 100_000: {"400", "404", "422", "401"},
    }
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" not in operation or operation["operationId"] == "logout":
                continue
            if path.startswith("/platform/"):  # no partner comes as far as the body
                continue
            if "application/octet-stream" in operation["requestBody"]["content"]:  # a file: test_ticket_files
                continue
            target = "/api/v1" + re.sub(r"\{[^}]+\}", ID, path)
            for body, expected in sent.items():
                headers = {"Content-Type": "application/json", "If-Match": "*"}
                answer = await client.request(method.upper(), target, content=body, headers=headers)
                assert str(answer.status_code) in expected, (target, body[:20], answer.status_code, answer.text[:200])
                oauth = operation["operationId"] == "issueClientToken" and answer.status_code == 400
                assert answer.headers["content-type"] == ("application/json" if oauth else "application/problem+json")


async def test_a_full_pool_and_a_lost_database_are_503(demo: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client, console = await demo.api(PRINCIPAL), await demo.sign_in(PRINCIPAL)
    for fault in (PoolTimeout("no connection left"), ConnectionRefusedError("gone")):

        async def failing(*_: object, raised: Exception = fault) -> None:
            raise raised

        monkeypatch.setattr(db, "door", failing)
        answer = await client.get("/api/v1/auth/me")
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        assert int(answer.headers["retry-after"]) > 0
        page = await console.get("/links", params={"q": 'a"&b'})
        assert (page.status_code, 'href="?q=a%22%26b"' in page.text) == (503, True)


@pytest.mark.parametrize("condition", ["deadlock_detected", "serialization_failure"])
async def test_what_the_database_undid_for_another_is_503_and_may_be_sent_again(
    demo: World, monkeypatch: pytest.MonkeyPatch, condition: str
) -> None:
    clients = await demo.api(PRINCIPAL), await demo.sign_in(PRINCIPAL)

    async def undone(surface: Surface, *_: object) -> None:
        async with db.engine(surface).connect() as connection:
            await connection.execute(text(f"DO $$ BEGIN RAISE {condition}; END $$"))

    monkeypatch.setattr(db, "door", undone)
    api, console = [await client.get(path) for client, path in zip(clients, ("/api/v1/auth/me", "/"), strict=True)]
    assert (api.status_code, api.json()["code"]) == (503, "UNAVAILABLE")
    assert "Send it again" in api.json()["detail"]
    assert (console.status_code, "Send it again" in console.text) == (503, True)
    assert {answer.headers["retry-after"] for answer in (api, console)} == {"1"}


async def test_a_fault_of_ours_shows_nothing_of_its_inside(demo: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await demo.api(PRINCIPAL)

    async def failing(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(db, "door", failing)
    answer = await client.get("/api/v1/auth/me")
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
    assert "secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_lists_take_the_same_number_of_statements_for_one_row_and_for_many(
    demo: World, monkeypatch: pytest.MonkeyPatch
) -> None:

    from guildhall.core import db

    client = await demo.api(PRINCIPAL)
    counted: list[str] = []
    engine = db.engine(Surface.API).sync_engine
    event.listen(engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
    for path in ("/partner/customers", "/partner/support/tickets", "/partner/links"):
        numbers = []
        cursor = (await client.get(f"/api/v1{path}", params={"limit": 1})).json()["next_cursor"]
        for asked in ({"limit": 1}, {"limit": 20}, {"limit": 1, "cursor": cursor}, {"limit": 20, "cursor": cursor}):
            counted.clear()
            assert (await client.get(f"/api/v1{path}", params=asked)).status_code == 200
            numbers.append(len(counted))
        assert numbers == [1, 1, 1, 1], counted  # beside the door and the role, which come in one message each
