"""Reading the parts of a booking out of a request's body."""

import re
from dataclasses import dataclass

from django.conf import settings
from service_kit.fields import Fields

from flight.aircraft import SeatClass
from flight.saga_state import Passenger

MAX_PASSENGERS = 9
SEAT_CLASSES = tuple(SeatClass.values)
GENDERS = ("male", "female", "unspecified")
# With its plus at most as long as the booking's column.
MOBILE = re.compile(r"(?=.{5,30}$)\+?(?=(?:[ -]*[0-9]){5,20}[ -]*$)[0-9 -]+")
SEAT_NUMBER = re.compile(r"[1-9][0-9]?[A-Z]")
CARD_TOKEN = re.compile(r"tok_[a-z0-9_]{1,60}")


@dataclass(frozen=True)
class Contact:
    email: str
    mobile: str


def read_passengers(body: Fields) -> tuple[Passenger, ...]:
    return tuple(
        Passenger(
            first_name=one.text("first_name"),
            last_name=one.text("last_name"),
            gender=one.choice("gender", GENDERS, default="unspecified"),
        )
        for one in body.objects("passengers", most=MAX_PASSENGERS)
    )


def read_contact(body: Fields) -> Contact:
    contact = body.object("contact_info")
    rule = "must be an optional + and 5 to 20 digits, spaces or hyphens between them"
    return Contact(email=contact.email("email"), mobile=contact.matching("mobile", MOBILE, rule))


def read_seat_class(body: Fields) -> str:
    return body.choice("seat_class", SEAT_CLASSES, default=SeatClass.ECONOMY.value)


def read_seat_numbers(body: Fields, *, passengers: int) -> tuple[str, ...]:
    """As many different seats as passengers, or none for the service to choose."""
    seats = body.sequence("seat_numbers", most=MAX_PASSENGERS, fewest=0, required=False)
    for place, seat in enumerate(seats):
        if not isinstance(seat, str) or not SEAT_NUMBER.fullmatch(seat):
            body.fail(f"seat_numbers[{place}]", "must be a seat such as 12A")
            return ()
    if len(set(seats)) != len(seats):
        body.fail("seat_numbers", "names a seat twice")
    elif seats and passengers and len(seats) != passengers:
        body.fail("seat_numbers", "must name one seat for each passenger")
    return tuple(seats)


def read_card_token(body: Fields) -> str:
    """The opaque token; in demo mode the one that always works is the default."""
    payment = body.object("payment", required=not settings.DEMO_MODE)
    default = "tok_ok" if settings.DEMO_MODE else None
    return payment.matching("card_token", CARD_TOKEN, "must be an opaque card token", default=default)
