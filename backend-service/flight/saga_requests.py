"""start-booking's input: validation, pricing, and the saga made from it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django_sagas import json_text
from django_sagas.state import replace
from service_kit import unknown_fields
from service_kit.cards import looks_like_card
from service_kit.fields import Fields
from service_kit.problems import Problem, not_found

from flight import booking_fields
from flight.inventory import FlightForSale, find_flight
from flight.saga_booking import BookingRequest, BookingSaga
from flight.saga_orchestrator_complete import STEPS, BookTrip

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")
SIMULATE_FLAGS = {f"simulate_{step.name.lower()}_fail": step.name for step in STEPS}
# A fare or amount in the request is never used; `expected_amount` is only compared.
KNOWN = {**unknown_fields.BOOKING, **unknown_fields.names("expected_amount", *SIMULATE_FLAGS)}


@dataclass(frozen=True)
class StartBooking:
    flight_id: int
    user_id: str
    card_token: str
    request: BookingRequest
    hints: tuple[str, ...] = ()
    "for the caller: near misses of field names"

    def fingerprint(self) -> str:
        """The fields that must be equal in two requests with one Idempotency-Key."""
        used: dict[str, Any] = {
            "flight_id": self.flight_id,
            "user_id": self.user_id,
            "card_token": self.card_token,
            **self.request.to_json(),
        }
        return json_text.fingerprint(used)


def read_start_booking(source: Mapping[str, Any], *, strict: bool = False) -> StartBooking:
    """Raises a 400 that names every bad field, with `strict` every unknown one too."""
    body = Fields(source)
    hints = unknown_fields.note(body, source, KNOWN, strict=strict)
    passengers = booking_fields.read_passengers(body)
    contact = booking_fields.read_contact(body)
    command = StartBooking(
        flight_id=body.integer("flight_id"),
        user_id=body.user_id(),
        card_token=booking_fields.read_card_token(body),
        request=BookingRequest(
            passengers=passengers,
            email=contact.email,
            mobile=contact.mobile,
            seat_class=booking_fields.read_seat_class(body),
            seat_numbers=booking_fields.read_seat_numbers(body, passengers=len(passengers)),
            expected_amount=body.amount("expected_amount") if body.has("expected_amount") else None,
            simulate=tuple(step for flag, step in SIMULATE_FLAGS.items() if body.boolean(flag)),
        ),
        hints=hints,
    )
    body.check()
    return command


def read_idempotency_key(header: str | None) -> str | None:
    if header is None or (IDEMPOTENCY_KEY.fullmatch(header) and not looks_like_card(header)):
        return header
    raise Problem(
        400,
        "INVALID",
        "Idempotency-Key must be 1 to 200 printable ASCII characters.",
        errors={"Idempotency-Key": "must be 1 to 200 printable ASCII characters"},
    )


def find_flight_of(command: StartBooking) -> FlightForSale:
    """Raises 404 where there is no such flight."""
    flight = find_flight(command.flight_id)
    if flight is None:
        raise not_found("flight")
    return flight


def price(command: StartBooking, flight: FlightForSale) -> int:
    """Cents for all passengers, before charges. Raises 400 where the flight has no such class."""
    fare = flight.fare(command.request.seat_class)
    if fare is None:
        error = f"this flight has no {command.request.seat_class} class"
        raise Problem(400, "INVALID", f"seat_class: {error}", errors={"seat_class": error})
    return fare * len(command.request.passengers)


def new_saga(
    command: StartBooking,
    *,
    correlation_id: str,
    flight: FlightForSale,
    scope: str | None,
    key: str | None,
    now: datetime,
    address: str = "",
) -> BookingSaga:
    request = replace(command.request, address=address)
    data = {
        "flight_id": command.flight_id,
        "request": request.to_json(),
        "flight_fare": price(command, flight),
        "charges": settings.OTHER_CHARGES_CENTS,
    }
    saga: BookingSaga = BookTrip.new(
        data,
        correlation_id=correlation_id,
        now=now,
        subject=command.user_id,
        secrets={"card_token": command.card_token},
        scope=scope,
        key=key,
        fingerprint=command.fingerprint(),
        reversible_until=flight.departs_at,
        context=flight,
    )
    return saga
