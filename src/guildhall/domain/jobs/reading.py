"""What staff see of jobs, and the one thing they may do: run a failed one again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden
from guildhall.domain.audit.trail import Action, Target, record

STATUSES = ("todo", "doing", "succeeded", "failed", "cancelled", "aborted")
_LISTED = text("SELECT * FROM portal.jobs_for_staff(:status, :task, :before, :count)").columns(ids=JSONB)
_SUMMARY = text("SELECT * FROM portal.jobs_summary()").columns(counts=JSONB)
_RETRY = text("SELECT task FROM portal.job_retry(:job)")


class Filter(Struct, frozen=True, kw_only=True):
    """Which jobs to show: of one status or one task; `before` is the cursor, the id of the last one shown."""

    status: str = ""
    task: str = ""
    before: int | None = None
    limit: int = 50


class Job(Struct, frozen=True, kw_only=True):
    """One job. `attempts` counts finished runs, `last_event` happened to it last, `error` is of the last failure."""

    id: int
    task: str
    status: str
    ids: dict[str, Any]
    attempts: int
    created_at: datetime | None
    scheduled_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    last_event: str | None
    error: str | None


class Page(Struct, frozen=True):
    """Some jobs, newest first, and the cursor of the next page, or None at the end."""

    items: list[Job]
    next_before: int | None


class Summary(Struct, frozen=True, kw_only=True):
    """How the queue stands: jobs by status, how long the oldest due one has waited, and workers alive.

    `waiting_seconds` is null when nothing is due.
    """

    counts: Mapping[str, int]
    waiting_seconds: float | None
    workers: int


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> Page:
    """Return one page of jobs. Raises Forbidden without `staff.jobs.read`."""
    _must(actor, "staff.jobs.read")
    values = {"status": wanted.status, "task": wanted.task, "before": wanted.before, "count": wanted.limit + 1}
    found = [Job(**row) for row in (await connection.execute(_LISTED, values)).mappings()]
    items = found[: wanted.limit]
    return Page(items, items[-1].id if len(found) > wanted.limit else None)


async def summary(connection: AsyncConnection) -> Summary:
    """Return how the queue stands, for the staff page and for metrics (roles staff and worker)."""
    row = (await connection.execute(_SUMMARY)).mappings().one()
    return Summary(**row)


async def retry(actor: Actor, *, job_id: int) -> None:
    """Let a failed job run again. Raises Conflict where it has not failed, or the same work waits already."""
    _must(actor, "staff.jobs.retry")
    async with db.transaction(actor) as connection:
        try:
            task = await connection.scalar(_RETRY, {"job": job_id})
        except IntegrityError:
            raise Conflict("The same work waits already") from None
        if task is None:
            raise Conflict("Only a failed job can run again")
        target = Target("job", str(job_id))
        await record(connection, actor, action=Action.JOB_RETRIED, target=target, changes={"task": task})


def _must(actor: Actor, permission: str) -> None:
    """Raise Forbidden unless the person holds `permission`."""
    if not actor.may(permission):
        raise Forbidden
