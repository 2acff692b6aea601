"""The worker that an operator runs, with a pulse quick enough for a test: the dead are missed after a second."""

from guildhall import worker
from guildhall.settings import load

worker.RESCUE = "* * * * * */2"
worker.OPTIONS |= {"update_heartbeat_interval": 0.3, "stalled_worker_timeout": 1.0}
worker.run_worker(load())
