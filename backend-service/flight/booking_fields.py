"""Reading the parts of a booking out of a request's body."""

from dataclasses import dataclass

from django.conf import settings
from service_kit import rules
from service_kit.fields import Fields

from flight.aircraft import SeatClass
from flight.saga_booking import Passenger

MAX_PASSENGERS = 9
SEAT_CLASSES = tuple(SeatClass.values)
GENDERS = ("male", "female", "unspecified")


@dataclass(frozen=True)
class Contact:
    email: str
    mobile: str


def read_passengers(body: Fields) -> tuple[Passenger, ...]:
    return tuple(
        Passenger(
            first_name=one.following("first_name", rules.NAME),
            last_name=one.following("last_name", rules.NAME),
            gender=one.choice("gender", GENDERS, default="unspecified"),
        )
        for one in body.objects("passengers", most=MAX_PASSENGERS)
    )


def read_contact(body: Fields) -> Contact:
    contact = body.object("contact_info")
    email, mobile = contact.following("email", rules.EMAIL), contact.following("mobile", rules.MOBILE)
    return Contact(email=email, mobile=mobile)


def read_seat_class(body: Fields) -> str:
    return body.choice("seat_class", SEAT_CLASSES, default=SeatClass.ECONOMY.value)


def read_seat_numbers(body: Fields, *, passengers: int) -> tuple[str, ...]:
    """One distinct seat per passenger, or none: the service then assigns seats."""
    seats = body.sequence("seat_numbers", most=MAX_PASSENGERS, fewest=0, required=False)
    for place, seat in enumerate(seats):
        if not isinstance(seat, str) or rules.SEAT_NUMBER.fault(seat):
            body.fail(f"seat_numbers[{place}]", rules.SEAT_NUMBER.must)
            return ()
    if len(set(seats)) != len(seats):
        body.fail("seat_numbers", "names a seat twice")
    elif seats and passengers and len(seats) != passengers:
        body.fail("seat_numbers", "must name one seat for each passenger")
    return tuple(seats)


def read_card_token(body: Fields) -> str:
    """The opaque card token. Default in demo mode: the token that always works."""
    payment = body.object("payment", required=not settings.DEMO_MODE)
    default = "tok_ok" if settings.DEMO_MODE else None
    return payment.following("card_token", rules.CARD_TOKEN, default=default)
