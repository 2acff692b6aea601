"""A transaction keeps everything or nothing, and leaves its connection clean, however it ends."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from guildhall.core import db, jobs
from guildhall.core.actor import Actor, Surface, system
from guildhall.core.sql import Fixed
from support_world import World

pytestmark = pytest.mark.anyio
_QUEUED = "SELECT count(*) AS n FROM jobs.procrastinate_jobs WHERE task_name = 'links.sweep'"
_LEFT_OPEN = (
    "SELECT count(*) AS n FROM pg_stat_activity"
    " WHERE xact_start IS NOT NULL AND application_name LIKE 'guildhall%%' AND datname = current_database()"
)
_STATE = text("SELECT current_user::text AS name, current_setting('app.user_id', true) AS person")


async def _enqueue(actor: Actor, *then: BaseException) -> None:
    async with db.transaction(actor) as connection:
        await jobs.enqueue(connection, "links.sweep")
        for error in then:
            raise error


async def test_what_fails_inside_leaves_nothing(world: World) -> None:
    with pytest.raises(LookupError):
        await _enqueue(system("links"), LookupError())
    assert world.sql(_QUEUED) == [{"n": 0}]


async def test_a_failed_statement_that_was_overlooked_is_never_taken_for_done(world: World) -> None:
    async def overlooking() -> None:
        async with db.transaction(system("links")) as connection:
            await jobs.enqueue(connection, "links.sweep")
            with suppress(DBAPIError):
                await connection.execute(text("SELECT 1 / 0"))

    with pytest.raises(RuntimeError, match="rolled back"):
        await overlooking()
    assert world.sql(_QUEUED) == [{"n": 0}]


@pytest.mark.parametrize("way", ["commit", "rollback"])
async def test_nobody_ends_a_transaction_by_hand(world: World, way: str) -> None:
    async def ending() -> None:
        async with db.transaction(system("links")) as connection:
            await jobs.enqueue(connection, "links.sweep")
            await getattr(connection, way)()

    with pytest.raises(RuntimeError, match="by hand"):
        await ending()
    assert world.sql(_QUEUED) == [{"n": 0}]


async def test_a_statement_stays_prepared_however_long_it_is(world: World) -> None:
    long = Fixed(f"SELECT $1::integer, '{'x' * 20_000}'", ("n",))
    actor = await world.actor("principal@northwind.example")
    kept = []
    for number in (1, 2):
        async with db.transaction(actor) as connection:
            kept.append([row[0] for row in await db.rows(connection, long, {"n": number})])
        async with db.engine(Surface.CONSOLE).connect() as connection:
            counted = text("SELECT count(*) FROM pg_prepared_statements WHERE length(statement) > 20000")
            assert (await connection.execute(counted)).scalar_one() == 1
    assert kept == [[1], [2]]


@pytest.mark.parametrize("ending", [None, LookupError(), asyncio.CancelledError()])
async def test_the_connection_comes_back_without_role_and_person(world: World, ending: BaseException | None) -> None:
    actor = await world.actor("principal@northwind.example")
    try:
        async with db.transaction(actor) as connection:
            inside = (await connection.execute(_STATE)).mappings().one()
            if ending is not None:
                raise ending
    except (LookupError, asyncio.CancelledError):
        pass
    assert inside["name"].endswith("partner")
    assert inside["person"] == str(actor.user_id)
    async with db.engine(Surface.CONSOLE).connect() as connection:
        after = (await connection.execute(_STATE)).mappings().one()
    assert after["name"].endswith("login_partners")
    assert not after["person"]


@pytest.mark.parametrize("at", ["opening", "inside"])
async def test_a_person_cut_off_leaves_nothing_open(world: World, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    reached = asyncio.Event()

    async def slow() -> None:
        async with db.transaction(system("links")) as connection:
            await jobs.enqueue(connection, "links.sweep")
            reached.set()
            await connection.execute(text("SELECT pg_sleep(20)"))

    with monkeypatch.context() as patched:
        if at == "opening":
            patched.setattr(db, "opening", lambda _actor, **_: "BEGIN; SELECT pg_sleep(20)")
        task = asyncio.create_task(slow())
        await (asyncio.sleep(0.3) if at == "opening" else reached.wait())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await asyncio.sleep(0.3)
    assert world.sql(_LEFT_OPEN) == [{"n": 0}]
    assert world.sql(_QUEUED) == [{"n": 0}]
    await _enqueue(system("links"))
    assert world.sql(_QUEUED) == [{"n": 1}]


async def test_after_a_restart_of_the_database_the_next_request_is_answered(world: World) -> None:
    browser = await world.sign_in("principal@northwind.example")
    assert (await browser.get("/")).status_code == 200
    ended = world.sql(
        "SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity"
        " WHERE application_name = 'guildhall console' AND datname = current_database()"
    )
    assert {row["ended"] for row in ended} == {True}
    await asyncio.sleep(0.2)
    assert [(await browser.get("/")).status_code for _ in range(3)] == [200, 200, 200]


async def test_a_job_that_stops_half_way_holds_nothing_for_longer_than_a_minute(demo: World) -> None:
    lease = text("SELECT current_setting('idle_in_transaction_session_timeout')")
    async with db.transaction(system("links")) as connection:
        assert await connection.scalar(lease) == "1min"


async def test_statements_are_planned_once_in_the_transaction_that_asks_for_it(demo: World) -> None:
    mode, found = text("SELECT current_setting('plan_cache_mode')"), []
    for once in (True, False):
        async with db.transaction(system("links"), planned_once=once) as connection:
            found.append(await connection.scalar(mode))
    assert found == ["force_generic_plan", "auto"]


def test_only_ids_are_written_into_the_opening_message() -> None:
    with pytest.raises(AttributeError):
        db._text("x', true); DROP TABLE t; --")  # type: ignore[arg-type]
