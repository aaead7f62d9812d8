"""Starting a booking."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.http import HttpResponse
from django_sagas import saga_log
from django_sagas.definitions import WriteConflict
from django_sagas.engines import engine
from django_sagas.runtime import admission, orchestrator
from django_sagas.state import SagaState
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from service_kit import credentials, schema
from service_kit.api import ServiceView, read_body
from service_kit.authentication import caller_of
from service_kit.permissions import KnownCallers
from service_kit.problems import try_again

from flight import saga_answers, saga_requests, saga_serializers
from flight.booking_actions import PREFER_HEADER, key_reused, replayed, respond, wants_async
from flight.saga_limits import Held, caller_limits

log = structlog.get_logger("saga")
KEY_HEADER = OpenApiParameter(
    "Idempotency-Key", location="header", description="a repeat returns the same saga"
)


class StartBookingView(ServiceView):
    permission_classes = [KnownCallers]
    costs = {"starts": 1, "declined": 0}

    @extend_schema(
        request=saga_requests.START_BOOKING,
        parameters=[KEY_HEADER, PREFER_HEADER, schema.HINTS],
        responses={
            200: saga_serializers.BookingResult,
            202: saga_serializers.BookingAccepted,
            **schema.problem(400, 401, 403, 404, 405, 413, 415, 422, 429, 503),
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """Book a trip of one to six flights: run the saga to its end, or accept it and let it go on."""
        command = read_body(request, saga_requests.START_BOOKING)
        credentials.refuse_simulation(bool(command.simulated or command.simulate_wait))
        caller = caller_of(request)
        credentials.require_user(caller, command.user_id)
        key = saga_requests.read_idempotency_key(request.META.get("HTTP_IDEMPOTENCY_KEY"))
        scope = (caller.user_id or command.user_id) if key else None
        if key and scope and (known := saga_log.load_by_key(scope, key)):
            return repeated(known, command)
        admission.check()
        address = "" if settings.DEMO_MODE else credentials.client_address(request, caller)
        correlation_id = orchestrator().new_id()
        new = Held(command.user_id, address, seats=len(command.passengers) * len(command.trip))
        with caller_limits.starting(correlation_id, new):
            saga = saga_requests.new_saga(
                command,
                correlation_id=correlation_id,
                flights=saga_requests.find_flights_of(command),
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
        if command.simulate_wait:
            begins = saga.created_at + timedelta(seconds=command.simulate_wait)
            ran = orchestrator().accept(saga, due_at=begins)
        else:
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


def repeated(known: SagaState, command: saga_requests.StartBooking) -> HttpResponse:
    if known.request_fingerprint != command.fingerprint():
        raise key_reused(known, "This Idempotency-Key came before with another body.")
    return replayed(answer(known))


def answer(saga: SagaState) -> HttpResponse:
    return respond(saga, accepted=saga_answers.accepted(saga))
