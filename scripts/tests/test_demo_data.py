import http.server
import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.console import Console
from scripts.demo_data import make_first_sagas
from scripts.ports import free_ports

UNDONE = [{"compensation": name, "success": True} for name in ("ReverseMiles", "CancelPayment", "CancelSeat")]


class Backend(http.server.ThreadingHTTPServer):
    """Has the given sagas, one flight, and takes bookings."""

    def __init__(self, sagas: list[object]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sagas = sagas
        self.posted: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Backend

    def do_GET(self) -> None:
        flights = {"results": [{"id": 7, "flight_number": "ZZ101"}]}
        self._answer(flights if "/flights/" in self.path else {"results": self.server.sagas})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posted.append(body)
        if body.get("simulate_confirmbooking_fail"):
            failure = {"failed_step": "ConfirmBooking", "compensation_result": UNDONE}
            self._answer({"success": False, "status": "COMPENSATED", **failure})
        else:
            seats = {"booking_reference": "ABC234", "seat_numbers": ["4A"]}
            self._answer({"success": True, "status": "COMPLETED", **seats})

    def _answer(self, body: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silent."""


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with Backend(request.param) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("backend", [[]], indirect=True)
def test_first_start_books_once_and_fails_once(backend: Backend) -> None:
    log = io.StringIO()
    make_first_sagas(backend.url, Console(log))
    good, bad = backend.posted
    assert good | {"simulate_confirmbooking_fail": True} == bad
    assert (good["flight_id"], good["user_id"]) == (7, "demo")
    assert "a booking: COMPLETED, reference ABC234, seats ['4A']" in log.getvalue()
    assert "after ConfirmBooking failed; undone: ReverseMiles, CancelPayment, CancelSeat" in log.getvalue()


@pytest.mark.parametrize("backend", [[{"correlation_id": "x"}]], indirect=True)
def test_later_start_books_nothing(backend: Backend) -> None:
    make_first_sagas(backend.url, Console(io.StringIO()))
    assert backend.posted == []


def test_backend_that_does_not_answer_is_reported_and_stops_nothing() -> None:
    log = io.StringIO()
    make_first_sagas(f"http://127.0.0.1:{free_ports(1)[0]}", Console(log))
    assert "could not be made" in log.getvalue()
