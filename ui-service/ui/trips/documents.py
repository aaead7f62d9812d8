"""Documents of a trip: boarding-pass code, PDF e-ticket, calendar file."""

import io
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING

import segno
from django.conf import settings
from django.core.cache import cache
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from service_kit.calendars import Entry, calendar_file

from ui import qr
from ui.patience import Bulkhead, seconds_left
from ui.view_models.bookings import Booking, Flown, Ticket
from ui.view_models.travel import Flight, day_name, zone_name

if TYPE_CHECKING:
    from fpdf import FPDF

CABIN_CODES = {"economy": "Y", "business": "C", "first": "F"}
FALLBACKS = ("DroidSansFallback", "NotoSansDevanagari-Regular", "NotoSansThai-Regular")
PRESS_SECONDS, KEPT_SECONDS = 8.0, 300
press = Bulkhead(places=1, queue=8)
MARGIN, TEXT_WIDTH, QR_SIZE, BAND_HEIGHT = 18, 174, 42, 26
BRAND_COLOUR, LINE_COLOUR = (11, 92, 107), (219, 227, 229)


@dataclass(frozen=True)
class BoardingPass:
    ticket: Ticket
    flight: Flight
    code: str

    @property
    def qr(self) -> SafeString:
        return _drawn(self.code)


@lru_cache(maxsize=256)
def _drawn(code: str) -> SafeString:
    """Cached, because drawing takes as long as the rest of the page."""
    return qr.drawing(code)


def boarding_passes(booking: Booking) -> list[BoardingPass]:
    """One for each flight and passenger, in the order flown."""
    return [
        BoardingPass(ticket, each.flight, bcbp(booking.reference, each.flight, ticket, number))
        for each in booking.flown
        for number, ticket in enumerate(each.tickets, start=1)
    ]


def _plain(text: str, width: int) -> str:
    """BCBP holds capital letters A-Z only; what has none stands as X."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().upper()
    return "".join(each for each in bare if each.isalpha())[:width] or "X"


def bcbp(reference: str, flight: Flight, ticket: Ticket, sequence: int) -> str:
    """The 60 mandatory characters of a one-leg bar coded boarding pass (IATA Resolution 792, format M)."""
    name = f"{_plain(ticket.last_name, 12)}/{_plain(ticket.first_name, 7)}"
    carrier = "".join(filter(str.isalpha, flight.number))[:3]
    number = "".join(filter(str.isdigit, flight.number))
    row = "".join(filter(str.isdigit, ticket.seat))
    letter = "".join(filter(str.isalpha, ticket.seat))
    return (
        f"M1{name:<20.20}E{reference:<7.7}{flight.origin.code:3.3}{flight.destination.code:3.3}"
        f"{carrier:<3}{number:0>4}{' '}{flight.departs.timetuple().tm_yday:03d}"
        f"{CABIN_CODES.get(ticket.cabin, 'Y')}{row:0>3}{letter:1.1}{sequence:04d}{' '}100"
    )


def pdf(booking: Booking) -> bytes:
    """One page a flight and passenger, with fonts for most of the world's names.

    A large font takes 40 MB and a second, so one file is made at a time and cached for a while.
    Raises NoPlaceError if too many requests wait.
    """
    key = f"ticket-{sha256(repr(booking).encode()).hexdigest()}"
    if made := cache.get(key):
        return bytes(made)
    with press.place(seconds_left(PRESS_SECONDS)):
        return bytes(cache.get_or_set(key, partial(_pdf, booking), KEPT_SECONDS) or b"")


def _pdf(booking: Booking) -> bytes:
    # Imported here: it takes 0.25 s, and only PDFs need it.
    from fpdf import FPDF

    document = FPDF(format="A4")
    document.add_font("DejaVu", "", settings.FONTS_DIR / "DejaVuSans.ttf")
    document.add_font("DejaVu", "B", settings.FONTS_DIR / "DejaVuSans-Bold.ttf")
    _add_fallbacks(document, "".join(ticket.name for ticket in booking.tickets))
    # Orders right-to-left names and joins their letters.
    document.set_text_shaping(True)
    document.set_title(_("E-ticket %(number)s") % {"number": booking.reference})
    document.set_margin(MARGIN)
    for each in boarding_passes(booking):
        _ticket_page(document, booking, each)
    return bytes(document.output())


def _add_fallbacks(document: "FPDF", text: str) -> None:
    """The large fonts, for letters that DejaVu lacks only; they have no bold."""
    known = getattr(document.fonts["dejavu"], "cmap", {})
    if all(ord(letter) in known for letter in text):
        return
    for name in FALLBACKS:
        document.add_font(
            name, "", settings.FONTS_DIR / f"{name}.ttf", unicode_range=[ord(c) for c in set(text)]
        )
    document.set_fallback_fonts(FALLBACKS, exact_match=False)


def _ticket_page(document: "FPDF", booking: Booking, boarding: BoardingPass) -> None:
    flight, ticket = boarding.flight, boarding.ticket
    document.add_page()
    _band(document)
    _line(document, _("E-ticket %(number)s") % {"number": ticket.number}, size=11, height=8)
    if not booking.is_live:
        _line(document, _("CANCELLED: not valid for travel"), size=14, bold=True, height=12)
    document.ln(4)
    _line(document, f"{flight.origin.code}  –  {flight.destination.code}", size=26, bold=True, height=14)
    _line(document, f"{flight.origin.label} – {flight.destination.label}", size=11, height=10)
    for label, value in _facts(booking, boarding):
        _fact(document, label, value)
    document.ln(6)
    if booking.is_live:
        _boarding_code(document, boarding.code)


def _boarding_code(document: "FPDF", code: str) -> None:
    # Drawn as an image.
    drawn = io.BytesIO()
    segno.make(code, error="m").save(drawn, kind="png", scale=8, border=2)
    document.image(drawn, w=QR_SIZE, h=QR_SIZE)
    _line(document, _("Show this code at security and at the gate."), size=9, height=7)


def _band(document: "FPDF") -> None:
    """The brand across the head of the page."""
    document.set_fill_color(*BRAND_COLOUR)
    document.rect(0, 0, document.w, BAND_HEIGHT, style="F")
    document.set_text_color(255)
    document.set_y(BAND_HEIGHT / 2 - 6)
    _line(document, settings.BRAND, size=20, bold=True, height=12)
    document.set_text_color(0)
    document.set_y(BAND_HEIGHT + 8)


def _facts(booking: Booking, boarding: BoardingPass) -> list[tuple[str, str]]:
    flight, ticket = boarding.flight, boarding.ticket
    price = _("paid directly")
    if booking.amount is not None:
        amount = f"{booking.amount:,.2f} {booking.currency}"
        price = _("%(amount)s for the booking") % {"amount": amount}
    return [
        (_("Passenger"), ticket.name),
        (_("Booking reference"), booking.reference),
        (_("Flight"), f"{flight.number}, {flight.aircraft}"),
        (_("Departure"), _when(flight.departs)),
        (_("Arrival"), _when(flight.arrives)),
        (_("Seat"), f"{ticket.seat}, {ticket.cabin_name}"),
        (_("Price"), price),
    ]


def _when(moment: datetime) -> str:
    return f"{day_name(moment)} {moment:%Y, %H:%M} ({zone_name(moment)})"


def _line(document: "FPDF", text: str, *, size: int, bold: bool = False, height: int) -> None:
    document.set_font("DejaVu", "B" if bold else "", size)
    document.multi_cell(TEXT_WIDTH, height, text, new_x="LMARGIN", new_y="NEXT")


def _fact(document: "FPDF", label: str, value: str) -> None:
    document.set_font("DejaVu", "", 9)
    document.cell(48, 8, label)
    document.set_font("DejaVu", "B", 11)
    document.multi_cell(TEXT_WIDTH - 48, 8, value, new_x="LMARGIN", new_y="NEXT")
    document.set_draw_color(*LINE_COLOUR)
    document.line(MARGIN, document.get_y(), MARGIN + TEXT_WIDTH, document.get_y())


def calendar(booking: Booking, *, now: datetime) -> str:
    """An entry a flight; one for another flight in its place replaces it."""
    entries = [_entry(booking, place, each) for place, each in enumerate(booking.flown, start=1)]
    return calendar_file(entries, producer=f"{settings.BRAND}//Trips", now=now)


def _entry(booking: Booking, place: int, flown: Flown) -> Entry:
    flight = flown.flight
    seats = ", ".join(f"{ticket.name} {ticket.seat}" for ticket in flown.tickets)
    return Entry(
        uid=f"{booking.reference}-{place}@{settings.BRAND.lower()}",
        summary=_("%(flight)s %(origin)s to %(destination)s")
        % {
            "flight": flight.number,
            "origin": flight.origin.code,
            "destination": flight.destination.code,
        },
        location=f"{flight.origin.name} ({flight.origin.code})",
        description=_("Booking %(reference)s: %(seats)s") % {"reference": booking.reference, "seats": seats},
        starts=flight.departs,
        ends=flight.arrives,
        is_cancelled=not booking.is_live,
    )
