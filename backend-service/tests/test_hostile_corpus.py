import pytest
from service_kit.testing.corpus import Corpus

from flight.models import Flight
from tests.saga_world import Desk

FAULT = {"step": "ReserveSeat", "kind": "delay", "seconds": 0}


class TestBackendCorpus(Corpus):
    bodies = {f"{verb} /api/demo/faults/": {"faults": [FAULT]} for verb in ("put", "post")}

    @pytest.fixture(autouse=True)
    def complete(self, desk: Desk, flight: Flight) -> None:
        """Of a booking that there is, and participants who answer. A quote that is asked for again is not
        stored again."""
        booked = desk.book().json()
        reference = booked["booking_reference"]
        self.known = {
            "flight_id": str(flight.id),
            "correlation_id": booked["correlation_id"],
            "booking_reference": reference,
            "reference": reference,
            "user_id": "1",
        }
        desk.get(f"/api/bookings/{reference}/cancel-quote/")
