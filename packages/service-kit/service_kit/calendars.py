"""Calendar files (RFC 5545)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from icalendar import Event


@dataclass(frozen=True)
class Entry:
    uid: str
    "an entry of an earlier file with this one is replaced"
    summary: str
    location: str
    description: str
    starts: datetime
    ends: datetime
    is_cancelled: bool = False


def calendar_file(entries: Iterable[Entry], *, producer: str, now: datetime) -> str:
    """Times are in UTC, which needs no time zones in the file."""
    # Imported here: it takes 60 ms and 10 MB, and few processes make a file.
    from icalendar import Calendar

    file = Calendar()
    file.add("prodid", f"-//{producer}//EN")
    file.add("version", "2.0")
    for entry in entries:
        file.add_component(_event(entry, now))
    return str(file.to_ical(), "utf-8")


def _event(entry: Entry, now: datetime) -> "Event":
    from icalendar import Event

    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", now)
    event.add("dtstart", entry.starts.astimezone(UTC))
    event.add("dtend", entry.ends.astimezone(UTC))
    event.add("summary", entry.summary)
    event.add("location", entry.location)
    event.add("description", entry.description)
    event.add("status", "CANCELLED" if entry.is_cancelled else "CONFIRMED")
    return event
