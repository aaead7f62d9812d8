"""The backend's four step endpoints, for direct calls."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django_sagas import json_text, saga_log
from django_sagas.clock import iso
from django_sagas.definitions import WriteConflict
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Answer, Done
from django_sagas.outcomes import Refused
from drf_spectacular.utils import extend_schema
from service_kit import schema
from service_kit.problems import Problem, try_again
from service_kit.saga_steps import ActionView, Call, CompensationView

from flight import saga_schema, saga_sweeper, services
from flight.inputs import Confirm, ConfirmRequest, Reserve, ReserveRequest
from flight.inventory import FlightForSale, find_flight
from flight.models import Seat, SeatState
from flight.saga_local import confirmed

MAX_WRITE_CONFLICTS = 20


def refuse_saga_owned(call: Call) -> None:
    """Only the orchestrator uses correlation ids of the saga log."""
    if saga_log.owns(call.correlation_id):
        detail = f"This correlation_id belongs to a saga, which runs its own steps. {barrier.SINGLE_USE}"
        raise Problem(409, "SAGA_OWNED", detail, correlation_id=call.correlation_id)


class LocalActionView(ActionView):
    def admit(self, call: Call) -> None:
        refuse_saga_owned(call)

    def answer(self, call: Call, command: Any, now: datetime) -> Answer:
        for _ in range(MAX_WRITE_CONFLICTS):
            try:
                return super().answer(call, command, now)
            except WriteConflict:
                continue  # A chosen seat was taken meanwhile; everything was rolled back.
        raise try_again("The seats of this flight change too fast.")


class LocalCompensationView(CompensationView):
    def admit(self, call: Call) -> None:
        refuse_saga_owned(call)


@extend_schema(responses=schema.step(saga_schema.Reserved))
class ReserveSeat(LocalActionView):
    """Hold a seat for every passenger, all or none."""

    name = step = "ReserveSeat"
    takes = ReserveRequest

    def effect(self, call: Call, command: Reserve, now: datetime) -> Done | Refused:
        flight = find_flight(command.flight_id)
        if flight is None:
            return Refused("FLIGHT_NOT_FOUND", "There is no such flight.")
        seats = services.choose_seats(
            flight=flight,
            seat_class=command.seat_class,
            wanted=command.seat_numbers,
            count=len(command.passengers),
            now=now,
        )
        if isinstance(seats, Refused):
            return seats
        expires_at = now + timedelta(minutes=settings.HOLD_MINUTES)
        services.hold_seats(
            correlation_id=call.correlation_id,
            flight_id=flight.id,
            seat_class=command.seat_class,
            seats=seats,
            now=now,
            expires_at=expires_at,
        )
        return Done(_held(flight, seats, expires_at))


def _seats_as_answered(correlation_id: str) -> list[str]:
    """In the order of the passengers, which the rows of the seats do not keep."""
    reserved = barrier.read(correlation_id=correlation_id, step=ReserveSeat.step)
    assert reserved is not None, "seats are held by the call that is recorded with them"
    seats: list[str] = json_text.load_stored(reserved.answer)["seat_numbers"]
    return seats


def _held(flight: FlightForSale, seats: tuple[str, ...], expires_at: datetime) -> dict[str, Any]:
    return {
        "reservation_id": f"res-{uuid4()}",
        "seats_reserved": len(seats),
        "seat_numbers": list(seats),
        "expires_at": iso(expires_at),
        "flight": {
            "id": flight.id,
            "flight_number": flight.flight_number,
            "origin": flight.origin,
            "destination": flight.destination,
        },
    }


@extend_schema(responses=schema.step(saga_schema.SeatCancelled))
class CancelSeat(LocalCompensationView):
    """Release the seats of a call."""

    name, step = "CancelSeat", "ReserveSeat"
    nothing = saga_sweeper.NOTHING

    def undo(self, call: Call, answer: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        return saga_sweeper.undo_reservation(correlation_id=call.correlation_id, reserved=answer, now=now)


@extend_schema(responses=schema.step(saga_schema.Confirmed))
class ConfirmBooking(LocalActionView):
    """Turn the held seats of a call into a booking with tickets."""

    name = step = "ConfirmBooking"
    takes = ConfirmRequest

    def effect(self, call: Call, command: Confirm, now: datetime) -> Done | Refused:
        seats_of_call = Seat.objects.filter(correlation_id=call.correlation_id, state=SeatState.HELD)
        held = list(seats_of_call.order_by("id").select_for_update())
        flights = {seat.flight_id for seat in held}
        if len(held) != len(command.passengers) or flights != {command.flight_id}:
            return Refused("SEAT_NOT_HELD", "The seats of these passengers are not held on this flight.")
        seats = _seats_as_answered(call.correlation_id)
        confirmation = services.make_confirmation(passengers=command.passengers, seats=seats)
        sale = services.Sale(
            correlation_id=call.correlation_id,
            flight_id=command.flight_id,
            user_id=command.user_id,
            email=command.contact_info.email,
            mobile=command.contact_info.mobile,
            seat_class=held[0].seat_class,
            amount=None,
        )
        services.confirm_booking(sale=sale, confirmation=confirmation, now=now)
        return Done({**confirmed(confirmation), "status": "CONFIRMED"})


@extend_schema(responses=schema.step(saga_schema.BookingCancelled))
class CancelBooking(LocalCompensationView):
    """Cancel the booking of a call; its seats are held again until CancelSeat."""

    name, step = "CancelBooking", "ConfirmBooking"
    nothing = {"status": "CANCELLED", "message": "There was no booking to cancel."}

    def undo(self, call: Call, answer: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        services.cancel_booking(correlation_id=call.correlation_id, now=now)
        return {"booking_reference": answer["booking_reference"], "status": "CANCELLED"}
