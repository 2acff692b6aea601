"""Every module of the domain that declares a job: whoever runs or registers jobs imports this one."""

from guildhall.core import idempotency
from guildhall.domain.access import upkeep
from guildhall.domain.alerts import evaluating
from guildhall.domain.audit import heads, looks
from guildhall.domain.billing import export_run
from guildhall.domain.files import files
from guildhall.domain.mail import delivering
from guildhall.domain.notify import client_ends, ends, tidying
from guildhall.domain.notify import delivering as telling
from guildhall.domain.partners import application_upkeep
from guildhall.domain.quotas import sweeping
from guildhall.domain.reports import sums
from guildhall.domain.support import breaches
from guildhall.domain.webhooks import delivering as webhooks

__all__ = [
    "application_upkeep",
    "breaches",
    "client_ends",
    "delivering",
    "ends",
    "evaluating",
    "export_run",
    "files",
    "heads",
    "idempotency",
    "looks",
    "sums",
    "sweeping",
    "telling",
    "tidying",
    "upkeep",
    "webhooks",
]
