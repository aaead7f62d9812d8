"""What the baselines without a database of their own share: the calls of the saga, and a Django of one view.

Seats are counted in memory; the suite's own payment and loyalty services take part.
"""

import json
import os
import threading
import uuid
from collections.abc import Callable
from typing import Any

import requests
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

FARE = 500.0
TIMEOUT = 10
PAYMENT = os.environ.get("PAYMENT_URL", "")
LOYALTY = os.environ.get("LOYALTY_URL", "")
REMOTE = {
    "AuthorizePayment": (f"{PAYMENT}/api/saga/authorize-payment/", f"{PAYMENT}/api/saga/cancel-payment/"),
    "AwardMiles": (f"{LOYALTY}/api/saga/award-miles/", f"{LOYALTY}/api/saga/reverse-miles/"),
}

Booking = dict[str, Any]
Post = Callable[..., requests.Response]

_lock = threading.Lock()
_seats: dict[int, int] = {}
_local = threading.local()


def reserve_seat(flight: int) -> int:
    with _lock:
        _seats[flight] = _seats.get(flight, 0) + 1
        return _seats[flight]


def post_kept(url: str, **options: Any) -> requests.Response:
    """By the thread's own session, whose connections are kept."""
    session: requests.Session | None = getattr(_local, "session", None)
    if session is None:
        session = _local.session = requests.Session()
    return session.post(url, **options)


def act(step: str, correlation_id: str, booking: Booking, post: Post = post_kept) -> bool:
    data = {
        "flight_id": booking["flight_id"],
        "user_id": booking["user_id"],
        "flight_fare": FARE,
        "payment": booking["payment"],
    }
    body = {"correlation_id": correlation_id, "booking_data": data}
    return bool(post(REMOTE[step][0], json=body, timeout=TIMEOUT).json().get("success"))


def undo(step: str, correlation_id: str, post: Post = post_kept) -> None:
    post(REMOTE[step][1], json={"correlation_id": correlation_id}, timeout=TIMEOUT)


def run_saga(correlation_id: str, booking: Booking) -> bool:
    """All steps in one go, as one task does them; whether they were done."""
    reserve_seat(booking["flight_id"])
    done: list[str] = []
    for step in REMOTE:
        if not act(step, correlation_id, booking):
            for each in reversed(done):
                undo(each, correlation_id)
            return False
        done.append(step)
    return True


def serve(book: Callable[[str, Booking], bool]) -> WSGIHandler:
    """A Django application whose start-booking answers when `book` has returned."""

    def start_booking(request: HttpRequest) -> JsonResponse:
        correlation_id = str(uuid.uuid4())
        success = book(correlation_id, json.loads(request.body))
        return JsonResponse({"success": success, "correlation_id": correlation_id})

    def ready(request: HttpRequest) -> JsonResponse:
        return JsonResponse({"status": "ready"})

    settings.configure(
        ROOT_URLCONF=(path("api/saga/start-booking/", start_booking), path("ready/", ready)),
        SECRET_KEY=uuid.uuid4().hex,
        ALLOWED_HOSTS=["127.0.0.1"],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    )
    return get_wsgi_application()
