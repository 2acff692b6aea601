"""The worker that an operator runs, with a pulse quick enough for a test: the dead are missed after a second.

Nothing runs by the clock but their rescue, so that no other job stands in the way of the one that is tried.
"""

from procrastinate import App

from guildhall import worker
from guildhall.settings import load

_application = worker.application


def quiet(url: str, prefix: str) -> App:
    """Return the application without what the clock would add."""
    made = _application(url, prefix)
    clock = made.periodic_registry.periodic_tasks
    for key in [key for key in clock if key[0] != "jobs.rescue"]:
        del clock[key]
    return made


worker.application = quiet
worker.RESCUE = "* * * * * */2"
worker.OPTIONS |= {"update_heartbeat_interval": 0.3, "stalled_worker_timeout": 1.0}
worker.run_worker(load())
