"""Pieces of the OpenAPI schemas that the services have in common. They describe."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers

from service_kit import rules
from service_kit.rules import CORRELATION_ID
from service_kit.security.models import AuditKind

Serializer = serializers.Serializer
F = TypeVar("F", bound=Callable[..., Any])


def asked(value: Any, **others: Any) -> Any:
    """Gives a request's serializer its example, and others by name."""
    named = {"request": value, **others}
    examples = [OpenApiExample(name, each, request_only=True) for name, each in named.items()]
    return extend_schema_serializer(examples=examples)


def answered(**values: Any) -> Any:
    """Gives an answer's serializer its examples by name."""
    examples = [OpenApiExample(name, value, response_only=True) for name, value in values.items()]
    return extend_schema_serializer(examples=examples)


HINTS = OpenApiParameter(
    "Warning",
    location="header",
    response=[200, 202],
    description='299 - "contact_inf is not a known field; did you mean contact_info?"',
)


class CorrelationId(serializers.RegexField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(f"^{CORRELATION_ID.pattern}$", **kwargs)


@extend_schema_field(rules.AMOUNT_SCHEMA)
class Amount(serializers.Field):  # type: ignore[type-arg]
    pass


@extend_schema_field(rules.CHARGES_SCHEMA)
class Charges(serializers.Field):  # type: ignore[type-arg]
    """Charges of a booking, possibly 0."""


@extend_schema_field(
    {"type": "number", "minimum": 0, "exclusiveMinimum": True, "multipleOf": 0.01, "example": 550.0}
)
class Total(serializers.Field):  # type: ignore[type-arg]
    """Fare plus charges; the maximum is higher than a fare's."""


@extend_schema_field({"type": "number", "minimum": 0, "multipleOf": 0.01, "example": 550.0})
class Sum(serializers.Field):  # type: ignore[type-arg]
    """Money that may be nothing."""


@extend_schema_field({"type": "number", "multipleOf": 0.01, "example": -20.0})
class Signed(serializers.Field):  # type: ignore[type-arg]
    """An amount that is paid, or below 0 given back."""


class StepDone(Serializer[None]):
    success = serializers.BooleanField()
    correlation_id = CorrelationId()


@answered(
    refused={
        "success": False,
        "correlation_id": "test-12345",
        "error": "This failure was asked for by simulate_failure.",
        "error_code": "SIMULATED_FAILURE",
    }
)
class StepRefused(Serializer[None]):
    success = serializers.BooleanField()
    correlation_id = CorrelationId()
    error = serializers.CharField()
    error_code = serializers.CharField()


@answered(
    problem={
        "type": "about:blank",
        "title": "Bad request",
        "status": 400,
        "code": "INVALID",
        "detail": "flight_id: must be an integer of at least 1",
        "errors": {"flight_id": "must be an integer of at least 1"},
    }
)
class ProblemDetails(Serializer[None]):
    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    correlation_id = serializers.CharField(required=False)
    errors = serializers.DictField(child=serializers.CharField(), required=False)  # type: ignore[assignment]


class Alive(Serializer[None]):
    status = serializers.CharField()


class Ready(Serializer[None]):
    """The backend adds recovery and participants, payment its gateway."""

    status = serializers.CharField()
    database = serializers.ChoiceField(["ok", "unmigrated", "unwritable", "unavailable"])
    recovery_heartbeat = serializers.DateTimeField(required=False, allow_null=True)
    participants = serializers.DictField(child=serializers.CharField(), required=False)
    gateway = serializers.CharField(required=False, help_text="simulated: no card is charged")


class StepRecord(Serializer[None]):
    id = serializers.IntegerField()
    correlation_id = serializers.CharField()
    step = serializers.CharField()
    state = serializers.CharField()
    caller = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()


class StepRecords(Serializer[None]):
    results = StepRecord(many=True)
    next = serializers.CharField(allow_null=True)


class AuditEntry(Serializer[None]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    kind = serializers.ChoiceField(AuditKind.choices)
    actor = serializers.CharField(allow_blank=True)
    address = serializers.CharField(allow_blank=True)
    action = serializers.CharField()
    correlation_id = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    evidence = serializers.CharField(allow_blank=True)


class AuditTrail(Serializer[None]):
    results = AuditEntry(many=True)
    next = serializers.CharField(allow_null=True)


def with_server_answers(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: describes gunicorn's own error answers."""
    too_long = {
        "description": "The request line is over 4,094 bytes",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["414"] = too_long
    return result


def problem(*statuses: int) -> dict[Any, Any]:
    described = OpenApiResponse(ProblemDetails, description="RFC 9457 problem")
    return {(status, "application/problem+json"): described for status in statuses}


def read(answer: type[Serializer[None]]) -> dict[Any, Any]:
    return {200: answer, **problem(400, 401, 403, 404, 405, 429, 503)}


def reading(query: Any, answer: type[Serializer[None]]) -> Callable[[F], F]:
    """Describes a GET whose query string the model takes."""
    return extend_schema(parameters=[query], responses=read(answer))


def step(done: type[Serializer[None]]) -> dict[Any, Any]:
    """Done and refused are both 200; everything else is a problem."""
    either = PolymorphicProxySerializer(
        component_name=f"{done.__name__}OrRefused",
        serializers=[done, StepRefused],
        resource_type_field_name=None,
    )
    return {200: either, **problem(400, 401, 403, 405, 409, 413, 415, 422, 429, 503)}
