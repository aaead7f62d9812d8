"""start-booking's input: validation, pricing, and the saga made from it."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from django.conf import settings
from django_sagas import json_text
from django_sagas.state import replace
from pydantic import Field, create_model
from service_kit import schema
from service_kit.booking_data import AMOUNT, Payment
from service_kit.cards import looks_like_card
from service_kit.inputs import UserId
from service_kit.problems import invalid, not_found

from flight.inputs import CONTACT, FLIGHTS, PASSENGERS, ContactInfo, Reserve, fingerprinted
from flight.inventory import FlightForSale, find_flights, refuse_unconnected
from flight.saga_booking import BookingRequest, BookingSaga, Segment
from flight.saga_orchestrator_complete import STEPS, BookTrip

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")
SWITCHES = {f"simulate_{step.name.lower()}_fail": step.name for step in STEPS}


@schema.asked(
    {
        "flight_id": 1,
        "user_id": "demo",
        "passengers": PASSENGERS,
        "contact_info": CONTACT,
        "payment": {"card_token": "tok_ok"},
    },
    trip={
        "flights": FLIGHTS,
        "user_id": "demo",
        "passengers": PASSENGERS,
        "contact_info": CONTACT,
        "payment": {"card_token": "tok_ok"},
    },
)
class StartBooking(Reserve):
    """A fare or an amount in it is ignored; `expected_amount` is only compared."""

    simulate_wait: Annotated[int, Field(ge=0, le=5)] = 0
    "Demo mode: seconds until the saga begins, in which faults can be set for it alone."
    user_id: UserId
    contact_info: ContactInfo
    payment: Payment
    expected_amount: Annotated[int | None, *AMOUNT] = None

    @property
    def simulated(self) -> tuple[str, ...]:
        """The names of the steps that are to fail."""
        return tuple([step for switch, step in SWITCHES.items() if getattr(self, switch)])

    @property
    def request(self) -> BookingRequest:
        return BookingRequest(
            passengers=self.passengers,
            email=self.contact_info.email,
            mobile=self.contact_info.mobile,
            expected_amount=self.expected_amount,
            simulate=self.simulated,
        )

    def fingerprint(self) -> str:
        """The fields that must be equal in two requests with one Idempotency-Key."""
        used: dict[str, Any] = {
            **fingerprinted(self.trip),
            "user_id": self.user_id,
            "card_token": self.payment.card_token,
            **self.request.to_json(),
        }
        return json_text.fingerprint(used)


_SWITCHED: dict[str, Any] = dict.fromkeys(SWITCHES, (bool, False))
START_BOOKING = create_model("StartBooking", __base__=StartBooking, **_SWITCHED)
"With a failure switch for each step of the saga."


def read_idempotency_key(header: str | None) -> str | None:
    if header is None or (IDEMPOTENCY_KEY.fullmatch(header) and not looks_like_card(header)):
        return header
    raise invalid({"Idempotency-Key": "must be 1 to 200 printable ASCII characters, and no card number"})


def find_flights_of(command: StartBooking) -> list[FlightForSale]:
    """In the order flown. Raises 404 where there is no such flight, and 400 where they do not connect."""
    found = find_flights(command.trip)
    flights = [flight for flight in found if flight]
    if len(flights) < len(found):
        raise not_found("flight")
    refuse_unconnected(flights)
    return flights


def price(command: StartBooking, flights: Sequence[FlightForSale]) -> list[Segment]:
    """Each flight's fare for all passengers. Raises 400 where a flight has no such class."""
    priced, errors = [], {}
    for place, (flight, asked) in enumerate(zip(flights, command.trip, strict=True)):
        fare = flight.fare(asked.seat_class)
        if fare is None:
            field = f"flights[{place}].seat_class" if command.flights else "seat_class"
            errors[field] = f"this flight has no {asked.seat_class} class"
        else:
            all_passengers = fare * len(command.passengers)
            priced.append(Segment(flight.id, asked.seat_class, asked.seat_numbers, all_passengers))
    if errors:
        raise invalid(errors)
    return priced


def new_saga(
    command: StartBooking,
    *,
    correlation_id: str,
    flights: Sequence[FlightForSale],
    scope: str | None,
    key: str | None,
    now: datetime,
    address: str = "",
) -> BookingSaga:
    request = replace(command.request, address=address)
    priced = price(command, flights)
    data = {
        "flights": [segment.to_json() for segment in priced],
        "request": request.to_json(),
        "flight_fare": sum(segment.fare for segment in priced),
        "charges": settings.OTHER_CHARGES_CENTS,
    }
    saga: BookingSaga = BookTrip.new(
        data,
        correlation_id=correlation_id,
        now=now,
        subject=command.user_id,
        secrets={"card_token": command.payment.card_token},
        scope=scope,
        key=key,
        fingerprint=command.fingerprint(),
        reversible_until=flights[0].departs_at,
        context=flights,
    )
    return saga
