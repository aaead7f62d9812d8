"""What this service takes in its bodies."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from service_kit import rules, schema
from service_kit.booking_data import BookingData, Email, Mobile, Name, SeatNumber
from service_kit.inputs import Input, Positive, UserId, items, text
from service_kit.rules import TextRule
from service_kit.saga_steps import StepRequest

from flight.aircraft import SeatClass

HEX = "[0-9a-f]"
FINDABLE = TextRule(6, "must be six letters and digits", re.compile(r"[A-Za-z2-9]{6}"))
QUOTE_ID = TextRule(
    36, "must be the quote_id of a quote", re.compile(rf"{HEX}{{8}}-(?:{HEX}{{4}}-){{3}}{HEX}{{12}}")
)
MAX_PASSENGERS = 9
PASSENGERS = [{"first_name": "John", "last_name": "Doe", "gender": "male"}]
CONTACT = {"email": "john@example.com", "mobile": "+1234567890"}


class Passenger(Input):
    first_name: Name
    last_name: Name
    gender: Literal["male", "female", "unspecified"] = "unspecified"


class ContactInfo(Input):
    email: Email
    mobile: Mobile


Passengers = Annotated[tuple[Passenger, ...], *items(1, MAX_PASSENGERS)]


class Reserve(BookingData):
    flight_id: Positive
    passengers: Passengers
    seat_class: Annotated[SeatClass, Field(strict=False)] = SeatClass.ECONOMY
    seat_numbers: Annotated[tuple[SeatNumber, ...], *items(0, MAX_PASSENGERS)] = ()
    """One distinct seat per passenger, or none: the service then assigns seats."""

    @field_validator("seat_numbers")
    @classmethod
    def _one_for_each(cls, seats: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        passengers = info.data.get("passengers", seats)
        if len(set(seats)) != len(seats):
            raise ValueError("names a seat twice")
        if seats and len(seats) != len(passengers):
            raise ValueError("must name one seat for each passenger")
        return seats


@schema.asked({"correlation_id": "test-12345", "booking_data": {"flight_id": 1, "passengers": PASSENGERS}})
class ReserveRequest(StepRequest):
    booking_data: Reserve


class Confirm(BookingData):
    flight_id: Positive
    user_id: UserId
    passengers: Passengers
    contact_info: ContactInfo

    def used(self) -> dict[str, Any]:
        used = self.model_dump()
        return {"contact": used.pop("contact_info"), **used}


@schema.asked(
    {
        "correlation_id": "test-12345",
        "booking_data": {
            "flight_id": 1,
            "user_id": 1,
            "passengers": PASSENGERS,
            "contact_info": CONTACT,
        },
    }
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


@schema.asked(
    {"step": "AuthorizePayment", "reason": "cancelled at the bank by hand", "evidence": "ticket 4711"}
)
class Resolve(Input):
    step: Annotated[str, Field(description="one of the saga's own steps")]
    reason: Words
    evidence: Words


@schema.asked({"booking_reference": "ABC234", "surname": "Lovelace"})
class FindBooking(Input):
    booking_reference: Annotated[str, *text(FINDABLE), AfterValidator(str.upper)]
    surname: Annotated[Name, Field(description="of any passenger, however it is spelt")]
