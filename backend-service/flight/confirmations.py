"""The mail that confirms a booking, sent once."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from smtplib import SMTPDataError, SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django_sagas.outcomes import Done, Outcome
from icalendar import Calendar, Event
from service_kit.money import to_wire

from flight.models import Booking, BookingStatus, Confirmation, Flight, Ticket

BRAND, DOMAIN = "Tidewing", "tidewing"
PERMANENT = 500
"From here on an SMTP code says that a repeat is of no use."
CANCELLED = Done({"sent": False, "cancelled": True})


def send(correlation_id: str, *, now: datetime) -> Outcome:
    """Mail the confirmation of a live booking, unless that was done before.

    Called outside a transaction. After a crash between the mail and its record it is sent again, under the
    same Message-ID. Raises what the mail server raises, and the step is tried again.
    """
    live = Booking.objects.filter(correlation_id=correlation_id, status=BookingStatus.CONFIRMED)
    booking = live.first()
    if booking is None:
        return CANCELLED
    record, _ = Confirmation.objects.get_or_create(booking=booking, defaults={"begun_at": now})
    if record.ended_at is None:
        record.error = _deliver(message(booking, now=record.begun_at))
        record.ended_at = now
        record.save(update_fields=["ended_at", "error"])
    return Done({"sent": not record.error})


def _deliver(mail: EmailMessage) -> str:
    """Why it can never be delivered; empty if it was handed over."""
    try:
        mail.send()
    except SMTPRecipientsRefused as error:
        if any(code < PERMANENT for code, _ in error.recipients.values()):
            raise
        return "the mail server does not take this address"
    except SMTPDataError as error:
        if error.smtp_code < PERMANENT:
            raise
        return "the mail server does not take this mail"
    return ""


def forget_mails(references: Iterable[str]) -> None:
    """Delete the mails of these bookings where mails are files; what a mail server has is its own."""
    folder = Path(settings.EMAIL_FILE_PATH)
    if settings.EMAIL_HOST or not folder.is_dir():
        return
    ids = [f"<{reference}@{DOMAIN}>".encode() for reference in references]
    for path in folder.iterdir() if ids else ():
        text = path.read_bytes()
        if any(each in text for each in ids):
            path.unlink(missing_ok=True)


def message(booking: Booking, *, now: datetime) -> EmailMessage:
    """The reference, the tickets, the flights, and a calendar file of them."""
    trip = _trip(booking)
    flights = [flight for flight, _ in trip]
    told = {"booking": booking, "trip": trip, "amount": to_wire(booking.amount or 0), "brand": BRAND}
    mail = EmailMessage(
        subject=f"Booking {booking.reference}: {' - '.join(_places(flights))}",
        body=render_to_string("flight/confirmation.txt", told),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[booking.email],
        headers={"Message-ID": f"<{booking.reference}@{DOMAIN}>"},
    )
    mail.attach(f"{booking.reference}.ics", calendar(booking, trip, now=now), "text/calendar")
    return mail


def _trip(booking: Booking) -> Sequence[tuple[Flight, Sequence[Ticket]]]:
    """The flights in the order flown, each with its tickets."""
    tickets = booking.tickets.select_related("flight__origin", "flight__destination")
    by_segment = groupby(tickets.order_by("segment", "passenger"), key=attrgetter("segment"))
    flown = [list(group) for _, group in by_segment]
    return [(group[0].flight, group) for group in flown]


def _places(flights: Sequence[Flight]) -> list[str]:
    return [flights[0].origin_id, *(flight.destination_id for flight in flights)]


def calendar(booking: Booking, trip: Sequence[tuple[Flight, Sequence[Ticket]]], *, now: datetime) -> str:
    """An iCalendar file (RFC 5545): an event a flight."""
    file = Calendar()
    file.add("prodid", f"-//{BRAND}//Trips//EN")
    file.add("version", "2.0")
    for flight, tickets in trip:
        event = Event()
        event.add("uid", f"{booking.reference}-{flight.id}@{DOMAIN}")
        event.add("dtstamp", now)
        event.add("dtstart", flight.departs_at)
        event.add("dtend", flight.arrives_at)
        event.add("summary", f"{flight.flight_number} {flight.origin_id} to {flight.destination_id}")
        event.add("location", f"{flight.origin.name} ({flight.origin_id})")
        seats = ", ".join(f"{each.first_name} {each.last_name} {each.seat_number}" for each in tickets)
        event.add("description", f"Booking {booking.reference}: {seats}")
        event.add("status", "CONFIRMED")
        file.add_component(event)
    return str(file.to_ical(), "utf-8")
