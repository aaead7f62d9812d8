"""Baseline: the in-memory loop of a demo. Nothing is durable; each call is a `requests.post`.

It serves start-booking from a plain Django view and uses the suite's own payment and loyalty services.
"""

import json
import os
import threading
import uuid
from typing import Any

import requests
from django.conf import settings
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

lock = threading.Lock()
sagas: dict[str, dict[str, Any]] = {}
seats: dict[int, int] = {}


def start_booking(request: HttpRequest) -> JsonResponse:
    booking = json.loads(request.body)
    correlation_id = str(uuid.uuid4())
    saga: dict[str, Any] = {"status": "RUNNING", "events": []}
    sagas[correlation_id] = saga
    saga["seat"] = reserve_seat(booking["flight_id"])
    done = [step for step in REMOTE if run(step, saga, correlation_id, booking)]
    if len(done) < len(REMOTE):
        for step in reversed(done):
            requests.post(REMOTE[step][1], json={"correlation_id": correlation_id}, timeout=TIMEOUT)
        saga["status"] = "COMPENSATED"
        return JsonResponse({"success": False, "correlation_id": correlation_id})
    saga["status"] = "COMPLETED"
    answer = {"success": True, "correlation_id": correlation_id, "booking_reference": correlation_id[:6]}
    return JsonResponse(answer)


def reserve_seat(flight: int) -> int:
    with lock:
        seats[flight] = seats.get(flight, 0) + 1
        return seats[flight]


def run(step: str, saga: dict[str, Any], correlation_id: str, booking: dict[str, Any]) -> bool:
    data = {
        "flight_id": booking["flight_id"],
        "user_id": booking["user_id"],
        "flight_fare": FARE,
        "payment": booking["payment"],
    }
    body = {"correlation_id": correlation_id, "booking_data": data}
    answer = requests.post(REMOTE[step][0], json=body, timeout=TIMEOUT).json()
    saga["events"].append({"step": step, "answer": answer})
    return bool(answer.get("success"))


def ready(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ready"})


urlpatterns = [path("api/saga/start-booking/", start_booking), path("ready/", ready)]

if not settings.configured:
    settings.configure(
        ROOT_URLCONF=__name__,
        SECRET_KEY=uuid.uuid4().hex,
        ALLOWED_HOSTS=["127.0.0.1"],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    )
application = get_wsgi_application()
