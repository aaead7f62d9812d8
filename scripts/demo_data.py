"""Two sagas for the first screen, made as any client makes them: one that ends well, one rolled back."""

from datetime import UTC, datetime, timedelta
from typing import Any

from scripts.call import NoAnswerError, call
from scripts.console import Console

TRAVELLER = "demo"
DAYS_AHEAD = 14


def make_first_sagas(backend: str, console: Console) -> None:
    """Only if there is no saga yet. Errors are printed and stop nothing."""
    try:
        _, found = call("GET", f"{backend}/api/saga/")
        if found and not found["results"]:
            _book_twice(backend, console)
    except (NoAnswerError, KeyError, TypeError, IndexError) as error:
        console.say(f"The two demo bookings could not be made: {error!r}")


def _book_twice(backend: str, console: Console) -> None:
    day = (datetime.now(UTC) + timedelta(days=DAYS_AHEAD)).date()
    query = f"origin=DFW&destination=ORD&depart_date={day}&seat_class=economy"
    _, found = call("GET", f"{backend}/api/flights/search/?{query}")
    flight = found["results"][0]
    console.say(
        f"Booking two trips on flight {flight['flight_number']} DFW-ORD of {day} for the first screen:"
    )
    for what, flags in (("a booking", {}), ("one that fails", {"simulate_confirmbooking_fail": True})):
        status, answer = call("POST", f"{backend}/api/saga/start-booking/", _booking(flight["id"]) | flags)
        console.say(f"  {what}: {_outcome(status, answer)}")


def _booking(flight_id: int) -> dict[str, Any]:
    return {
        "flight_id": flight_id,
        "user_id": TRAVELLER,
        "passengers": [{"first_name": "Amelia", "last_name": "Earhart", "gender": "female"}],
        "contact_info": {"email": "demo@example.com", "mobile": "+1 555 0100"},
        "seat_class": "economy",
    }


def _outcome(status: int, answer: dict[str, Any]) -> str:
    if status == 200 and answer["success"]:
        return f"{answer['status']}, reference {answer['booking_reference']}, seats {answer['seat_numbers']}"
    undone = ", ".join(each["compensation"] for each in answer.get("compensation_result") or [])
    return f"{answer.get('status', status)} after {answer.get('failed_step')} failed; undone: {undone}"
