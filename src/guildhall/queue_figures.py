"""How the queue of jobs and the mail stand, as figures for `/metrics`.

Read from the database when they are asked for, and only in a process that serves staff, since no other surface may
see jobs. Every such process gives the same figures.
"""

import asyncio
from collections.abc import Mapping

import structlog
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from guildhall.core import db
from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.domain.jobs.reading import STATUSES, Summary, summary
from guildhall.domain.mail.reading import counts
from guildhall.domain.mail.tables import STATUSES as LETTER_STATUSES

_METRICS = Actor(kind=Kind.SYSTEM, surface=Surface.STAFF, role=DbRole.STAFF, name="metrics")
_PATIENCE = 3.0  # seconds
_log = structlog.get_logger("guildhall.metrics")


async def queue_figures() -> bytes:
    """Return the figures in Prometheus' text format; nothing where this process may not read them, or cannot now."""
    if Surface.STAFF not in db.surfaces():
        return b""
    try:
        async with asyncio.timeout(_PATIENCE), db.transaction(_METRICS) as connection:
            return _written(await summary(connection), await counts(connection))
    except Exception as fault:  # noqa: BLE001 - the other figures are wanted most when the database is away
        _log.warning("the queue could not be read", error=type(fault).__name__)
        return b""


def _written(queue: Summary, letters: Mapping[str, int]) -> bytes:
    """Return summary and letters in Prometheus' text format."""
    registry = CollectorRegistry()
    jobs = Gauge("guildhall_jobs", "Jobs by status", ["status"], registry=registry)
    for status in STATUSES:
        jobs.labels(status).set(queue.counts.get(status, 0))
    waiting = Gauge("guildhall_jobs_waiting_seconds", "How long the oldest due job has waited", registry=registry)
    waiting.set(queue.waiting_seconds or 0)
    Gauge("guildhall_workers", "Workers alive", registry=registry).set(queue.workers)
    mail = Gauge("guildhall_letters", "Letters by status", ["status"], registry=registry)
    for status in LETTER_STATUSES:
        mail.labels(status).set(letters.get(status, 0))
    return generate_latest(registry)
