"""Starting a booking, and cancelling one."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog
from django.conf import settings
from django.http import HttpResponse
from django_sagas import saga_log
from django_sagas.definitions import WriteConflict
from django_sagas.engines import engine
from django_sagas.operators import Operator, not_cancellable
from django_sagas.runtime import admission, orchestrator
from django_sagas.state import SagaState
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from service_kit import credentials, schema, unknown_fields
from service_kit.api import ServiceView, json_response, read_json
from service_kit.authentication import caller_of
from service_kit.parsers import JsonOrFormParser
from service_kit.permissions import KnownCallers, Owner
from service_kit.problems import Problem, invalid, try_again

from flight import saga_answers, saga_requests, saga_schema
from flight.inputs import Reason
from flight.models import Booking, BookingStatus
from flight.saga_limits import Held, caller_limits

log = structlog.get_logger("saga")
KEY_HEADER = OpenApiParameter(
    "Idempotency-Key", location="header", description="a repeat returns the same saga"
)
PREFER_HEADER = OpenApiParameter("Prefer", location="header", description="respond-async (RFC 7240)")
PREFER_WHEN_BOOKING = OpenApiParameter(
    "Prefer",
    location="header",
    description="respond-async; handling=strict refuses every unknown field (RFC 7240)",
)


class StartBookingView(ServiceView):
    permission_classes = [KnownCallers]
    costs = {"starts": 1, "declined": 0}

    @extend_schema(
        request=saga_requests.START_BOOKING,
        parameters=[KEY_HEADER, PREFER_WHEN_BOOKING, schema.HINTS],
        responses={
            200: saga_schema.BookingResult,
            202: saga_schema.BookingAccepted,
            **schema.problem(400, 401, 403, 404, 405, 413, 415, 422, 429, 503),
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """Book a flight: run the saga to its end, or accept it and let it go on."""
        strict = unknown_fields.is_strict(request)
        takes = saga_requests.START_BOOKING
        command, hints = unknown_fields.read(takes, read_json(request), strict=strict)
        response = self._book(request, command)
        unknown_fields.tell(response, hints)
        return response

    def _book(self, request: Request, command: saga_requests.StartBooking) -> HttpResponse:
        credentials.refuse_simulation(bool(command.simulated))
        caller = caller_of(request)
        credentials.require_user(caller, command.user_id)
        key = saga_requests.read_idempotency_key(request.META.get("HTTP_IDEMPOTENCY_KEY"))
        scope = (caller.user_id or command.user_id) if key else None
        if key and scope and (known := saga_log.load_by_key(scope, key)):
            return repeated(known, command)
        admission.check()
        address = "" if settings.DEMO_MODE else credentials.client_address(request, caller)
        correlation_id = orchestrator().new_id()
        new = Held(command.user_id, address, seats=len(command.passengers))
        with caller_limits.starting(correlation_id, new):
            saga = saga_requests.new_saga(
                command,
                correlation_id=correlation_id,
                flight=saga_requests.find_flight_of(command),
                scope=scope,
                key=key,
                address=address,
                now=orchestrator().now(),
            )
            return self._run(request, saga, command)

    @staticmethod
    def _run(request: Request, saga: SagaState, command: saga_requests.StartBooking) -> HttpResponse:
        request_id = structlog.contextvars.get_contextvars().get("correlation_id")
        structlog.contextvars.bind_contextvars(correlation_id=saga.correlation_id, request_id=request_id)
        ran = start(saga, at_once=not wants_async(request))
        if ran is not None:
            return answer(ran)
        # A concurrent request with the same key inserted first.
        assert saga.idempotency_scope and saga.idempotency_key
        known = saga_log.load_by_key(saga.idempotency_scope, saga.idempotency_key)
        assert known is not None, "sagas are never deleted"
        return repeated(known, command)


def start(saga: SagaState, *, at_once: bool) -> SagaState | None:
    """Run the saga, or accept it for recovery to run; None if its idempotency key is taken."""
    if not at_once:
        return orchestrator().accept(saga, also=engine().submit)
    deadline = saga.created_at + timedelta(seconds=settings.SAGA_REQUEST_DEADLINE)
    try:
        return orchestrator().start(saga, deadline=deadline)
    except WriteConflict as error:
        raise try_again("The seats of this flight change too fast.") from error


def wants_async(request: Request) -> bool:
    return unknown_fields.prefers(request, "respond-async")


def repeated(known: SagaState, command: saga_requests.StartBooking) -> HttpResponse:
    if known.request_fingerprint != command.fingerprint():
        raise Problem(
            422,
            "IDEMPOTENCY_KEY_REUSED",
            "This Idempotency-Key came before with another body.",
            correlation_id=known.correlation_id,
        )
    response = answer(known)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def answer(saga: SagaState) -> HttpResponse:
    """The saga's result, or the 202 with its Location."""
    headers = {"X-Correlation-ID": saga.correlation_id}
    if saga.result is not None:
        return json_response(saga_answers.answer(saga), headers=headers)
    headers["Location"] = f"/api/saga/status/{saga.correlation_id}/"
    return json_response(saga_answers.answer(saga), status=202, headers=headers)


def run_cancellation(
    correlation_id: str,
    *,
    reason: str,
    at_once: bool,
    also: Callable[[], object] = lambda: None,
) -> SagaState | None:
    """Turn a complete saga back and run its compensations, or leave them to recovery; None if it is not
    complete."""
    taken = orchestrator().cancel(correlation_id, completed=True, reason=reason, also=also)
    if taken is None:
        return None
    seconds = settings.SAGA_REQUEST_DEADLINE if at_once else 0.0
    return orchestrator().advance(taken, deadline=orchestrator().now() + timedelta(seconds=seconds))


def cancelled(saga: SagaState) -> HttpResponse:
    headers = {"X-Correlation-ID": saga.correlation_id}
    if saga.is_terminal:
        return json_response(saga_answers.cancellation(saga), headers=headers)
    headers["Location"] = f"/api/saga/status/{saga.correlation_id}/"
    return json_response(saga_answers.cancellation(saga), status=202, headers=headers)


def read_reason(request: Request, *, needed: bool) -> str:
    """The operator's reason, for the audit trail."""
    body = Reason.read(read_json(request))
    if needed and "reason" not in body.model_fields_set:
        raise invalid({"reason": "is required"})
    return body.reason


def _refuse_departed(booking: Booking) -> None:
    """A departed flight is not cancelled. A repeat of an earlier cancellation is answered as before."""
    if booking.status == BookingStatus.CONFIRMED and booking.flight.has_departed(orchestrator().now()):
        detail = f"Flight {booking.flight.flight_number} has departed: the booking is not cancelled any more."
        raise Problem(409, "DEPARTED", detail, correlation_id=booking.correlation_id)


class CancelBookingView(ServiceView):
    permission_classes = [Owner]
    parser_classes = [JsonOrFormParser]
    subject = "booking"
    costs = {"actions": 1}

    @extend_schema(
        request=Reason,
        parameters=[PREFER_HEADER],
        responses={
            200: saga_schema.CancellationAnswer,
            202: saga_schema.CancellationAnswer,
            **schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 429, 503),
        },
    )
    def post(self, request: Request, booking_reference: str) -> HttpResponse:
        """Cancel a booking: its saga runs its compensations. An operator gives a reason."""
        booking = Booking.objects.filter(reference=booking_reference.upper()).first()
        self.check_object_permissions(request, booking.user_id if booking else None)
        assert booking is not None, "Owner raises for None"
        caller = caller_of(request)
        if caller.role == "auditor" and caller.user_id != booking.user_id:
            raise Problem(403, "NOT_ALLOWED", "Auditors look and change nothing.")
        foreign = caller.is_operator and caller.user_id != booking.user_id
        reason = read_reason(request, needed=foreign and not settings.DEMO_MODE)
        by, now = Operator(caller.user_id, reason), orchestrator().now()
        leave_trail = partial(by.leave_trail, "cancel-booking", booking.correlation_id, now)
        _refuse_departed(booking)
        saga = run_cancellation(
            booking.correlation_id,
            reason="CANCELLED_BY_OPERATOR" if foreign else "CANCELLED_BY_USER",
            at_once=not wants_async(request),
            also=leave_trail if foreign else lambda: None,
        )
        saga = saga or saga_log.load(booking.correlation_id)
        if saga is None:
            raise not_cancellable(None, "This booking was made by direct calls and has no saga.")
        return cancelled(saga)
