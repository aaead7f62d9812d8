"""Baseline: the saga as a DBOS workflow on PostgreSQL, its two remote calls as steps, in this process."""

import os

from dbos import DBOS, SetWorkflowID

from bench.baselines import saga
from bench.baselines.saga import REMOTE, Booking, reserve_seat, serve

DBOS(
    config={
        "name": "bench",
        "system_database_url": os.environ["ENGINE_DATABASE_URL"],
        "log_level": "WARNING",
    }
)
act = DBOS.step()(saga.act)
undo = DBOS.step()(saga.undo)


def workflow(correlation_id: str, booking: Booking) -> bool:
    reserve_seat(booking["flight_id"])
    done: list[str] = []
    for step in REMOTE:
        if not act(step, correlation_id, booking):
            for each in reversed(done):
                undo(each, correlation_id)
            return False
        done.append(step)
    return True


durable = DBOS.workflow()(workflow)
DBOS.launch()


def book(correlation_id: str, booking: Booking) -> bool:
    with SetWorkflowID(correlation_id):
        return bool(durable(correlation_id, booking))


application = serve(book)
