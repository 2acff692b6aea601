"""What `/metrics` says of jobs, to this machine only."""

import pytest

from guildhall.core import db, jobs
from guildhall.core.actor import system
from guildhall.core.ids import new_id
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
