"""The backend's four step endpoints, for direct calls."""

from collections import Counter
from collections.abc import Mapping, Sequence
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

from flight import saga_serializers, saga_sweeper, services
from flight.inputs import Confirm, ConfirmRequest, Reserve, ReserveRequest
from flight.inventory import HeldFlight, find_flights, refuse_unconnected
from flight.models import Seat, SeatState
from flight.saga_local import confirmed, reserved

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


@extend_schema(responses=schema.step(saga_serializers.Reserved))
class ReserveSeat(LocalActionView):
    """Hold a seat for every passenger, all or none."""

    name = step = "ReserveSeat"
    takes = ReserveRequest

    def effect(self, call: Call, command: Reserve, now: datetime) -> Done | Refused:
        trip = command.trip
        flights = find_flights(trip)
        refuse_unconnected(flights, within="booking_data.")
        held = services.choose_trip(flights=flights, wanted=trip, passengers=len(command.passengers), now=now)
        if isinstance(held, Refused):
            return held
        expires_at = now + timedelta(minutes=settings.HOLD_MINUTES)
        services.hold_seats(correlation_id=call.correlation_id, flights=held, now=now, expires_at=expires_at)
        return Done(_held(held, expires_at))


def _held_as_answered(correlation_id: str, *, seat_class: str) -> list[HeldFlight]:
    """In the order of flights and passengers, which the rows of the seats do not keep."""
    record = barrier.read(correlation_id=correlation_id, step=ReserveSeat.step)
    assert record is not None, "seats are held by the call that is recorded with them"
    answer = json_text.load_stored(record.answer)
    if "flights" in answer:
        return [HeldFlight.from_json(flight) for flight in answer["flights"]]
    # By an earlier release.
    flight = dict(answer["flight"])
    seats = {"seat_class": seat_class, "seat_numbers": answer["seat_numbers"]}
    return [HeldFlight.from_json({"flight_id": flight.pop("id"), **flight, **seats})]


def _held(held: Sequence[HeldFlight], expires_at: datetime) -> dict[str, Any]:
    first = held[0]
    return {
        "reservation_id": f"res-{uuid4()}",
        **reserved(held),
        "expires_at": iso(expires_at),
        "flight": {
            "id": first.flight_id,
            "flight_number": first.flight_number,
            "origin": first.origin,
            "destination": first.destination,
        },
    }


@extend_schema(responses=schema.step(saga_serializers.SeatCancelled))
class CancelSeat(LocalCompensationView):
    """Release the seats of a call."""

    name, step = "CancelSeat", "ReserveSeat"
    nothing = saga_sweeper.NOTHING

    def undo(self, call: Call, answer: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        return saga_sweeper.undo_reservation(correlation_id=call.correlation_id, reserved=answer, now=now)


@extend_schema(responses=schema.step(saga_serializers.Confirmed))
class ConfirmBooking(LocalActionView):
    """Turn the held seats of a call into a booking with tickets."""

    name = step = "ConfirmBooking"
    takes = ConfirmRequest

    def effect(self, call: Call, command: Confirm, now: datetime) -> Done | Refused:
        seats_of_call = Seat.objects.filter(correlation_id=call.correlation_id, state=SeatState.HELD)
        held = list(seats_of_call.order_by("id").select_for_update())
        wanted = {flight.flight_id: len(command.passengers) for flight in command.trip}
        if Counter(seat.flight_id for seat in held) != wanted:
            where = "these flights" if command.flights else "this flight"
            return Refused("SEAT_NOT_HELD", f"The seats of these passengers are not held on {where}.")
        flights = _held_as_answered(call.correlation_id, seat_class=held[0].seat_class)
        confirmation = services.make_confirmation(passengers=command.passengers, flights=flights)
        sale = services.Sale(
            correlation_id=call.correlation_id,
            user_id=command.user_id,
            email=command.contact_info.email,
            mobile=command.contact_info.mobile,
            amount=None,
        )
        services.confirm_booking(sale=sale, confirmation=confirmation, now=now)
        return Done({**confirmed(confirmation), "status": "CONFIRMED"})


@extend_schema(responses=schema.step(saga_serializers.BookingCancelled))
class CancelBooking(LocalCompensationView):
    """Cancel the booking of a call; its seats are held again until CancelSeat."""

    name, step = "CancelBooking", "ConfirmBooking"
    nothing = {"status": "CANCELLED", "message": "There was no booking to cancel."}

    def undo(self, call: Call, answer: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        services.cancel_booking(correlation_id=call.correlation_id, now=now)
        return {"booking_reference": answer["booking_reference"], "status": "CANCELLED"}
