"""The papers of a trip: boarding-pass code, PDF, calendar file."""

import io
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime

import pytest
from django.test import Client
from pypdf import PdfReader

from tests.desk import Desk, booking, return_booking
from ui import patience
from ui.patience import NoPlaceError
from ui.trips import documents
from ui.view_models.bookings import Booking, booking_from

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"


def ticket(first: str, last: str, seat: str = "7A") -> dict[str, str]:
    number = "973-1234567890"
    return {
        "ticket_number": number,
        "first_name": first,
        "last_name": last,
        "seat_number": seat,
        "seat_class": "economy",
    }


def test_bcbp_is_the_sixty_mandatory_characters_of_format_m() -> None:
    trip = booking_from(booking())
    (boarding,) = documents.boarding_passes(trip)
    assert boarding.code == "M1LOVELACE/ADA        EABC234 DFWORDZZ 0101 341Y007A0001 100"
    assert len(boarding.code) == 60


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("Zoë", "Müller-Lüdenscheidt", "MULLERLUDENS/ZOE"),
        ("明", "王", "X/X"),
        (HOSTILE, "O'Brien", "OBRIEN/SCRIPTA"),
    ],
)
def test_bcbp_keeps_capital_letters_only(first: str, last: str, name: str) -> None:
    trip = booking_from(booking(tickets=[ticket(first, last)]))
    code = documents.boarding_passes(trip)[0].code
    assert code[2:22].rstrip() == name
    assert len(code) == 60 and code.isascii()


def printed(*names: tuple[str, str]) -> list[str]:
    """What each page of the tickets for these passengers says."""
    content = documents.pdf(booking_from(booking(tickets=[ticket(*name) for name in names])))
    assert b"/JavaScript" not in content
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("Ada", "Lovelace"),
        ("Ωμέγα", "Ελλάδα"),
        ("Łukasz", "Őry"),
        ("明", "王"),
        ("さくら", "佐藤"),
        ("민준", "김"),
        ("สมชาย", "ใจดี"),
        ("דוד", "כהן"),
        ("أحمد", "محمود"),
        (HOSTILE, "{{ 7 }}%s"),
    ],
)
def test_pdf_has_every_letter_of_a_name(first: str, last: str, caplog: pytest.LogCaptureFixture) -> None:
    (page,) = printed((first, last))
    assert f"Passenger {first} {last}" in " ".join(page.split())
    assert "missing" not in caplog.text


def test_pdf_joins_the_letters_of_devanagari(caplog: pytest.LogCaptureFixture) -> None:
    (page,) = printed(("अनिता", "शर्मा"))
    assert "शर्म" in page and "missing" not in caplog.text


def test_pdf_has_a_page_for_each_passenger_with_any_name() -> None:
    pages = printed(("🛫", "x" * 100), ("Ada", "Lovelace"), ("明", "王"))
    assert len(pages) == 3 and "Passenger Ada Lovelace" in pages[1]


def test_start_does_not_wait_for_the_pdf_library() -> None:
    code = "import django, sys; django.setup(); import ui.urls; print('fpdf' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert shown.stdout == "False\n"


def test_pdf_is_offered_as_a_file_that_is_not_cached(client: Client, desk: Desk) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    response = client.get("/trips/ABC234/ticket.pdf")
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"] == 'attachment; filename="ABC234.pdf"'
    assert response["Cache-Control"] == "private, no-store"


def trip_of(number: int) -> Booking:
    """The names need a large font."""
    return booking_from(booking(booking_reference=f"ABC{number:03d}", tickets=[ticket("明", "王")]))


def test_many_tickets_at_once_are_made_one_after_another_and_the_rest_wait() -> None:
    asked, start = 24, threading.Barrier(24)

    def ask(number: int) -> bool:
        start.wait()
        try:
            return documents.pdf(trip_of(number)).startswith(b"%PDF")
        except NoPlaceError:
            return False

    with ThreadPoolExecutor(asked) as pool, patience.within(2):
        asks = [pool.submit(copy_context().run, ask, number) for number in range(asked)]
    made = [each.result() for each in asks]
    # One in the making and eight that wait; one more for each that was done before the last one asked.
    assert 1 <= sum(made) < asked


def test_ticket_that_was_made_is_not_made_again_until_it_changes() -> None:
    first = documents.pdf(trip_of(500))
    # The time of its making stands in the file.
    assert documents.pdf(trip_of(500)) == first
    assert documents.pdf(trip_of(501)) != first


def test_ticket_that_finds_no_place_says_so_and_asks_to_wait(
    client: Client, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "PRESS_SECONDS", 0)
    desk.answers("/api/bookings/ABC234/", booking(tickets=[ticket("待", "王")]))
    with documents.press.place(0):
        response = client.get("/trips/ABC234/ticket.pdf")
    assert response.status_code == 503 and response["Retry-After"]
    assert "Many tickets are asked for just now." in response.content.decode()


def test_calendar_holds_flight_times_and_seats() -> None:
    trip = booking_from(booking(tickets=[ticket("A;b", "C,d\r\nX:1")]))
    text = documents.calendar(trip, now=NOW)
    assert "DTSTART:20991208T044500Z\r\n" in text and "DTEND:20991208T070500Z\r\n" in text
    assert "A\\;b C\\,d\\nX:1" in text.replace("\r\n ", "")


def test_trip_of_two_flights_has_a_page_a_code_and_a_calendar_entry_for_each() -> None:
    trip = booking_from(return_booking())
    out, back = documents.boarding_passes(trip)
    assert "DFWORDZZ 0101 341Y007A0001" in out.code and "ORDDFWZZ 0102 349Y008B0001" in back.code
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(documents.pdf(trip))).pages]
    assert [("ZZ101" in page, "ZZ102" in page) for page in pages] == [(True, False), (False, True)]
    text = documents.calendar(trip, now=NOW)
    assert text.count("BEGIN:VEVENT") == text.count("END:VEVENT") == 2
    assert "UID:ABC234-1@" in text and "UID:ABC234-2@" in text
    assert "DTSTART:20991215T160000Z" in text and "Ada Lovelace 8B" in text


def test_cancelled_trip_is_cancelled_in_the_calendar_too() -> None:
    assert "STATUS:CANCELLED" in documents.calendar(booking_from(booking(status="CANCELLED")), now=NOW)


def test_ticket_of_a_cancelled_booking_says_so_and_has_no_boarding_code() -> None:
    content = documents.pdf(booking_from(booking(status="CANCELLED")))
    (page,) = PdfReader(io.BytesIO(content)).pages
    assert "CANCELLED" in page.extract_text() and "Show this code" not in page.extract_text()
    assert len(page.images) == 0
