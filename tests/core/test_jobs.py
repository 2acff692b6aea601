"""Jobs: enqueued with their cause, by name and id only; worked off once, whatever dies."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from procrastinate.jobs import Status
from sqlalchemy.exc import DBAPIError

from guildhall import worker
from guildhall.core import db, jobs
from guildhall.core.actor import Actor, DbRole, system
from guildhall.core.errors import Conflict, Forbidden
from guildhall.domain import tasks
from guildhall.domain.jobs import reading
from guildhall.domain.migrations.run import migrate
from support_actors import customer_person, domain_world, partner_person, staff_person
from support_world import MASTER, Cluster, World

pytestmark = pytest.mark.anyio
_FAIL = "UPDATE jobs.procrastinate_jobs SET status = 'failed'"
_JOBS = "SELECT task_name AS task, status::text, args, attempts FROM jobs.procrastinate_jobs ORDER BY id"


@pytest.fixture
async def world(cluster: Cluster, anyio_backend: str) -> AsyncIterator[World]:
    async with domain_world(cluster) as made:
        yield made


@pytest.fixture
def start(world: World) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a way to start worker processes, all of which end with the test."""
    running: list[subprocess.Popen[str]] = []

    def begin(*command: str, **environment: str) -> subprocess.Popen[str]:
        running.append(
            subprocess.Popen(
                [sys.executable, *command],
                env=os.environ | environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def killable(world: World, linger: str = "") -> tuple[str, ...]:
    """Return the command of a worker that lingers `before` or `after` its effect."""
    login = [
        world.cluster.login_url("login_worker", world.database, driver=d) for d in ("postgresql", "postgresql+asyncpg")
    ]
    return (str(Path(__file__).with_name("job_at_work.py")), *login, world.cluster.prefix, linger)


def operated(world: World) -> dict[str, str]:
    """Return the environment with which an operator runs `guildhall worker` on this world."""
    return {
        "DATABASE_URL_WORKER": world.cluster.login_url("login_worker", world.database),
        "GUILDHALL_SECRET": MASTER.decode(),
        "GUILDHALL_ROLE_PREFIX": world.cluster.prefix,
        "GUILDHALL_LOG": "json",
    }


def heard(process: subprocess.Popen[str], word: str) -> str:
    """Return the line with `word` that a process writes, waiting for it."""
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return line
    raise AssertionError(f"the process ended without saying {word}")


def until(world: World, statement: str, rows: list[dict[str, Any]], *, seconds: float = 30) -> None:
    """Wait until a query gives these rows."""
    end = time.monotonic() + seconds
    while (found := world.sql(statement)) != rows:
        assert time.monotonic() < end, found
        time.sleep(0.1)


async def test_a_job_exists_exactly_when_its_cause_is_committed(world: World) -> None:
    actor = system("links")
    async with db.transaction(actor) as connection:
        number = await jobs.enqueue(connection, "links.sweep", partner_id=uuid4())
        assert number > 0
    with suppress(LookupError):
        async with db.transaction(actor) as connection:
            await jobs.enqueue(connection, "links.sweep")
            raise LookupError
    assert [row["task"] for row in world.sql(_JOBS)] == ["links.sweep"]


@pytest.mark.parametrize(
    ("task", "ids"),
    [
        ("links.nothing", {}),
        ("pg_sleep", {}),
        ("links.sweep", {"note": "a sentence of data"}),
        ("links.sweep", {"note": "x" * 65}),
        ("links.sweep", {"timestamp": "1"}),
        ("links.sweep", {f"id_{letter}": "1" for letter in "abcdefghi"}),
    ],
)
async def test_only_registered_names_and_only_ids(world: World, task: str, ids: dict[str, str]) -> None:
    with pytest.raises(DBAPIError):
        async with db.transaction(system("links")) as connection:
            await jobs.enqueue(connection, task, **ids)
    assert world.sql(_JOBS) == []


async def test_each_task_says_whose_surface_may_enqueue_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(_actor: Actor, **_ids: object) -> None: ...

    declared = jobs.Task(name="reports.make", work=work, roles=(DbRole.PARTNER,))
    monkeypatch.setitem(jobs._tasks, declared.name, declared)
    migrate(world.url, prefix=world.cluster.prefix)
    partner = partner_person(world)
    async with db.transaction(partner) as connection:
        await jobs.enqueue(connection, "reports.make", report_id=uuid4())
    for actor, task in (
        (customer_person(world), "reports.make"),
        (partner, "links.sweep"),
        (staff_person(world), "audit.sign"),
    ):
        with pytest.raises(DBAPIError, match="nobody here enqueues"):
            async with db.transaction(actor) as connection:
                await jobs.enqueue(connection, task)
    assert [row["task"] for row in world.sql(_JOBS)] == ["reports.make"]


@pytest.mark.parametrize("login", ["login_partners", "login_customers", "login_staff", "login_api"])
async def test_no_surface_touches_the_queue_itself(world: World, login: str) -> None:
    role = {"login_partners": "partner", "login_customers": "customer", "login_staff": "staff", "login_api": "partner"}
    with psycopg.connect(world.cluster.login_url(login, world.database), autocommit=True) as connection:
        connection.execute(f'SET ROLE "{world.cluster.prefix}{role[login]}"'.encode())
        for statement in ("SELECT * FROM jobs.procrastinate_jobs", "DELETE FROM jobs.procrastinate_jobs"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


async def test_every_task_of_the_clock_can_run_and_run_again(world: World) -> None:
    for task in (one for one in jobs.tasks().values() if one.cron):
        for _ in range(2):
            await task.work(system(task.actor))
    assert {"links.sweep", "support.mark_breaches", "audit.sign", "notices.warn_of_ends"} <= set(jobs.tasks())
    assert tasks.upkeep is not None


@pytest.mark.slow
@pytest.mark.parametrize("place", ["before", "after"])
async def test_the_job_of_a_killed_worker_runs_again_and_has_one_effect(
    world: World, start: Callable[..., subprocess.Popen[str]], place: str
) -> None:
    world.sql(
        "SELECT jobs.procrastinate_defer_jobs_v1(ARRAY[ROW('default', 'test.effect', 0, NULL, NULL,"
        " jsonb_build_object('tenant_id', %s::text), NULL)::jobs.procrastinate_job_to_defer_v1])",
        world.tenant("acme-fiber"),
    )
    first = start(*killable(world, place))
    heard(first, place)
    first.kill()
    first.wait()
    state = "SELECT status::text FROM jobs.procrastinate_jobs WHERE task_name = 'test.effect'"
    assert world.sql(state) == [{"status": "doing"}]
    effects = "SELECT count(*) AS n FROM portal.notice WHERE dedupe = 'effect'"
    assert world.sql(effects) == [{"n": 0 if place == "before" else 1}]
    start(*killable(world))
    until(world, state, [{"status": "succeeded"}])
    assert world.sql(effects) == [{"n": 1}]
    died = "SELECT error FROM jobs.failure AS f JOIN jobs.procrastinate_jobs AS j ON j.id = f.job_id"
    assert {"error": "Its worker died"} in world.sql(died)


async def test_a_job_is_ended_by_its_present_attempt_and_not_by_one_that_was_given_up(world: World) -> None:
    async with db.transaction(system("links")) as connection:
        await jobs.enqueue(connection, "links.sweep")
    url = world.cluster.login_url("login_worker", world.database)
    state = "SELECT status::text, attempts FROM jobs.procrastinate_jobs"
    async with worker.application(url, world.cluster.prefix).open_async() as app:
        manager = worker._Manager(app.connector, asyncio.Event())
        at_work = await manager.register_worker()
        first = await manager.fetch_job(queues=None, worker_id=at_work)
        assert first is not None
        await manager.retry_job(first)
        second = await manager.fetch_job(queues=None, worker_id=at_work)
        assert second is not None
        for late in (manager.finish_job(first, Status.FAILED, delete_job=False), manager.retry_job(first)):
            await late
            assert world.sql(state) == [{"status": "doing", "attempts": 1}]
        await manager.finish_job(second, Status.SUCCEEDED, delete_job=False)
    assert world.sql(state) == [{"status": "succeeded", "attempts": 2}]


@pytest.mark.slow
async def test_the_worker_stops_when_asked_and_outlasts_its_database(
    world: World, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start("-m", "guildhall", "worker", **operated(world))
    heard(process, "worker started")
    until(world, "SELECT count(*) AS n FROM jobs.procrastinate_workers", [{"n": 1}])
    world.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name LIKE 'guildhall%%' AND datname = current_database()"
    )
    async with db.transaction(system("links")) as connection:
        await jobs.enqueue(connection, "links.sweep")
    until(
        world, "SELECT DISTINCT status::text FROM jobs.procrastinate_jobs WHERE args = '{}'", [{"status": "succeeded"}]
    )
    until(world, "SELECT count(*) AS n FROM jobs.procrastinate_jobs WHERE status = 'doing'", [{"n": 0}])
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert '"worker stopped"' in process.communicate()[0]
    assert world.sql("SELECT count(*) AS n FROM jobs.procrastinate_jobs WHERE status = 'doing'") == [{"n": 0}]


async def test_staff_see_jobs_and_run_failed_ones_again(world: World) -> None:
    lead, finance = staff_person(world), staff_person(world, "finance@halcyon.example")
    async with db.transaction(system("links")) as connection:
        numbers = [await jobs.enqueue(connection, "links.sweep", tenant_id=uuid4()) for _ in range(3)]
    world.sql(f"{_FAIL} WHERE id = %s", numbers[0])
    world.sql("INSERT INTO jobs.failure (job_id, error) VALUES (%s, 'ValueError: no')", numbers[0])
    async with db.transaction(lead) as connection:
        page = await reading.listed(connection, lead, reading.Filter(limit=2))
        assert ([job.id for job in page.items], page.next_before) == (numbers[:0:-1], numbers[1])
        failed = (await reading.listed(connection, lead, reading.Filter(status="failed"))).items
        assert [(job.task, job.error, job.last_event) for job in failed] == [
            ("links.sweep", "ValueError: no", "cancelled")
        ]
        summary = await reading.summary(connection)
        assert summary.counts == {"todo": 2, "failed": 1}
        assert summary.waiting_seconds is not None
        with pytest.raises(Forbidden):
            await reading.listed(connection, finance, reading.Filter())
    with pytest.raises(Forbidden):
        await reading.retry(staff_person(world, "read_only@halcyon.example"), job_id=numbers[0])
    await reading.retry(lead, job_id=numbers[0])
    with pytest.raises(Conflict):
        await reading.retry(lead, job_id=numbers[0])
    assert {row["status"] for row in world.sql(_JOBS)} == {"todo"}
    noted = world.sql("SELECT count(*) AS n FROM portal.audit_entry WHERE action = 'job.retried'")
    assert noted == [{"n": 1}]


async def test_a_failing_job_waits_longer_each_time_and_says_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(_actor: Actor, **_ids: object) -> None:
        raise ValueError("the first line\nand what nobody needs to read")

    declared = jobs.Task(name="reports.fail", work=work, roles=(DbRole.WORKER,))
    monkeypatch.setattr(jobs, "_tasks", {declared.name: declared})
    migrate(world.url, prefix=world.cluster.prefix)
    async with db.transaction(system("reports")) as connection:
        await jobs.enqueue(connection, "reports.fail")
    url = world.cluster.login_url("login_worker", world.database)
    pauses = []
    for _ in range(3):
        async with worker.application(url, world.cluster.prefix).open_async() as app:
            await app.run_worker_async(**worker.OPTIONS, wait=False, listen_notify=False)
        row = world.sql(
            "SELECT attempts, status::text, extract(epoch FROM scheduled_at - now())::int AS pause"
            " FROM jobs.procrastinate_jobs WHERE task_name = 'reports.fail'"
        )[0]
        pauses.append(row["pause"])
        world.sql("UPDATE jobs.procrastinate_jobs SET scheduled_at = now() WHERE task_name = 'reports.fail'")
    assert (row["attempts"], row["status"]) == (3, "todo")
    assert [abs(found - meant) < 5 for found, meant in zip(pauses, (5, 25, 125), strict=True)] == [True] * 3, pauses
    assert world.sql("SELECT error FROM jobs.failure") == [{"error": "ValueError: the first line"}]
