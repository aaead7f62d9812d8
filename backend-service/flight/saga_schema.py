"""The wire forms of the steps and of the saga endpoints, for the OpenAPI schema."""

from rest_framework import serializers
from service_kit import schema

from flight.aircraft import SeatClass

Serializer = serializers.Serializer


class Passenger(Serializer[None]):
    first_name = serializers.CharField(max_length=100)
    last_name = serializers.CharField(max_length=100)
    gender = serializers.ChoiceField(["male", "female", "unspecified"], required=False)


class Contact(Serializer[None]):
    email = serializers.EmailField(max_length=200)
    mobile = serializers.RegexField(r"^\+?[0-9][0-9 -]{3,28}[0-9]$")


class SeatChoice(Serializer[None]):
    flight_id = serializers.IntegerField(min_value=1)
    passengers = serializers.ListField(child=Passenger(), min_length=1, max_length=9)
    seat_class = serializers.ChoiceField(SeatClass.choices, required=False)
    seat_numbers = serializers.ListField(
        child=serializers.RegexField(r"^[1-9][0-9]?[A-Z]$"), min_length=1, max_length=9, required=False
    )


class ReserveRequest(schema.StepRequest):
    booking_data = SeatChoice()


class FlightBrief(Serializer[None]):
    id = serializers.IntegerField()
    flight_number = serializers.CharField()
    origin = serializers.CharField()
    destination = serializers.CharField()


class Reserved(schema.StepDone):
    reservation_id = serializers.CharField()
    seats_reserved = serializers.IntegerField()
    seat_numbers = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()
    flight = FlightBrief()


class SeatCancelled(schema.StepDone):
    seats_released = serializers.IntegerField()
    status = serializers.CharField()
    message = serializers.CharField(required=False)


class ConfirmBookingData(Serializer[None]):
    flight_id = serializers.IntegerField(min_value=1)
    user_id = schema.UserId()
    passengers = serializers.ListField(child=Passenger(), min_length=1, max_length=9)
    contact_info = Contact()


class ConfirmRequest(schema.StepRequest):
    booking_data = ConfirmBookingData()


class ConfirmedTicket(Serializer[None]):
    ticket_number = serializers.CharField()
    passenger = serializers.CharField()
    seat_number = serializers.CharField()


class Confirmed(schema.StepDone):
    booking_reference = serializers.CharField()
    tickets = ConfirmedTicket(many=True)
    status = serializers.CharField()


class BookingCancelled(schema.StepDone):
    booking_reference = serializers.CharField(required=False)
    status = serializers.CharField()
    message = serializers.CharField(required=False)


class StartBooking(SeatChoice):
    user_id = schema.UserId()
    contact_info = Contact()
    payment = schema.CardToken(required=False)
    expected_amount = schema.Amount(required=False)
    simulate_reserveseat_fail = serializers.BooleanField(required=False)
    simulate_authorizepayment_fail = serializers.BooleanField(required=False)
    simulate_awardmiles_fail = serializers.BooleanField(required=False)
    simulate_confirmbooking_fail = serializers.BooleanField(required=False)


class Compensation(Serializer[None]):
    step = serializers.CharField()
    compensation = serializers.CharField()
    success = serializers.BooleanField()


class BookingResult(Serializer[None]):
    success = serializers.BooleanField()
    correlation_id = schema.CorrelationId()
    status = serializers.CharField()
    message = serializers.CharField()
    steps_completed = serializers.IntegerField(required=False)
    booking_reference = serializers.CharField(required=False)
    seats_reserved = serializers.IntegerField(required=False)
    seat_numbers = serializers.ListField(child=serializers.CharField(), required=False)
    amount = schema.Amount(required=False)
    miles_awarded = serializers.IntegerField(required=False)
    failed_step = serializers.CharField(required=False, allow_null=True)
    error = serializers.CharField(required=False)
    error_code = serializers.CharField(required=False)
    compensation_result = Compensation(many=True, required=False)


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


class SagaStatusAnswer(Serializer[None]):
    correlation_id = schema.CorrelationId()
    status = serializers.ChoiceField(["PENDING", "RUNNING", "COMPENSATING", "COMPLETED", "COMPENSATED"])
    reason = serializers.CharField(allow_null=True)
    needs_attention = serializers.BooleanField()
    attention_reason = serializers.CharField(allow_null=True)
    resolved_manually = serializers.BooleanField()
    booking_reference = serializers.CharField(allow_null=True)
    user_id = serializers.CharField()
    flight_id = serializers.IntegerField()
    amount = schema.Amount()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    owner = serializers.CharField(allow_null=True)
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


class SagaList(Serializer[None]):
    results = SagaStatusAnswer(many=True)
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


class Worker(Serializer[None]):
    name = serializers.CharField()
    beat_at = serializers.DateTimeField()


class Engine(Serializer[None]):
    name = serializers.CharField()
    workers = Worker(many=True)
    jobs_waiting = serializers.IntegerField(allow_null=True)


class Definition(Serializer[None]):
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
    engine = Engine()
    definitions = Definition(many=True)


class Reason(Serializer[None]):
    reason = serializers.CharField(max_length=200, required=False)


class Resolve(Serializer[None]):
    step = serializers.ChoiceField(["ReserveSeat", "AuthorizePayment", "AwardMiles", "ConfirmBooking"])
    reason = serializers.CharField(max_length=200)
    evidence = serializers.CharField(max_length=200)


class CancellationAnswer(Serializer[None]):
    success = serializers.BooleanField()
    correlation_id = schema.CorrelationId()
    status = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
    booking_reference = serializers.CharField(allow_null=True)
    compensation_result = Compensation(many=True)
