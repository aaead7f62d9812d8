import pytest
from service_kit.testing.abuse import Abuse

from flight.models import Flight
from tests.saga_world import Desk

FAULT = {"step": "ReserveSeat", "kind": "delay", "seconds": 0}


class TestBackendAbuse(Abuse):
    bodies = {f"{verb} /api/demo/faults/": {"faults": [FAULT]} for verb in ("put", "post")}

    @pytest.fixture(autouse=True)
    def complete(self, desk: Desk, flight: Flight) -> None:
        """Of a booking that there is, and participants who answer."""
        booked = desk.book().json()
        reference = booked["booking_reference"]
        self.known = {
            "flight_id": str(flight.id),
            "correlation_id": booked["correlation_id"],
            "booking_reference": reference,
            "reference": reference,
            "user_id": "1",
        }


@pytest.mark.django_db(transaction=True)
def test_price_miles_status_and_reference_of_the_caller_are_never_used(desk: Desk) -> None:
    honest = desk.book().json()
    asked = {"amount": 1, "flight_fare": 1, "miles_awarded": 10**6, "status": "COMPENSATED"}
    given = desk.book(**asked, booking_reference="AAAAAA", correlation_id="mine").json()
    assert [given[name] for name in ("status", "amount", "miles_awarded")] == [
        honest[name] for name in ("status", "amount", "miles_awarded")
    ]
    assert given["booking_reference"] != "AAAAAA" and given["correlation_id"] != "mine"
