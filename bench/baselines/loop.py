"""Baseline: the in-memory loop of a demo. Nothing is durable; each call is a `requests.post`."""

from typing import Any

import requests

from bench.baselines.saga import REMOTE, Booking, act, reserve_seat, serve, undo

sagas: dict[str, dict[str, Any]] = {}


def book(correlation_id: str, booking: Booking) -> bool:
    saga: dict[str, Any] = {"status": "RUNNING", "events": []}
    sagas[correlation_id] = saga
    saga["seat"] = reserve_seat(booking["flight_id"])
    for step in REMOTE:
        if not act(step, correlation_id, booking, requests.post):
            for event in reversed(saga["events"]):
                undo(event["step"], correlation_id, requests.post)
            saga["status"] = "COMPENSATED"
            return False
        saga["events"].append({"step": step})
    saga["status"] = "COMPLETED"
    return True


application = serve(book)
