"""What this service takes."""

from service_kit import schema
from service_kit.inputs import Amount, BookingData, StepRequest, UserId
from service_kit.money import CENTS_PER_UNIT


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
