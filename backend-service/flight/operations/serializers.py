"""The wire forms of sagas as operators see them, for the OpenAPI schema."""

from django_sagas.state import Kind, SagaStatus
from rest_framework import serializers
from service_kit import schema

from flight.saga_serializers import BookingResult, Serializer


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
