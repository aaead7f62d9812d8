"""What this service takes."""

from pydantic import Field
from service_kit import schema
from service_kit.booking_data import Amount, BookingData
from service_kit.inputs import CorrelationId, Input, UserId
from service_kit.money import CENTS_PER_UNIT
from service_kit.saga_steps import StepRequest


class Award(BookingData):
    user_id: UserId
    flight_fare: Amount

    @property
    def miles(self) -> int:
        """One mile per whole dollar of the fare."""
        return self.flight_fare // CENTS_PER_UNIT


@schema.asked({"correlation_id": "test-12345", "booking_data": {"user_id": 1, "flight_fare": 500.0}})
class AwardRequest(StepRequest):
    booking_data: Award


class LoyaltyQuery(Input):
    correlation_id: CorrelationId = Field(default_factory=str, description="only the entries of this booking")
