"""Inputs as pydantic models: one declaration validates a body and describes it in the OpenAPI schema.

The body has been parsed by `strict_json`: no number out of range, no lone surrogate, no long text.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Self

from django.conf import settings
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails

from service_kit import rules, schema
from service_kit.problems import invalid

WORDS = {
    "missing": "is required",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "bool_type": "must be true or false",
    "int_type": "must be an integer",
    "greater_than_equal": "must be an integer of at least {ge}",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "value_error": "{error}",
}
"pydantic's kinds of errors"


def _tidy(schema: dict[str, Any]) -> None:
    """Without each name repeated as a title, and without a default of null, which no field takes."""
    for each in (schema, *schema["properties"].values()):
        each.pop("title", None)
        if each.get("default", "") is None:
            del each["default"]


class Input(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True, json_schema_extra=_tidy)

    @classmethod
    def read(cls, source: Mapping[str, Any]) -> Self:
        """Raises a 400 that names every bad field; unknown ones are ignored."""
        try:
            return cls.model_validate(source)
        except ValidationError as error:
            raise invalid(bad_fields(error.errors())) from error


def bad_fields(errors: Iterable[ErrorDetails]) -> dict[str, str]:
    return {path(each["loc"]): _in_words(each) for each in errors}


def _in_words(error: ErrorDetails) -> str:
    words = WORDS.get(error["type"])
    return words.format(**error.get("ctx", {})) if words else error["msg"]


def path(location: tuple[int | str, ...]) -> str:
    """passengers[0].first_name"""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".")


def text(rule: rules.TextRule) -> tuple[Any, ...]:
    return PlainValidator(rule.read), WithJsonSchema(rule.schema)


def items(fewest: int, most: int) -> tuple[Any, ...]:
    """The size is checked first: a list of thousands is one error."""

    def sized(value: Any) -> Any:
        if isinstance(value, list) and fewest <= len(value) <= most:
            return value
        raise ValueError(f"must be a list of {fewest} to {most}")

    described = Field(strict=False, json_schema_extra={"minItems": fewest, "maxItems": most})
    return described, BeforeValidator(sized)


Positive = Annotated[int, Field(ge=1)]
CorrelationId = Annotated[str, *text(rules.CORRELATION)]
UserId = Annotated[str, PlainValidator(rules.user_id), WithJsonSchema(rules.USER_SCHEMA)]
AMOUNT = PlainValidator(rules.cents), WithJsonSchema(rules.AMOUNT_SCHEMA)
Amount = Annotated[int, *AMOUNT]
Charges = Annotated[int, PlainValidator(partial(rules.cents, fewest=0)), WithJsonSchema(rules.CHARGES_SCHEMA)]
Name = Annotated[str, *text(rules.NAME)]
Email = Annotated[str, *text(rules.EMAIL)]
Mobile = Annotated[str, *text(rules.MOBILE)]
SeatNumber = Annotated[str, *text(rules.SEAT_NUMBER)]
CardToken = Annotated[str, *text(rules.CARD_TOKEN)]


def _in_demo_mode(value: Any) -> Any:
    """Demo mode's default; otherwise the field is required."""
    return Field(default_factory=lambda: value if settings.DEMO_MODE else None, validate_default=True)


def _is_given(value: Any) -> Any:
    if value is None:
        raise ValueError("is required")
    return value


class Card(Input):
    """In demo mode a token that is left out is tok_ok."""

    card_token: Annotated[CardToken, _in_demo_mode("tok_ok"), BeforeValidator(_is_given)]


Payment = Annotated[Card, _in_demo_mode({}), BeforeValidator(_is_given)]
Carried = Annotated[Any, Field(exclude=True)]


class BookingData(Input):
    """What one envelope carries to all steps. Each step declares what it uses, and ignores the rest."""

    flight_id: Carried = None
    user_id: Carried = None
    passengers: Carried = None
    contact_info: Carried = None
    flight_fare: Carried = None
    other_charges: Carried = None
    amount: Carried = None
    seat_class: Carried = None
    seat_numbers: Carried = None
    payment: Carried = None

    def used(self) -> dict[str, Any]:
        """What must be equal in two calls with one correlation id."""
        return self.model_dump()


class StepRequest(Input):
    """The envelope of all steps."""

    correlation_id: CorrelationId
    step_number: Positive = 1
    simulate_failure: bool = False
    booking_data: Any = Field(default_factory=dict)


@schema.asked({"correlation_id": "test-12345"})
class CompensationRequest(StepRequest):
    """A compensation needs only the correlation id."""

    booking_data: dict[str, Any] = Field(default_factory=dict)
