"""What the owners of a booking's effects show: seats and booking (ORM), payment and miles (their APIs).

Each returns one line of text, which is compared and is the evidence.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import Count
from django_sagas.audit.rules import NOTHING, Unreadable
from django_sagas.http import NoReply, Reply, ServiceClient
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
    settlement = settlement_of(saga)
    own = settlement.payment_id if settlement else saga.correlation_id
    if changes := changes_of(saga.correlation_id):
        paid = [change.payment_id for change in changes if not change.is_refund]
        return _live_money([own, *paid])
    found = payment_by(own)
    if not found:
        return NOTHING
    kept = f", {found['amount'] - found['returned']:.2f} kept" if found["status"] in KEPT else ""
    return f"{found['status']} {found['amount']:.2f} {found['currency']}{kept}"


def capture_of(settlement: SettlementSaga) -> str:
    found = _get(PAYMENT, f"/api/payments/{settlement.payment_id}/", settlement.correlation_id, {"captured"})
    return "captured" if found and found["captured"] else NOTHING


def confirmation_of(settlement: SettlementSaga) -> str:
    return mailed(Confirmation.objects.filter(booking=settlement.booking_reference).first())


def mailed(mail: Mail | None) -> str:
    if mail is None or mail.ended_at is None:
        return NOTHING
    return "undeliverable" if mail.error else "sent"


def _live_money(payments: Iterable[str]) -> str:
    """Of a trip that was changed: changes have payments of their own, and give back of any."""
    found = [payment for payment in map(payment_by, payments) if payment]
    return live_money(sum((payment["amount"] - payment["returned"] for payment in found), Decimal(0)))


def live_money(amount: Decimal) -> str:
    return f"{amount:.2f} {settings.CURRENCY} held or taken by all payments"


def payment_by(correlation_id: str) -> Mapping[str, Any] | None:
    """A payment by its own correlation id."""
    fields = {"status", "amount", "currency", "returned"}
    return _get(PAYMENT, f"/api/payments/{correlation_id}/", correlation_id, fields)


def miles_of(saga: BookingSaga) -> str:
    return miles_by(saga.user_id, saga.correlation_id)


def miles_by(user_id: str, correlation_id: str) -> str:
    """The entries of a trip, or of one change."""
    path = f"/api/loyalty/{user_id}/?correlation_id={correlation_id}"
    found = _get(LOYALTY, path, correlation_id, {"entries"})
    entries = found["entries"] if found else []
    return ", ".join(f"{entry['kind']} {entry['miles']}" for entry in reversed(entries)) or NOTHING


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
        body = json.loads(reply.body, parse_float=Decimal)
    except ValueError:
        body = None
    if isinstance(body, dict) and reply.status == 200 and fields <= body.keys():
        return body
    if isinstance(body, dict) and reply.status == 404 and body.get("code") == "NOT_FOUND":
        return None
    raise Unreadable(f"{participant} answered {reply.status}, which is not what was asked for")
