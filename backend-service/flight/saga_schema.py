"""The answers of the steps and of the saga endpoints, for the OpenAPI schema."""

from django_sagas.state import Kind, SagaStatus
from rest_framework import serializers
from service_kit import schema

from flight.aircraft import SeatClass

Serializer = serializers.Serializer


class Route(Serializer[None]):
    flight_number = serializers.CharField()
    origin = serializers.CharField()
    destination = serializers.CharField()


class FlightBrief(Route):
    id = serializers.IntegerField()


class HeldFlight(Route):
    flight_id = serializers.IntegerField()
    seat_class = serializers.ChoiceField(SeatClass.choices)
    seat_numbers = serializers.ListField(child=serializers.CharField())


HELD = {
    "flight_id": 1,
    "flight_number": "TW101",
    "origin": "DFW",
    "destination": "ORD",
    "seat_class": "economy",
    "seat_numbers": ["12A"],
}


@schema.answered(
    reserved={
        "success": True,
        "correlation_id": "test-12345",
        "reservation_id": "res-test-12345",
        "seats_reserved": 1,
        "seat_numbers": ["12A"],
        "expires_at": "2026-11-23T12:15:00Z",
        "flight": {"id": 1, "flight_number": "TW101", "origin": "DFW", "destination": "ORD"},
        "flights": [HELD],
    }
)
class Reserved(schema.StepDone):
    reservation_id = serializers.CharField()
    seats_reserved = serializers.IntegerField()
    seat_numbers = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()
    flight = FlightBrief(help_text="the first")
    flights = HeldFlight(many=True)


@schema.answered(
    cancelled={
        "success": True,
        "correlation_id": "test-12345",
        "seats_released": 1,
        "status": "CANCELLED",
    }
)
class SeatCancelled(schema.StepDone):
    seats_released = serializers.IntegerField()
    status = serializers.CharField()
    message = serializers.CharField(required=False)


class ConfirmedTicket(Serializer[None]):
    ticket_number = serializers.CharField()
    passenger = serializers.CharField()
    seat_number = serializers.CharField()
    flight_id = serializers.IntegerField()
    flight_number = serializers.CharField()


TICKET = {
    "ticket_number": "973-2400000001",
    "passenger": "John Doe",
    "seat_number": "12A",
    "flight_id": 1,
    "flight_number": "TW101",
}


@schema.answered(
    confirmed={
        "success": True,
        "correlation_id": "test-12345",
        "booking_reference": "K7PQ2M",
        "tickets": [TICKET],
        "status": "CONFIRMED",
    }
)
class Confirmed(schema.StepDone):
    booking_reference = serializers.CharField()
    tickets = ConfirmedTicket(many=True)
    status = serializers.CharField()


@schema.answered(
    cancelled={
        "success": True,
        "correlation_id": "test-12345",
        "booking_reference": "K7PQ2M",
        "status": "CANCELLED",
    }
)
class BookingCancelled(schema.StepDone):
    booking_reference = serializers.CharField(required=False)
    status = serializers.CharField()
    message = serializers.CharField(required=False)


class Compensation(Serializer[None]):
    step = serializers.CharField()
    compensation = serializers.CharField()
    success = serializers.BooleanField()
    settled_by_hand = serializers.BooleanField(required=False)


@schema.answered(
    completed={
        "success": True,
        "correlation_id": "2f1c9f0e-4d0b-4a53-8a55-0f7f6f1f1c55",
        "status": "COMPLETED",
        "message": "The booking is confirmed.",
        "steps_completed": 4,
        "booking_reference": "K7PQ2M",
        "seats_reserved": 1,
        "seat_numbers": ["12A"],
        "flights": [HELD],
        "amount": 250.0,
        "miles_awarded": 200,
    },
    compensated={
        "success": False,
        "correlation_id": "2f1c9f0e-4d0b-4a53-8a55-0f7f6f1f1c55",
        "status": "COMPENSATED",
        "message": "The booking failed and everything was undone.",
        "steps_completed": 1,
        "failed_step": "AuthorizePayment",
        "error": "The card was declined.",
        "error_code": "PAYMENT_DECLINED",
        "compensation_result": [{"step": "ReserveSeat", "compensation": "CancelSeat", "success": True}],
    },
    cancelled={
        "success": False,
        "correlation_id": "2f1c9f0e-4d0b-4a53-8a55-0f7f6f1f1c55",
        "status": "COMPENSATED",
        "message": "Booking K7PQ2M was cancelled and everything was undone; nothing is charged.",
        "steps_completed": 4,
        "booking_reference": "K7PQ2M",
        "failed_step": None,
        "error": "The booking was cancelled.",
        "error_code": "CANCELLED_BY_USER",
        "compensation_result": [
            {"step": "ConfirmBooking", "compensation": "CancelBooking", "success": True},
            {"step": "AwardMiles", "compensation": "ReverseMiles", "success": True},
            {"step": "AuthorizePayment", "compensation": "CancelPayment", "success": True},
            {"step": "ReserveSeat", "compensation": "CancelSeat", "success": True},
        ],
    },
)
class BookingResult(Serializer[None]):
    success = serializers.BooleanField()
    correlation_id = schema.CorrelationId()
    status = serializers.CharField()
    message = serializers.CharField()
    steps_completed = serializers.IntegerField(required=False)
    booking_reference = serializers.CharField(required=False)
    seats_reserved = serializers.IntegerField(required=False)
    seat_numbers = serializers.ListField(child=serializers.CharField(), required=False)
    flights = HeldFlight(many=True, required=False)
    amount = schema.Total(required=False)
    miles_awarded = serializers.IntegerField(required=False)
    failed_step = serializers.CharField(required=False, allow_null=True)
    error = serializers.CharField(required=False)
    error_code = serializers.CharField(required=False)
    compensation_result = Compensation(many=True, required=False)
    not_needed = serializers.BooleanField(required=False, help_text="of a settlement")
    confirmation_sent = serializers.BooleanField(required=False, help_text="of a settlement")
    refund = schema.Charges(required=False, help_text="of a cancelled booking: what is given back")
    fee = schema.Charges(required=False, help_text="of a cancelled booking: what is kept")
    miles = serializers.IntegerField(required=False, help_text="of a cancelled booking: what is taken back")


@schema.answered(
    running={
        "correlation_id": "2f1c9f0e-4d0b-4a53-8a55-0f7f6f1f1c55",
        "status": "RUNNING",
        "message": "The booking is being worked on; see its status.",
    }
)
class BookingAccepted(Serializer[None]):
    correlation_id = schema.CorrelationId()
    status = serializers.CharField()
    message = serializers.CharField()


class Step(Serializer[None]):
    name = serializers.CharField()
    compensation = serializers.CharField()
    status = serializers.CharField()
    attempts = serializers.IntegerField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    error_code = serializers.CharField(allow_null=True)
    compensation_attempts = serializers.IntegerField()
    title = serializers.CharField(help_text="what a traveller is told of its state")
    icon = serializers.CharField(help_text="a name of an icon, or nothing")


class StepBrief(Serializer[None]):
    name = serializers.CharField()
    compensation = serializers.CharField()
    status = serializers.CharField()
    title = serializers.CharField()
    error = serializers.CharField(allow_null=True)
    error_code = serializers.CharField(allow_null=True)


class Action(Serializer[None]):
    name = serializers.CharField()
    href = serializers.CharField()


class SagaState(Serializer[None]):
    definition = serializers.CharField(help_text="of the saga, such as book-trip")
    version = serializers.IntegerField(help_text="of the definition, when the saga began")
    correlation_id = schema.CorrelationId()
    status = serializers.ChoiceField(SagaStatus.choices)
    reason = serializers.CharField(allow_null=True)
    needs_attention = serializers.BooleanField()
    attention_reason = serializers.CharField(allow_null=True)
    resolved_manually = serializers.BooleanField()
    booking_reference = serializers.CharField(allow_null=True)
    user_id = serializers.CharField()
    flight_id = serializers.IntegerField(required=False, help_text="of a booking: the first of the trip")
    flights = serializers.ListField(child=serializers.IntegerField(), required=False)
    amount = schema.Total(required=False)
    settlement = serializers.CharField(
        required=False, allow_null=True, help_text="of a booking: the saga that captures its money"
    )
    booking = schema.CorrelationId(required=False, help_text="of a settlement: the booking's saga")
    actions = Action(many=True, required=False, help_text="what an operator can do about it")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    gives_up_at = serializers.DateTimeField(
        allow_null=True, help_text="when it turns back if the step under way has no outcome by then"
    )
    owner = serializers.CharField(allow_null=True)


class SagaSummary(SagaState):
    steps = StepBrief(many=True)


class SagaStatusAnswer(SagaState):
    steps = Step(many=True)
    result = BookingResult(required=False)


class Event(Serializer[None]):
    event_id = serializers.CharField()
    event_type = serializers.CharField()
    correlation_id = schema.CorrelationId()
    sequence = serializers.IntegerField()
    timestamp = serializers.DateTimeField()
    data = serializers.DictField()  # type: ignore[assignment]


class Events(Serializer[None]):
    correlation_id = schema.CorrelationId()
    events = Event(many=True)
    next = serializers.CharField(allow_null=True, help_text="address of the events after these")


class SettledByHand(Serializer[None]):
    step = serializers.CharField()
    settled_at = serializers.DateTimeField()
    actor = serializers.CharField()
    reason = serializers.CharField()
    evidence = serializers.CharField()
    agreed_at = serializers.DateTimeField(allow_null=True, help_text="when its owner was found to agree")


class Export(Serializer[None]):
    saga = SagaStatusAnswer()
    epoch = serializers.IntegerField(help_text="fencing token: grows with every new owner")
    events = Event(many=True)
    settled_by_hand = SettledByHand(many=True)


class SagaList(Serializer[None]):
    results = SagaSummary(many=True)
    next = serializers.CharField(allow_null=True)


class OpenSaga(Serializer[None]):
    correlation_id = schema.CorrelationId()
    created_at = serializers.DateTimeField()


class Failures(Serializer[None]):
    since = serializers.DateTimeField()
    ended = serializers.IntegerField()
    failed = serializers.IntegerField()


class Incident(Serializer[None]):
    reason = serializers.CharField()
    count = serializers.IntegerField()
    sagas = serializers.ListField(child=schema.CorrelationId(), help_text="some of them")


class NextTry(Serializer[None]):
    correlation_id = schema.CorrelationId()
    status = serializers.CharField()
    due_at = serializers.DateTimeField()


class SeatsHeld(Serializer[None]):
    by_sagas = serializers.IntegerField()
    by_direct_calls = serializers.IntegerField()
    next_expiry = serializers.DateTimeField(allow_null=True)


class Settlement(Serializer[None]):
    correlation_id = schema.CorrelationId()
    step = serializers.CharField()
    settled_at = serializers.DateTimeField()
    seen = serializers.CharField(allow_null=True, help_text="what the auditor saw there; null: not yet asked")


class OpenSettlement(Settlement):
    actor = serializers.CharField()
    reason = serializers.CharField()
    evidence = serializers.CharField()


class OpenSettlements(Serializer[None]):
    results = OpenSettlement(many=True)


class Hour(Serializer[None]):
    at = serializers.DateTimeField()
    started = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="of them, without being cancelled")
    stuck = serializers.IntegerField(help_text="of them, now")


class History(Serializer[None]):
    results = Hour(many=True)


class RefusedAction(Serializer[None]):
    correlation_id = schema.CorrelationId()
    detail = serializers.CharField()


class BulkAnswer(Serializer[None]):
    done = serializers.IntegerField()
    refused = RefusedAction(many=True)
    after = serializers.CharField(allow_null=True, help_text="for the next batch; null after the last one")
    left = serializers.IntegerField()


class Settlements(Serializer[None]):
    count = serializers.IntegerField()
    oldest = Settlement(many=True)


class Worker(Serializer[None]):
    name = serializers.CharField()
    beat_at = serializers.DateTimeField()


class Engine(Serializer[None]):
    name = serializers.CharField()
    workers = Worker(many=True)
    jobs_waiting = serializers.IntegerField(allow_null=True)


class DeclaredStep(Serializer[None]):
    name = serializers.CharField()
    compensation = serializers.CharField()
    participant = serializers.CharField(allow_null=True, help_text="null: the orchestrator's own database")
    kind = serializers.ChoiceField(list(Kind))
    refusals = serializers.ListField(child=serializers.CharField())
    title = serializers.CharField()
    undone = serializers.CharField()
    icon = serializers.CharField()


class Declared(Serializer[None]):
    name = serializers.CharField()
    version = serializers.IntegerField()
    steps = DeclaredStep(many=True)


class Declarations(Serializer[None]):
    results = Declared(many=True)


class Definition(Serializer[None]):
    name = serializers.CharField()
    version = serializers.IntegerField()
    open = serializers.IntegerField()


class Overview(Serializer[None]):
    counts = serializers.DictField(child=serializers.IntegerField())
    needs_attention = serializers.IntegerField()
    oldest_open = OpenSaga(allow_null=True)
    failures = Failures()
    incidents = Incident(many=True)
    next_tries = NextTry(many=True)
    seats_held = SeatsHeld()
    settled_by_hand = Settlements(help_text="whose owners still have money, miles or seats of it")
    engine = Engine()
    definitions = Definition(many=True)


class CancellationAnswer(Serializer[None]):
    success = serializers.BooleanField()
    correlation_id = schema.CorrelationId()
    status = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
    booking_reference = serializers.CharField(allow_null=True)
    compensation_result = Compensation(many=True)
    refund = schema.Charges(required=False, help_text="of a booking's cancellation: what is given back")
    fee = schema.Charges(required=False, help_text="what is kept")
    miles = serializers.IntegerField(required=False, help_text="what is taken back")


@schema.answered(
    changed={
        "success": True,
        "correlation_id": "0f2b8a2e-6d54-4a37-9d56-0a4c54c2a1c5",
        "status": "COMPLETED",
        "message": "The trip of booking K7PQ2M is changed.",
        "steps_completed": 6,
        "booking_reference": "K7PQ2M",
        "seats_reserved": 1,
        "seat_numbers": ["12A"],
        "flights": [HELD],
        "amount": 270.0,
        "difference": 20.0,
        "miles": 20,
    },
    refused={
        "success": False,
        "correlation_id": "0f2b8a2e-6d54-4a37-9d56-0a4c54c2a1c5",
        "status": "COMPENSATED",
        "message": "The trip of booking K7PQ2M is as it was; nothing is charged.",
        "steps_completed": 1,
        "booking_reference": "K7PQ2M",
        "failed_step": "AuthorizePayment",
        "error": "The card was declined.",
        "error_code": "PAYMENT_DECLINED",
        "compensation_result": [{"step": "HoldSeats", "compensation": "ReleaseSeats", "success": True}],
    },
)
class ChangeResult(Serializer[None]):
    """A repeat of the quote returns the same one."""

    success = serializers.BooleanField()
    correlation_id = schema.CorrelationId(help_text="of the change's own saga")
    status = serializers.ChoiceField(SagaStatus.choices)
    message = serializers.CharField()
    steps_completed = serializers.IntegerField()
    booking_reference = serializers.CharField()
    seats_reserved = serializers.IntegerField(required=False)
    seat_numbers = serializers.ListField(child=serializers.CharField(), required=False)
    flights = HeldFlight(many=True, required=False, help_text="the whole trip as it is now")
    amount = schema.Total(required=False, help_text="what the trip costs now")
    difference = schema.Signed(required=False, help_text="what was paid, or below 0 given back")
    miles = serializers.IntegerField(required=False, help_text="what was added, or below 0 taken back")
    failed_step = serializers.CharField(required=False, allow_null=True)
    error = serializers.CharField(required=False)
    error_code = serializers.CharField(required=False)
    compensation_result = Compensation(many=True, required=False)


class ChangeAccepted(Serializer[None]):
    correlation_id = schema.CorrelationId()
    status = serializers.ChoiceField(SagaStatus.choices)
    message = serializers.CharField()
    booking_reference = serializers.CharField()
