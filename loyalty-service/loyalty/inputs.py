"""What this service takes."""

from typing import Annotated

from pydantic import AfterValidator, Field
from service_kit import schema
from service_kit.booking_data import Amount, BookingData
from service_kit.inputs import CorrelationId, Input, UserId, number
from service_kit.money import CENTS_PER_UNIT
from service_kit.rules import MAX_AMOUNT
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


def _is_not_zero(miles: int) -> int:
    if miles == 0:
        raise ValueError("must not be 0")
    return miles


# At most what the dearest booking earns.
Miles = Annotated[int, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT), AfterValidator(_is_not_zero)]


class Adjustment(BookingData):
    user_id: UserId
    trip_id: Annotated[CorrelationId, Field(description="correlation id of the booking")]
    miles: Annotated[Miles, Field(description="positive for a dearer trip, negative for a cheaper one")]


@schema.asked(
    {
        "correlation_id": "test-12346",
        "booking_data": {"user_id": 1, "trip_id": "test-12345", "miles": -120},
    }
)
class AdjustRequest(StepRequest):
    booking_data: Adjustment


class LoyaltyQuery(Input):
    correlation_id: CorrelationId = Field(
        default_factory=str, description="only the entries of this booking, or of this change"
    )
    before: Annotated[int | None, *number(1, 10**18 - 1)] = None
