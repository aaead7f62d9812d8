"""What this service takes."""

from typing import Any

from django.conf import settings
from pydantic import Field, model_validator
from service_kit import schema
from service_kit.booking_data import Amount, BookingData, Charges, Payment
from service_kit.inputs import CorrelationId, UserId
from service_kit.saga_steps import StepRequest


class Authorize(BookingData):
    user_id: UserId
    flight_fare: Amount
    other_charges: Charges = Field(
        default_factory=lambda: settings.DEFAULT_CHARGES_CENTS,
        description="the part of the quote that earns no miles; 50.00 where it is left out",
    )
    payment: Payment
    trip_id: CorrelationId = Field(
        default_factory=str, description="correlation id of the booking that is paid; default: the call's own"
    )

    @property
    def total(self) -> int:
        """Cents: the fare and the charges of a booking."""
        return self.flight_fare + self.other_charges

    def used(self) -> dict[str, Any]:
        """What has a default makes the same fingerprint whether it is sent or left out."""
        used = {
            "user_id": self.user_id,
            "flight_fare": self.flight_fare,
            "card_token": self.payment.card_token,
        }
        if self.other_charges != settings.DEFAULT_CHARGES_CENTS:
            used["other_charges"] = self.other_charges
        return used | ({"trip_id": self.trip_id} if self.trip_id else {})


@schema.asked(
    {
        "correlation_id": "test-12345",
        "booking_data": {
            "user_id": 1,
            "flight_fare": 500.0,
            "other_charges": 50.0,
            "payment": {"card_token": "tok_ok"},
        },
    }
)
class AuthorizeRequest(StepRequest):
    booking_data: Authorize


class OfPayment(BookingData):
    payment_id: CorrelationId = Field(
        default_factory=str, description="correlation id of the payment; default: the call's own"
    )
    settle: bool = Field(
        default=False, description="succeed also where a cancellation has given the money back already"
    )

    def used(self) -> dict[str, Any]:
        return {name: value for name, value in self.model_dump().items() if value}


class MoneyRequest(StepRequest):
    """`amount` may also stand beside `booking_data`."""

    @model_validator(mode="before")
    @classmethod
    def _amount_in_the_data(cls, source: Any) -> Any:
        data = source.get("booking_data", {}) if isinstance(source, dict) else None
        if not isinstance(data, dict) or "amount" not in source or "amount" in data:
            return source
        rest = {name: value for name, value in source.items() if name != "amount"}
        return {**rest, "booking_data": {**data, "amount": source["amount"]}}


class Capture(OfPayment):
    amount: Amount = Field(default_factory=int, description="default: all that is authorised")


@schema.asked({"correlation_id": "test-12345", "booking_data": {"amount": 550.0, "payment_id": "test-12345"}})
class CaptureRequest(MoneyRequest):
    booking_data: Capture


class Refund(OfPayment):
    amount: Amount


@schema.asked({"correlation_id": "test-12345", "booking_data": {"amount": 10.0, "payment_id": "test-12345"}})
class RefundRequest(MoneyRequest):
    booking_data: Refund


class Cancel(BookingData):
    keep: Charges = Field(default=0, description="the fee: so much of the trip's money is not given back")


@schema.asked({"correlation_id": "test-12345", "booking_data": {"keep": 50.0}})
class CancelRequest(StepRequest):
    booking_data: Cancel = Field(default_factory=Cancel)
