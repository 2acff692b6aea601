"""Every table of the domain, so that the two histories can be compared with the code."""

from guildhall.core import idempotency
from guildhall.domain.access import tables as access
from guildhall.domain.alerts import tables as alerts
from guildhall.domain.audit import tables as audit
from guildhall.domain.billing import export_tables as exports
from guildhall.domain.billing import tables as billing
from guildhall.domain.files import tables as files
from guildhall.domain.mail import tables as mail
from guildhall.domain.notify import delivery_tables as delivery
from guildhall.domain.notify import tables as notify
from guildhall.domain.partners import application_tables as applications
from guildhall.domain.partners import tables as partners
from guildhall.domain.people import client_tables as clients
from guildhall.domain.people import limit_tables as limits
from guildhall.domain.people import one_time_tables as one_time
from guildhall.domain.people import platform_tables as platform
from guildhall.domain.people import sign_in_tables as sign_in
from guildhall.domain.people import tables as people
from guildhall.domain.quotas import tables as quotas
from guildhall.domain.reports import tables as reports
from guildhall.domain.support import file_tables as ticket_files
from guildhall.domain.support import view_tables as ticket_views
from guildhall.domain.tenancy import tables as tenancy
from guildhall.domain.webhooks import tables as webhooks

__all__ = [
    "access",
    "alerts",
    "applications",
    "audit",
    "billing",
    "clients",
    "delivery",
    "exports",
    "files",
    "idempotency",
    "limits",
    "mail",
    "notify",
    "one_time",
    "partners",
    "people",
    "platform",
    "quotas",
    "reports",
    "sign_in",
    "tenancy",
    "ticket_files",
    "ticket_views",
    "webhooks",
]
