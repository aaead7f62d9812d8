"""What one envelope carries to all steps of a booking."""

from functools import partial
from typing import Annotated, Any

from django.conf import settings
from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from service_kit import rules
from service_kit.inputs import Input, text

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
    """Each step declares what it uses, and ignores the rest."""

    passengers: Carried = None
    flights: Carried = None
    flight_id: Carried = None
    user_id: Carried = None
    contact_info: Carried = None
    flight_fare: Carried = None
    other_charges: Carried = None
    amount: Carried = None
    seat_class: Carried = None
    seat_numbers: Carried = None
    payment: Carried = None
    trip_id: Carried = None
    payment_id: Carried = None
    settle: Carried = None
    keep: Carried = None

    def used(self) -> dict[str, Any]:
        """What must be equal in two calls with one correlation id."""
        return self.model_dump()
