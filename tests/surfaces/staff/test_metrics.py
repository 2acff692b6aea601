"""What `/metrics` says of jobs, to this machine only; and what jobs are called on their page."""

import pytest

from guildhall.core import db, jobs
from guildhall.core.actor import system
from guildhall.core.ids import new_id
from guildhall.surfaces.staff.words import JOBS
from support_world import World

pytestmark = pytest.mark.anyio


async def test_metrics_say_how_the_queue_stands(world: World) -> None:
    async with db.transaction(system("links")) as connection:
        numbers = [await jobs.enqueue(connection, "links.sweep", tenant_id=new_id()) for _ in range(3)]
    world.sql("UPDATE jobs.procrastinate_jobs SET status = 'failed' WHERE id = %s", numbers[0])
    answer = await world.client("partners").get("/metrics")
    for line in (
        'guildhall_jobs{status="todo"} 2.0',
        'guildhall_jobs{status="failed"} 1.0',
        "guildhall_workers 0.0",
        'guildhall_letters{status="kept"} 4.0',
    ):
        assert line in answer.text.splitlines()
    assert "guildhall_requests_total" in answer.text
    outside = await world.client("partners", **{"X-Forwarded-For": "192.0.2.1"}).get("/metrics")
    assert outside.status_code == 404


async def test_jobs_are_shown_and_filtered_by_what_they_do(world: World) -> None:
    assert set(jobs.tasks()) - {"tests.probe"} <= set(JOBS), "every job has a word"
    async with db.transaction(system("links")) as connection:
        for task in ("links.sweep", "mail.chase"):
            await jobs.enqueue(connection, task, tenant_id=new_id())
    client = await world.sign_in("lead@halcyon.example", "staff")
    page = (await client.get("/jobs")).text
    assert "Begin and end links on time" in page
    narrowed = (await client.get("/jobs?task=mail.chase")).text
    assert narrowed.count('<span class="mono">') == 1
    assert "Find letters that were left behind" in narrowed
