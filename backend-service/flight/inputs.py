"""What this service takes in its bodies."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticKnownError
from service_kit import rules, schema
from service_kit.booking_data import BookingData, Card, Carried, Email, Mobile, Name, Payment, SeatNumber
from service_kit.inputs import Input, Positive, UserId, items, text
from service_kit.rules import TextRule
from service_kit.saga_steps import StepRequest

from flight.aircraft import SeatClass
from flight.models import MAX_FLIGHTS, MAX_PASSENGERS

HEX = "[0-9a-f]"
FINDABLE = TextRule(6, "must be six letters and digits", re.compile(r"[A-Za-z2-9]{6}"))
QUOTE_ID = TextRule(
    36, "must be the quote_id of a quote", re.compile(rf"{HEX}{{8}}-(?:{HEX}{{4}}-){{3}}{HEX}{{12}}")
)
PASSENGERS = [{"first_name": "John", "last_name": "Doe", "gender": "male"}]
FLIGHTS = [{"flight_id": 1, "seat_numbers": ["12A"]}, {"flight_id": 2}]
CONTACT = {"email": "john@example.com", "mobile": "+1234567890"}


class Passenger(Input):
    first_name: Name
    last_name: Name
    gender: Literal["male", "female", "unspecified"] = "unspecified"


class ContactInfo(Input):
    email: Email
    mobile: Mobile


Passengers = Annotated[tuple[Passenger, ...], *items(1, MAX_PASSENGERS)]


Seats = Annotated[tuple[SeatNumber, ...], *items(0, MAX_PASSENGERS)]
"""One distinct seat per passenger, or none: the service then assigns seats."""
Cabin = Annotated[SeatClass, Field(strict=False)]


def _distinct(seats: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(seats)) != len(seats):
        raise ValueError("names a seat twice")
    return seats


def _is_one_for_each(seats: Sequence[str], passengers: Sequence[Passenger]) -> bool:
    return not seats or len(seats) == len(passengers)


ONE_FOR_EACH = "must name one seat for each passenger"


class FlightOfTrip(Input):
    flight_id: Positive
    seat_class: Carried = None
    seat_numbers: Carried = None


class FlightToReserve(FlightOfTrip):
    seat_class: Cabin = SeatClass.ECONOMY
    seat_numbers: Annotated[Seats, AfterValidator(_distinct)] = ()


def fingerprinted(flights: Sequence[FlightOfTrip]) -> dict[str, Any]:
    """Their part of a fingerprint. A single flight's is that of the form without `flights`."""
    used = [flight.model_dump() for flight in flights]
    return used[0] if len(used) == 1 else {"flights": used}


IN_THE_ORDER_FLOWN: Any = Field(
    default_factory=tuple,
    description="in the order flown; instead of `flight_id`, `seat_class` and `seat_numbers`",
)
ID_SCHEMA = WithJsonSchema({"type": "integer", "minimum": 1})


class Trip(BookingData):
    """One flight by its own fields, or `flights` in the order flown."""

    flights: Annotated[tuple[FlightOfTrip, ...], *items(1, MAX_FLIGHTS)] = IN_THE_ORDER_FLOWN
    flight_id: Annotated[Positive | None, Field(validate_default=True), ID_SCHEMA] = None

    @field_validator("flight_id", mode="wrap")
    @classmethod
    def _one_form(cls, given: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        if given is not None:
            return _without_flights(read(given), info)
        if info.data.get("flights") == ():
            raise PydanticKnownError("missing")
        return None


def _without_flights(given: Any, info: ValidationInfo) -> Any:
    if info.data.get("flights"):
        raise ValueError("must be left out beside flights, each of which has its own")
    return given


class Reserve(Trip):
    passengers: Passengers
    flights: Annotated[tuple[FlightToReserve, ...], *items(1, MAX_FLIGHTS)] = IN_THE_ORDER_FLOWN
    seat_class: Cabin = SeatClass.ECONOMY
    seat_numbers: Seats = ()

    @field_validator("flights")
    @classmethod
    def _fit_together(
        cls, flights: tuple[FlightToReserve, ...], info: ValidationInfo
    ) -> tuple[FlightToReserve, ...]:
        errors: dict[tuple[int, str], str] = {}
        ids = [flight.flight_id for flight in flights]
        for place, flight in enumerate(flights):
            if flight.flight_id in ids[:place]:
                errors[place, "flight_id"] = "is in the trip twice"
            if not _is_one_for_each(flight.seat_numbers, info.data.get("passengers", flight.seat_numbers)):
                errors[place, "seat_numbers"] = ONE_FOR_EACH
        if errors:
            raise _wrong(errors)
        return flights

    @field_validator("seat_class", "seat_numbers")
    @classmethod
    def _of_the_single_flight(cls, given: Any, info: ValidationInfo) -> Any:
        return _without_flights(given, info)

    @field_validator("seat_numbers")
    @classmethod
    def _one_for_each(cls, seats: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not _is_one_for_each(_distinct(seats), info.data.get("passengers", seats)):
            raise ValueError(ONE_FOR_EACH)
        return seats

    @property
    def trip(self) -> tuple[FlightToReserve, ...]:
        """The flights in the order flown, whichever form they came in."""
        single = FlightToReserve.model_construct(
            flight_id=self.flight_id, seat_class=self.seat_class, seat_numbers=self.seat_numbers
        )
        return self.flights or (single,)

    def used(self) -> dict[str, Any]:
        return {"passengers": [each.model_dump() for each in self.passengers], **fingerprinted(self.trip)}


def _wrong(errors: Mapping[tuple[int, str], str]) -> ValidationError:
    """Names fields of a list's items."""
    details = [
        InitErrorDetails(type="value_error", loc=place, input=None, ctx={"error": text})
        for place, text in errors.items()
    ]
    return ValidationError.from_exception_data("flights", details)


@schema.asked(
    {"correlation_id": "test-12345", "booking_data": {"flight_id": 1, "passengers": PASSENGERS}},
    trip={"correlation_id": "test-12345", "booking_data": {"flights": FLIGHTS, "passengers": PASSENGERS}},
)
class ReserveRequest(StepRequest):
    booking_data: Reserve


class Confirm(Trip):
    user_id: UserId
    passengers: Passengers
    contact_info: ContactInfo

    @property
    def trip(self) -> tuple[FlightOfTrip, ...]:
        return self.flights or (FlightOfTrip.model_construct(flight_id=self.flight_id),)

    def used(self) -> dict[str, Any]:
        used = self.model_dump(exclude={"flights", "flight_id"})
        return {"contact": used.pop("contact_info"), **used, **fingerprinted(self.trip)}


@schema.asked(
    {
        "correlation_id": "test-12345",
        "booking_data": {
            "flight_id": 1,
            "user_id": 1,
            "passengers": PASSENGERS,
            "contact_info": CONTACT,
        },
    },
    trip={
        "correlation_id": "test-12345",
        "booking_data": {
            "flights": FLIGHTS,
            "user_id": 1,
            "passengers": PASSENGERS,
            "contact_info": CONTACT,
        },
    },
)
class ConfirmRequest(StepRequest):
    booking_data: Confirm


Words = Annotated[str, *text(rules.printable_text(200))]


@schema.asked({"reason": "the customer called"})
class Reason(Input):
    reason: Words = "no reason given"


@schema.asked({"quote_id": "5b1f6d0e-35f5-4c3b-9a55-6a9b1d4a2f10"})
class Cancel(Reason):
    quote_id: Annotated[str | None, *text(QUOTE_ID), Field(description="of cancel-quote")] = None


@schema.asked({"reason": "the traveller sent another card", "payment": {"card_token": "tok_ok"}})
class AuthorizeAgain(Reason):
    payment: Payment


class FlightToChange(Input):
    """What is left out stays as it is, or is that of the flight whose place it takes."""

    flight_id: Positive
    seat_class: Annotated[Cabin, Field(default=None)]
    seat_numbers: Annotated[Seats, AfterValidator(_distinct)] = ()


@schema.asked({"flights": [{"flight_id": 2}, {"flight_id": 7, "seat_numbers": ["12A"]}]})
class ChangeQuote(Input):
    flights: Annotated[
        tuple[FlightToChange, ...],
        *items(1, MAX_FLIGHTS),
        Field(description="the whole trip as it is to be; what differs is what changes"),
    ]


@schema.asked({"quote_id": "5b1f6d0e-35f5-4c3b-9a55-6a9b1d4a2f10", "payment": {"card_token": "tok_ok"}})
class Change(Reason):
    quote_id: Annotated[str, *text(QUOTE_ID), Field(description="of change-quote")]
    payment: Annotated[Card, Field(default=None, description="needed where the trip becomes dearer")]

    @property
    def card_token(self) -> str | None:
        return self.payment.card_token if "payment" in self.model_fields_set else None


@schema.asked(
    {"step": "AuthorizePayment", "reason": "cancelled at the bank by hand", "evidence": "ticket 4711"}
)
class Resolve(Input):
    step: Annotated[str, Field(description="one of the saga's own steps")]
    reason: Words
    evidence: Words


@schema.asked(
    {"action": "retry", "attention_reason": "CancelPayment fails: it answered 500", "reason": "it is back"}
)
class Bulk(Input):
    """One action on all sagas that are stuck for the same reason."""

    action: Literal["retry", "cancel", "resolve"]
    attention_reason: Words
    reason: Words
    evidence: Annotated[Words, Field(description="needed to settle by hand")] = ""
    after: Annotated[str, *text(rules.CORRELATION), Field(description="of the answer before")] = ""


@schema.asked({"booking_reference": "ABC234", "surname": "Lovelace"})
class FindBooking(Input):
    booking_reference: Annotated[str, *text(FINDABLE), AfterValidator(str.upper)]
    surname: Annotated[Name, Field(description="of any passenger, however it is spelt")]
