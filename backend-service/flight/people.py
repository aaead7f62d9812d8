"""A person's data: what is stored of it, and its erasure. Ids, money and ledgers stay."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max, Q, QuerySet
from django_sagas import json_text
from django_sagas.clock import iso
from django_sagas.database import write_transaction
from django_sagas.guard.models import StepRecord
from django_sagas.models import SagaEventRow, SagaRow
from django_sagas.operators import Operator
from django_sagas.state import SagaStatus
from service_kit.outbox import erasing as outbox
from service_kit.problems import Problem

from flight.models import Booking, BookingStatus, Ticket

ERASED = "(erased)"
PERSONAL = frozenset({"first_name", "last_name", "gender", "email", "mobile", "passenger", "address"})
"Fields of JSON whose text is about a person."
SAGA_TEXTS = ("data", "facts", "result", "secrets")
EVENT_TEXTS = ("data", "following")
GUEST = "guest-"
BATCH = 200


@dataclass(frozen=True)
class Erased:
    """How many rows lost their personal fields."""

    bookings: int
    sagas: int


# -- reading


def export(user_id: str) -> dict[str, Any]:
    """All that is stored of a person here: bookings with their tickets, and what each saga was asked for."""
    bookings = Booking.objects.filter(user_id=user_id).order_by("created_at").prefetch_related("tickets")
    sagas = SagaRow.objects.filter(subject=user_id).order_by("created_at")
    return {
        "user_id": user_id,
        "bookings": [_booking(each) for each in bookings],
        "sagas": [
            {
                "correlation_id": each.correlation_id,
                "definition": each.name,
                "status": each.status,
                "created_at": iso(each.created_at),
                "asked": json_text.load_stored(each.data),
            }
            for each in sagas
        ],
    }


def _booking(booking: Booking) -> dict[str, Any]:
    tickets = ("ticket_number", "first_name", "last_name", "gender", "seat_number", "seat_class")
    return {
        "booking_reference": booking.reference,
        "correlation_id": booking.correlation_id,
        "status": booking.status,
        "email": booking.email,
        "mobile": booking.mobile,
        "created_at": iso(booking.created_at),
        "tickets": [{name: getattr(each, name) for name in tickets} for each in booking.tickets.all()],
    }


# -- erasing


def erase(user_id: str, *, by: Operator, now: datetime) -> Erased:
    """Of all trips and sagas of a person. Raises 409 while one is under way or not flown yet."""
    with write_transaction():
        _refuse_if_needed(user_id, now)
        bookings = Booking.objects.filter(user_id=user_id)
        mine = Q(subject=user_id) | Q(correlation_id__in=bookings.values("correlation_id"))
        done = Erased(_erase_bookings(bookings), _erase_sagas(SagaRow.objects.filter(mine)))
        by.leave_trail("erase-person", "", now)
    return done


def _refuse_if_needed(user_id: str, now: datetime) -> None:
    open_sagas = SagaRow.objects.open().filter(subject=user_id).count()
    live = Booking.objects.filter(user_id=user_id, status=BookingStatus.CONFIRMED)
    ahead = live.filter(tickets__flight__arrives_at__gt=now).distinct().count()
    if open_sagas or ahead:
        raise Problem(
            409,
            "STILL_NEEDED",
            f"{ahead} trips are not flown yet, {open_sagas} sagas are under way: cancel them first, or wait.",
        )


def _erase_bookings(bookings: QuerySet[Booking]) -> int:
    Ticket.objects.filter(booking__in=bookings).update(first_name=ERASED, last_name=ERASED, gender="")
    direct = StepRecord.objects.filter(correlation_id__in=bookings.values("correlation_id"))
    for record in direct.filter(Q(answer__contains="passenger") | Q(undo_answer__contains="passenger")):
        record.answer, record.undo_answer = _without(record.answer), _without(record.undo_answer)
        record.save(update_fields=["answer", "undo_answer"])
    known = list(bookings.exclude(email=ERASED).values_list("reference", "email"))
    outbox.forget(addresses={email for _, email in known}, words={reference for reference, _ in known})
    return bookings.update(email=ERASED, mobile=ERASED)


def _erase_sagas(sagas: QuerySet[SagaRow]) -> int:
    """Ended sagas only: an open one is its owner's to write."""
    number = 0
    for saga in sagas.filter(due_at=None).select_for_update():
        texts = {name: _without(getattr(saga, name)) for name in SAGA_TEXTS}
        SagaRow.objects.filter(pk=saga.pk, due_at=None, epoch=saga.epoch).update(**texts)
        for event in SagaEventRow.objects.filter(correlation_id=saga.pk):
            texts = {name: _without(getattr(event, name)) for name in EVENT_TEXTS}
            SagaEventRow.objects.filter(pk=event.pk).update(**texts)
        number += 1
    return number


def _without(text: str) -> str:
    """The same JSON without personal fields; word for word if it has none."""
    if not text:
        return text
    value = json_text.load_stored(text)
    cleaned = _cleaned(value)
    return text if cleaned == value else json_text.dumps(cleaned)


def _cleaned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: ERASED if name in PERSONAL and isinstance(each, str) else _cleaned(each)
            for name, each in value.items()
        }
    return [_cleaned(each) for each in value] if isinstance(value, list) else value


# -- what the daily sweep erases


def sweep(now: datetime) -> dict[str, int]:
    """Erase names that were kept long enough: of failed bookings, and of trips that guests have flown."""
    return {"failed sagas": _sweep_failed(now), "trips of guests": _sweep_guests(now)}


def _sweep_failed(now: datetime) -> int:
    ended = now - timedelta(days=settings.RETAIN_FAILED_DAYS)
    failed = SagaRow.objects.filter(status=SagaStatus.COMPENSATED, reference="", finished_at__lt=ended)
    named = failed.exclude(data__contains=ERASED).values_list("pk", flat=True)
    return sum(_erase_sagas_by(page) for page in _pages(named))


def _sweep_guests(now: datetime) -> int:
    flown = now - timedelta(days=settings.RETAIN_GUEST_DAYS)
    trips = Booking.objects.filter(user_id__startswith=GUEST).exclude(email=ERASED)
    old = trips.annotate(last=Max("tickets__flight__arrives_at")).filter(last__lt=flown)
    return sum(_erase_trips(page) for page in _pages(old.values_list("correlation_id", flat=True)))


def _pages(ids: QuerySet[Any, str]) -> Iterable[list[str]]:
    """A transaction for each: writers wait for none of them for long."""
    found = list(ids)
    return (found[place : place + BATCH] for place in range(0, len(found), BATCH))


def _erase_sagas_by(ids: list[str]) -> int:
    with write_transaction():
        return _erase_sagas(SagaRow.objects.filter(pk__in=ids))


def _erase_trips(ids: list[str]) -> int:
    with write_transaction():
        _erase_sagas(SagaRow.objects.filter(pk__in=ids))
        return _erase_bookings(Booking.objects.filter(correlation_id__in=ids))
