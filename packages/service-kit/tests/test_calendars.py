from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar
from service_kit.calendars import Entry, calendar_file

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LEAVES = datetime(2026, 12, 1, 22, 45, tzinfo=ZoneInfo("America/Chicago"))


def entry(**changes: object) -> Entry:
    texts = {"uid": "ABC234-1@here", "summary": "ZZ101", "location": "Dallas", "description": "Seat 7A"}
    return Entry(**{**texts, "starts": LEAVES, "ends": LEAVES + timedelta(hours=2), **changes})  # type: ignore[arg-type]


def made(*entries: Entry) -> str:
    return calendar_file(entries, producer="Here//Trips", now=NOW)


def test_times_are_in_utc_whatever_zone_they_come_in() -> None:
    text = made(entry())
    assert "DTSTART:20261202T044500Z\r\n" in text and "DTEND:20261202T064500Z\r\n" in text
    assert "DTSTAMP:20261127T120000Z" in text and "TZID=" not in text


def test_text_is_escaped_folded_and_read_as_it_was() -> None:
    hostile = "A;b, C\\d\nEND:VEVENT 🛫 " * 9
    text = made(entry(description=hostile))
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert text.startswith("BEGIN:VCALENDAR\r\n") and text.endswith("END:VCALENDAR\r\n")
    (event,) = Calendar.from_ical(text).walk("VEVENT")
    assert event["description"] == hostile


def test_entries_keep_their_order_and_say_whether_they_hold() -> None:
    text = made(entry(), entry(uid="ABC234-2@here", is_cancelled=True))
    events = Calendar.from_ical(text).walk("VEVENT")
    told = [(event["uid"], event["status"]) for event in events]
    assert told == [("ABC234-1@here", "CONFIRMED"), ("ABC234-2@here", "CANCELLED")]
