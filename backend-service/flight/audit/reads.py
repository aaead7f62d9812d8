"""What the owners of a booking's effects show: seats and booking (ORM), payment and miles (their APIs).

Each returns one line of text, which is compared and is the evidence.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import Count
from django_sagas import json_text
from django_sagas.audit.rules import NOTHING, Unreadable
from django_sagas.http import NoReply, Reply, ServiceClient
from django_sagas.state import SagaStatus
from service_kit.credentials import AUDITOR, ON_BEHALF_OF, ROLE, service_bearer
from service_kit.money import to_wire

from flight.models import LIVE, Booking, Confirmation, Mail, Seat
from flight.saga_booking import LOYALTY, PAYMENT, BookingSaga, SettlementSaga, settlement_of
from flight.saga_change_state import changes_of

KEPT = ("CAPTURED", "PARTLY_REFUNDED")
"Statuses of a payment of which a part may have been given back."
RECORDS = "/api/saga/records/"
ACTOR = "audit_sagas"
"The auditor's user and role: reads all payments and miles, changes none."


def seats_of(saga: BookingSaga) -> str:
    return held_seats(saga.correlation_id)


def held_seats(correlation_id: str) -> str:
    live = Seat.objects.filter(correlation_id=correlation_id, state__in=LIVE)
    return seats(live.values_list("flight_id", "seat_number", "state"))


def seats(rows: Iterable[tuple[int, str, str]]) -> str:
    return ", ".join(f"{seat} of flight {flight} {state}" for flight, seat, state in sorted(rows)) or NOTHING


def payment_of(saga: BookingSaga) -> str:
    """Of the payment that stands: after its authorisation has expired there may be another."""
    own, *others = payments_of(saga)
    if others or changes_of(saga.correlation_id):
        return live_money(money_of(saga))
    found = payment_by(own)
    if not found:
        return NOTHING
    kept = f", {found['amount'] - found['returned']:.2f} kept" if found["status"] in KEPT else ""
    return f"{found['status']} {found['amount']:.2f} {found['currency']}{kept}"


def payments_of(saga: BookingSaga) -> list[str]:
    """Correlation ids: the booking's own, or the one that took its place, and those of dearer changes."""
    settlement = settlement_of(saga)
    own = settlement.payment_id if settlement else saga.correlation_id
    return [own, *(change.payment_id for change in changes_of(saga.correlation_id) if change.is_dearer)]


def money_of(saga: BookingSaga) -> Decimal:
    """What all payments of the trip hold, or have taken and not given back."""
    found = [payment for payment in map(payment_by, payments_of(saga)) if payment]
    return sum((payment["amount"] - payment["returned"] for payment in found), Decimal(0))


def is_cancelled_at_payment(trip: str) -> bool:
    """Whether payment was told that the trip is cancelled: what it keeps is then a fee."""
    found = _get(PAYMENT, f"{RECORDS}?correlation_id={trip}", trip, {"results"})
    records = found["results"] if found else []
    return any((one["step"], one["state"]) == ("AuthorizePayment", "UNDONE") for one in records)


def capture_of(settlement: SettlementSaga) -> str:
    found = _get(PAYMENT, f"/api/payments/{settlement.payment_id}/", settlement.correlation_id, {"captured"})
    return "captured" if found and found["captured"] else NOTHING


def confirmation_of(settlement: SettlementSaga) -> str:
    return mailed(Confirmation.objects.filter(booking=settlement.booking_reference).first())


def mailed(mail: Mail | None) -> str:
    if mail is None or mail.ended_at is None:
        return NOTHING
    return "undeliverable" if mail.error else "sent"


def live_money(amount: Decimal) -> str:
    """Of a trip that was changed: changes have payments of their own, and give back of any."""
    return f"{amount:.2f} {settings.CURRENCY} held or taken by all payments"


def payment_by(correlation_id: str) -> Mapping[str, Any] | None:
    """A payment by its own correlation id."""
    fields = {"status", "amount", "currency", "returned"}
    return _get(PAYMENT, f"/api/payments/{correlation_id}/", correlation_id, fields)


def miles_of(saga: BookingSaga) -> str:
    """Nothing of a trip that is over, once all that it has ever earned was taken back."""
    entries = _entries(saga.user_id, saga.correlation_id)
    is_over = saga.status != SagaStatus.COMPLETED
    has_gone = [entry["kind"] for entry in entries].count("REVERSAL") == 1 and not _sum(entries)
    return NOTHING if is_over and has_gone else _listed(entries)


def miles_by(user_id: str, correlation_id: str) -> str:
    """The entries of one change."""
    return _listed(_entries(user_id, correlation_id))


def _entries(user_id: str, correlation_id: str) -> Sequence[Mapping[str, Any]]:
    """Of a trip, or of one change, oldest first."""
    path = f"/api/loyalty/{user_id}/?correlation_id={correlation_id}"
    found = _get(LOYALTY, path, correlation_id, {"entries"})
    return found["entries"][::-1] if found else []


def _sum(entries: Sequence[Mapping[str, Any]]) -> int:
    return sum(int(entry["miles"]) for entry in entries)


def _listed(entries: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{entry['kind']} {entry['miles']}" for entry in entries) or NOTHING


def booking_of(saga: BookingSaga) -> str:
    bookings = Booking.objects.filter(correlation_id=saga.correlation_id)
    counted = bookings.annotate(issued=Count("tickets"))
    row = counted.values_list("reference", "status", "amount", "issued").first()
    return booking(*row) if row else NOTHING


def booking(reference: str, status: str, amount: int | None, tickets: int) -> str:
    price = f"{to_wire(amount):.2f}" if amount is not None else "no price"
    return f"{status} {reference}, {tickets} tickets, {price}"


def recorded(participant: str, *, since: datetime) -> Iterator[list[Mapping[str, Any]]]:
    """The participant's records of our calls, in pages, newest first. Raises Unreadable."""
    path = RECORDS
    while path:
        page = _get(participant, path, "", {"results", "next"})
        if page is None:
            raise Unreadable(f"{participant} has no list of its records")
        fresh = [each for each in page["results"] if datetime.fromisoformat(each["created_at"]) >= since]
        yield [each for each in fresh if each["caller"] == settings.SERVICE_NAME]
        path = page["next"] if len(fresh) == len(page["results"]) else ""


@cache
def _client(participant: str) -> ServiceClient:
    return ServiceClient(settings.SAGA_PARTICIPANTS[participant])


def _get(participant: str, path: str, correlation_id: str, fields: set[str]) -> Mapping[str, Any] | None:
    headers = {
        **({"X-Correlation-ID": correlation_id} if correlation_id else {}),
        "Authorization": service_bearer(audience=participant),
        ON_BEHALF_OF: ACTOR,
        ROLE: AUDITOR,
    }
    try:
        reply = _client(participant).request("GET", path, headers=headers, timeout=settings.SAGA_CALL_TIMEOUT)
    except NoReply as error:
        raise Unreadable(f"{participant}: {error}") from error
    return _read(participant, reply, fields)


def _read(participant: str, reply: Reply, fields: set[str]) -> Mapping[str, Any] | None:
    """The requested object; None only if the service itself answers 404."""
    try:
        body = json_text.load_foreign(reply.body)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict) and reply.status == 200 and fields <= body.keys():
        return body
    if isinstance(body, dict) and reply.status == 404 and body.get("code") == "NOT_FOUND":
        return None
    raise Unreadable(f"{participant} answered {reply.status}, which is not what was asked for")
