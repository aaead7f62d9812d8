"""What this service takes."""

from typing import Any

from django.conf import settings
from pydantic import Field
from service_kit import schema
from service_kit.booking_data import Amount, BookingData, Charges, Payment
from service_kit.inputs import UserId
from service_kit.saga_steps import StepRequest


class Authorize(BookingData):
    user_id: UserId
    flight_fare: Amount
    other_charges: Charges = Field(
        default_factory=lambda: settings.DEFAULT_CHARGES_CENTS,
        description="the part of the quote that earns no miles; 50.00 where it is left out",
    )
    payment: Payment

    @property
    def total(self) -> int:
        """Cents: the fare and the charges of a booking."""
        return self.flight_fare + self.other_charges

    def used(self) -> dict[str, Any]:
        """Default charges make the same fingerprint whether they are sent or left out."""
        used = {
            "user_id": self.user_id,
            "flight_fare": self.flight_fare,
            "card_token": self.payment.card_token,
        }
        if self.other_charges != settings.DEFAULT_CHARGES_CENTS:
            used["other_charges"] = self.other_charges
        return used


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
