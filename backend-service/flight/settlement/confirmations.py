"""The mails of a booking: one confirms it, and one tells of each change. Each is sent once."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from smtplib import SMTPDataError, SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django_sagas.outcomes import Done, Outcome
from service_kit.calendars import Entry, calendar_file
from service_kit.money import to_wire

from flight.models import Booking, BookingStatus, ChangeConfirmation, Confirmation, Flight, Mail, Ticket

BRAND, DOMAIN = "Tidewing", "tidewing"
PERMANENT = 500
"From here on an SMTP code says that a repeat is of no use."
CANCELLED = Done({"sent": False, "cancelled": True})
Trip = Sequence[tuple[Flight, Sequence[Ticket]]]
"The flights in the order flown, each with its tickets."


def confirm(correlation_id: str, *, now: datetime) -> Outcome:
    """Mail the confirmation of a live booking, unless that was done before.

    Called outside a transaction. After a crash between the mail and its record it is sent again, under the
    same Message-ID. Raises what the mail server raises, and the step is tried again.
    """
    booking = _live(correlation_id)
    if booking is None:
        return CANCELLED
    record, _made = Confirmation.objects.get_or_create(booking=booking, defaults={"begun_at": now})
    return _send(record, lambda: confirmation(booking, now=record.begun_at), now=now)


def confirm_change(correlation_id: str, *, change: str, difference: int, now: datetime) -> Outcome:
    """Mail the itinerary of a live booking after a change, in the same way."""
    booking = _live(correlation_id)
    if booking is None:
        return CANCELLED
    first = {"booking": booking, "begun_at": now}
    record, _made = ChangeConfirmation.objects.get_or_create(change=change, defaults=first)
    return _send(record, lambda: itinerary(booking, record, difference=difference), now=now)


def _live(correlation_id: str) -> Booking | None:
    return Booking.objects.filter(correlation_id=correlation_id, status=BookingStatus.CONFIRMED).first()


def _send(record: Mail, mail: Callable[[], EmailMessage], *, now: datetime) -> Outcome:
    if record.ended_at is None:
        record.error = _deliver(mail())
        record.ended_at = now
        record.save(update_fields=["ended_at", "error"])
    return Done({"sent": not record.error})


def _deliver(mail: EmailMessage) -> str:
    """Why it can never be delivered; empty if it was handed over."""
    try:
        mail.send()
    except SMTPRecipientsRefused as error:
        if any(code < PERMANENT for code, _said in error.recipients.values()):
            raise
        return "the mail server does not take this address"
    except SMTPDataError as error:
        if error.smtp_code < PERMANENT:
            raise
        return "the mail server does not take this mail"
    return ""


def confirmation(booking: Booking, *, now: datetime) -> EmailMessage:
    about = {"reference": booking.reference}
    return _message(
        booking,
        opening=_("Your booking %(reference)s is confirmed.") % about,
        subject=_("Booking %(reference)s") % about,
        name=booking.reference,
        now=now,
    )


def itinerary(booking: Booking, record: ChangeConfirmation, *, difference: int) -> EmailMessage:
    about = {"reference": booking.reference}
    return _message(
        booking,
        opening=_("Your booking %(reference)s is changed; this is your trip now.") % about,
        subject=_("Booking %(reference)s is changed") % about,
        name=f"{booking.reference}-{record.change}",
        now=record.begun_at,
        charged=to_wire(max(difference, 0)),
        given_back=to_wire(max(-difference, 0)),
    )


def _message(
    booking: Booking, *, opening: str, subject: str, name: str, now: datetime, **money: Decimal
) -> EmailMessage:
    """The reference, the tickets, the flights, and a calendar file of them."""
    trip = _trip(booking)
    flights = [flight for flight, _tickets in trip]
    told = {"booking": booking, "trip": trip, "amount": to_wire(booking.amount or 0), "brand": BRAND}
    mail = EmailMessage(
        subject=f"{subject}: {' - '.join(_places(flights))}",
        body=render_to_string("flight/confirmation.txt", {**told, **money, "opening": opening}),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[booking.email],
        headers={"Message-ID": f"<{name}@{DOMAIN}>"},
    )
    mail.attach(f"{booking.reference}.ics", _calendar(booking, trip, now=now), "text/calendar")
    return mail


def _trip(booking: Booking) -> Trip:
    tickets = booking.tickets.select_related("flight__origin", "flight__destination")
    by_segment = groupby(tickets.order_by("segment", "passenger"), key=attrgetter("segment"))
    flown = [list(group) for _, group in by_segment]
    return [(group[0].flight, group) for group in flown]


def _places(flights: Sequence[Flight]) -> list[str]:
    return [flights[0].origin_id, *(flight.destination_id for flight in flights)]


def _calendar(booking: Booking, trip: Trip, *, now: datetime) -> str:
    """An entry a flight; one for another flight in its place replaces it."""
    entries = [_entry(booking, place, *flown) for place, flown in enumerate(trip, start=1)]
    return calendar_file(entries, producer=f"{BRAND}//Trips", now=now)


def _entry(booking: Booking, place: int, flight: Flight, tickets: Sequence[Ticket]) -> Entry:
    seats = ", ".join(f"{each.first_name} {each.last_name} {each.seat_number}" for each in tickets)
    return Entry(
        uid=f"{booking.reference}-{place}@{DOMAIN}",
        summary=_("%(flight)s %(origin)s to %(destination)s")
        % {
            "flight": flight.flight_number,
            "origin": flight.origin_id,
            "destination": flight.destination_id,
        },
        location=f"{flight.origin.name} ({flight.origin_id})",
        description=_("Booking %(reference)s: %(seats)s") % {"reference": booking.reference, "seats": seats},
        starts=flight.departs_at,
        ends=flight.arrives_at,
    )
