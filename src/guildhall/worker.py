"""The worker process: takes jobs from the database and runs what the clock says. Any number may run at once."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy, exceptions
from procrastinate.connector import BaseConnector
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from guildhall import runtime
from guildhall.adapters.pdf.typeset import Typst
from guildhall.core import clock, db, jobs
from guildhall.core.actor import Surface, system
from guildhall.core.ids import parse_id
from guildhall.domain import tasks
from guildhall.domain.files.press import open_press
from guildhall.settings import Settings

CONCURRENCY = 4
HEARTBEAT = 5.0  # seconds between signs of life
STALLED = 20.0  # seconds without one, after which a worker counts as dead
RESCUE = "* * * * *"
GRACE = 20.0  # seconds that running jobs get when the process is asked to stop
MOST_ATTEMPTS = 6
FIRST_PAUSE = 5  # seconds before the first repetition; then its powers: 25, 125, 625, 3125
RECENT_HOURS, KEPT_HOURS = 24, 24 * 30  # how long jobs that succeeded, and others that ended, stay to be seen
OPTIONS: dict[str, Any] = {
    "concurrency": CONCURRENCY,
    "install_signal_handlers": False,
    "update_heartbeat_interval": HEARTBEAT,
    "stalled_worker_timeout": STALLED,
    "shutdown_graceful_timeout": GRACE,
}
_PAUSES = (1, 2, 5, 10, 30)  # seconds between tries to come back when the database is away
_NOTE = """
    INSERT INTO failure (job_id, error) VALUES (%(job)s, %(error)s)
    ON CONFLICT (job_id) DO UPDATE SET at = now(), error = excluded.error
"""
_LONGEST_NOTE = 300
# A job is ended by whoever is at its present attempt. A worker that was given up and comes back is at an earlier one.
_MINE = """
    (SELECT id FROM procrastinate_jobs WHERE id = %(job)s AND attempts = %(attempts)s AND status = 'doing' FOR UPDATE)
"""
_FINISH = f"SELECT procrastinate_finish_job_v1(mine.id, %(status)s, %(delete_job)s) FROM {_MINE} AS mine"
_RETRY = f"SELECT procrastinate_retry_job_v2(mine.id, %(retry_at)s, NULL, NULL, NULL) FROM {_MINE} AS mine"
_log = structlog.get_logger("guildhall.worker")
__all__ = ["application", "rescue", "run_worker", "tasks"]


def run_worker(settings: Settings) -> None:
    """Run jobs until SIGTERM or SIGINT, letting running ones finish; outlasts a database that goes away."""
    runtime.configure_logs(settings)
    _hear_library()
    socket = runtime.open_database(settings)
    runtime.open_pools(settings, socket, [Surface.WORKER])
    runtime.open_mail(settings)
    runtime.open_webhooks(settings)
    open_press(Typst())
    url = runtime.surface_url(settings, Surface.WORKER, socket)
    asyncio.run(_until_stopped(url, settings.role_prefix))


async def _until_stopped(url: str, prefix: str) -> None:
    """Serve, again after every fault, until a signal asks to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    faults = 0
    while not stop.is_set():
        began = loop.time()
        await _serve(url, prefix, stop)
        faults = 0 if loop.time() - began > _PAUSES[-1] else faults + 1
        await _pause(stop, _PAUSES[min(faults, len(_PAUSES) - 1)])
    await db.close_pools()
    _log.info("worker stopped")


async def _serve(url: str, prefix: str, stop: asyncio.Event) -> None:
    """Run one worker until it is asked to stop, or a fault ends it."""
    lost = asyncio.Event()
    ends = [asyncio.create_task(stop.wait()), asyncio.create_task(lost.wait())]
    try:
        async with application(url, prefix).open_async() as app:
            app.job_manager = _Manager(app.connector, lost)
            await rescue(app, seconds=OPTIONS["stalled_worker_timeout"])
            _log.info("worker started", tasks=len(jobs.tasks()))
            running = asyncio.create_task(app.run_worker_async(**OPTIONS))
            await asyncio.wait([running, *ends], return_when=asyncio.FIRST_COMPLETED)
            running.cancel()
            await running  # returns where the library ended by itself, as it does when it loses the database
    except asyncio.CancelledError:
        pass
    except Exception as fault:  # noqa: BLE001 - whatever it is, the next try may fare better
        _log.error("worker fault", error=_said(fault))
    finally:
        for end in ends:
            end.cancel()
    if not stop.is_set():
        _log.warning("worker begins anew")


class _Manager(JobManager):
    """The library's, which ends only its own attempt of a job, and says when the end could not be written.

    Such a job would stay at work for as long as its worker lives. The worker starts anew instead, and so finds it.
    """

    def __init__(self, connector: BaseConnector, lost: asyncio.Event) -> None:
        super().__init__(connector)
        self._lost = lost

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: FBT001 - the library's
        """End a job."""
        await self._settle(job, _FINISH, status=status.value, delete_job=delete_job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Let a job wait for its next try; everything else of it stays as it is."""
        del priority, queue, lock
        await self._settle(job, _RETRY, retry_at=retry_at or clock.now())

    async def _settle(self, job: Job, statement: str, **given: Any) -> None:
        """Write what becomes of a job, unless another worker has taken it over."""
        with self._watch():
            rows = await self.connector.execute_query_all_async(statement, job=job.id, attempts=job.attempts, **given)
        if not rows:
            _log.warning("job was taken over", job=job.id, task=job.task_name)

    @contextmanager
    def _watch(self) -> Iterator[None]:
        """Say when the database could not be reached."""
        try:
            yield
        except exceptions.UniqueViolation:
            raise
        except exceptions.ConnectorException:
            self._lost.set()
            raise


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but not longer than until somebody asks to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def application(url: str, prefix: str) -> App:
    """Return procrastinate's application with every task; `url` is the worker's log-in, which has no right itself."""
    # A worker that was stopped half-way would hold rows that the others need to see that it is gone.
    lease = f"-c idle_in_transaction_session_timeout={OPTIONS['stalled_worker_timeout'] * 1000:.0f}"
    options = f"-c role={prefix}worker -c search_path=jobs,pg_catalog {lease}"
    kwargs = {"options": options, "application_name": "guildhall jobs"}
    app = App(connector=PsycopgConnector(conninfo=url, kwargs=kwargs, min_size=1, max_size=CONCURRENCY))
    _by_clock(app, "jobs.rescue", RESCUE, _rescue)  # first: it brings back what a dead worker left
    _by_clock(app, "jobs.tidy", "53 * * * *", _tidy)
    for task in jobs.tasks().values():
        if task.cron:
            _by_clock(app, task.name, task.cron, _run(task), lock=task.name)
        else:
            retry = RetryStrategy(max_attempts=MOST_ATTEMPTS, exponential_wait=FIRST_PAUSE)
            app.task(name=task.name, pass_context=True, retry=retry)(_run(task))
    return app


def _by_clock(app: App, name: str, cron: str, work: Callable[..., Awaitable[None]], *, lock: str | None = None) -> None:
    """Add a periodic task, of which at most one run waits and, with a lock, at most one is at work."""
    app.periodic(cron=cron)(app.task(name=name, pass_context=True, queueing_lock=name, lock=lock)(work))


def _run(task: jobs.Task) -> Callable[..., Awaitable[None]]:
    """Return what procrastinate calls for a task: its work, as its system actor, with ids as ids."""

    async def run(context: JobContext, **given: Any) -> None:
        ids = {name: parse_id(value) or value for name, value in given.items() if name != "timestamp"}
        actor = system(task.actor, partner_id=ids.get("partner_id"), tenant_id=ids.get("tenant_id"))
        try:
            done = await task.work(actor, **ids)
        except Exception as fault:
            await _note(context.app, context.job, _said(fault))
            raise
        _log.debug("job done", task=task.name, job=context.job.id, done=done)

    return run


async def _rescue(context: JobContext, **_tick: int) -> None:
    """Bring back the jobs of workers that died."""
    await rescue(context.app, seconds=OPTIONS["stalled_worker_timeout"])


async def rescue(app: App, *, seconds: float) -> int:
    """Let jobs run again whose worker has given no sign of life for `seconds`; return how many there were.

    A job that has cost a worker its life too often is failed, and one that waits a second time is not doubled.
    """
    manager = app.job_manager
    await manager.prune_stalled_workers(seconds)
    stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=seconds))
    for job in stalled:
        await _note(app, job, "Its worker died")
        if job.attempts >= MOST_ATTEMPTS:
            await manager.finish_job(job, Status.FAILED, delete_job=False)
            continue
        try:
            await manager.retry_job(job)
        except exceptions.UniqueViolation:
            await manager.finish_job(job, Status.ABORTED, delete_job=False)
    return len(stalled)


async def _tidy(context: JobContext, **_tick: int) -> None:
    """Drop the jobs that ended long ago."""
    manager = context.app.job_manager
    await manager.delete_old_jobs(nb_hours=RECENT_HOURS)
    await manager.delete_old_jobs(
        nb_hours=KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )


async def _note(app: App, job: Job, error: str) -> None:
    """Keep what staff read of a failure."""
    await app.connector.execute_query_async(_NOTE, job=job.id, error=error)


def _said(fault: BaseException) -> str:
    """Return a fault in one line: its first one, since databases write the values they were given into later ones."""
    first = (str(fault).splitlines() or [""])[0]
    return f"{type(fault).__name__}: {first}"[:_LONGEST_NOTE]


class _Hearing(logging.Handler):
    """Passes the library's warnings and errors on to the structured log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        _log.log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def _hear_library() -> None:
    """Let the library's log lines come out with ours."""
    library = logging.getLogger("procrastinate")
    library.setLevel(logging.WARNING)
    library.addHandler(_Hearing())
    library.propagate = False
