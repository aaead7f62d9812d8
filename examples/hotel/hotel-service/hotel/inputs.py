"""What this service takes."""

from typing import Annotated

from service_kit import rules, schema
from service_kit.booking_data import Amount, BookingData
from service_kit.inputs import text
from service_kit.saga_steps import StepRequest


class Reservation(BookingData):
    room: Annotated[str, *text(rules.printable_text(40))]
    price: Amount


@schema.asked({"correlation_id": "test-12345", "booking_data": {"room": "standard", "price": 90.0}})
class ReserveRequest(StepRequest):
    booking_data: Reservation
