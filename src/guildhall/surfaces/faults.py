"""Faults of the database that pass by themselves: nothing was written, and asking again is right."""

from asyncpg.exceptions import (
    DeadlockDetectedError,
    InterfaceError,
    OperatorInterventionError,
    PostgresConnectionError,
    SerializationError,
    TooManyConnectionsError,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from guildhall.core.errors import Unavailable

_GONE = (PostgresConnectionError, OperatorInterventionError, InterfaceError, TooManyConnectionsError)
_CROSSED = (DeadlockDetectedError, SerializationError)  # of two that change the same, the database undid one
_BACK, _AT_ONCE = 5, 1  # seconds


def passing(error: Exception) -> Unavailable | None:
    """Return what is answered where the database is out of reach or undid this for another; None for other faults."""
    cause: BaseException | None = error
    if isinstance(error, DBAPIError):
        cause = getattr(error.orig, "__cause__", None) or error.orig
    if isinstance(cause, _CROSSED):
        return Unavailable(
            "Somebody changed the same at the same moment, so nothing was changed here. Send it again.",
            retry_after=_AT_ONCE,
        )
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or isinstance(cause, (PoolTimeout, OSError, *_GONE)):
        return Unavailable("The database is out of reach for the moment. Try again shortly.", retry_after=_BACK)
    return None
