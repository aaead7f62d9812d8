"""Settles what payment and its provider disagree about, as after a restore of payment to an earlier moment.

The provider's books say what became of the money of a payment. Money of an authorisation that payment does
not know is given back: its trip is cancelled by the backend's `settle_restore`. A call that our ledger tells
of and the provider does not is made again, under its key.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django_sagas.database import by_pages, write_transaction
from django_sagas.problems import Problem
from service_kit.money import to_wire
from service_kit.security import audit
from service_kit.security.models import AuditKind

from payment import attempts, ledger, providers
from payment.models import Action, Attempt, AttemptState, EntryKind, LedgerEntry, Payment, PaymentStatus
from payment.providers.interface import Declined, Hold, Moved, Outcome, Provider, Unknown

FINISHED = (PaymentStatus.CANCELLED, PaymentStatus.EXPIRED)
ACTIONS = {
    EntryKind.CAPTURED: Action.CAPTURE,
    EntryKind.REFUNDED: Action.REFUND,
    EntryKind.CANCELLED: Action.CANCEL,
}


@dataclass(frozen=True)
class Repair:
    """What settles one disagreement. `run` returns why it did not, or nothing."""

    verb: str
    correlation_id: str
    what: str
    run: Callable[[datetime], str] | None = None
    "None: a person has to look"

    def __str__(self) -> str:
        return f"{self.verb} {self.correlation_id} {self.what}"


@dataclass
class Compared:
    """The results of one run so far."""

    payments: int = 0
    holds: int = 0
    under_way: int = 0
    "payments with an open call, which are left to the next run"


def repairs(*, since: datetime, now: datetime, compared: Compared) -> Iterator[Repair]:
    """For each payment or hold made since then on which the two disagree. Raises Unknown."""
    for name in {settings.PAYMENT_GATEWAY, *_providers_since(since)}:
        provider = providers.named(name)
        holds = {hold.reference: hold for hold in provider.holds(since)}
        compared.holds += len(holds)
        for payment in by_pages(Payment.objects.filter(provider=name, authorized_at__gte=since)):
            compared.payments += 1
            reference = payment.provider_reference
            hold = holds.get(reference) or provider.find_hold(reference)
            yield from _of_payment(provider, payment, hold, now, compared)
        for hold in holds.values():
            yield from _of_hold(provider, hold)


def _providers_since(since: datetime) -> Iterator[str]:
    found = (
        Payment.objects.filter(authorized_at__gte=since)
        .order_by("provider")
        .values_list("provider", flat=True)
    )
    yield from found.distinct()


# -- payments that the provider contradicts


def _of_payment(
    provider: Provider, payment: Payment, hold: Hold | None, now: datetime, compared: Compared
) -> Iterator[Repair]:
    if attempts.open_on([payment.correlation_id]):
        compared.under_way += 1
        return
    cid, ours = payment.correlation_id, 0 if payment.has_lapsed(now) else payment.live
    told = f"{_ours(payment, ours)}; the provider: {_theirs(hold)}"
    if hold is None:
        yield from _of_unknown_hold(payment, ours, told)
    elif payment.status in FINISHED:
        if hold.live:  # Nothing of it is taken any more.
            yield Repair("UNDO", cid, told, partial(_give_back, provider, hold))
    elif payment.captured and hold.taken not in (0, payment.captured):
        yield Repair("PERSON", cid, told)
    elif forgotten := _forgotten_by_us(payment, hold, ours):
        yield Repair("WRITE", cid, told, partial(_write, payment, forgotten))
    elif (hold.live, hold.taken) != (ours, payment.captured):
        yield Repair("AGAIN", cid, told, partial(_repeat, provider, payment))


def _of_unknown_hold(payment: Payment, ours: int, told: str) -> Iterator[Repair]:
    """Money that the provider does not have."""
    if payment.status == PaymentStatus.AUTHORIZED and ours:
        yield Repair("WRITE", payment.correlation_id, told, partial(_expire, payment))
    elif ours:
        yield Repair("PERSON", payment.correlation_id, told)


def _forgotten_by_us(payment: Payment, hold: Hold, ours: int) -> list[tuple[Action, Moved]]:
    """What the provider has done of a payment, and the ledger does not tell. A hold that has run out is
    written down by `expire_payments`."""
    found = []
    if payment.status == PaymentStatus.AUTHORIZED:
        found += [(Action.CAPTURE, hold.captured)] if hold.captured else []
        found += [(Action.CANCEL, hold.released)] if hold.released and ours else []
    known = set(payment.entries.values_list("attempt", flat=True))
    missing = hold.refunded - payment.refunded
    for refund in hold.refunds:
        if refund.key not in known and 0 < refund.amount <= missing:
            found.append((Action.REFUND, refund))
            missing -= refund.amount
    return found


def _write(payment: Payment, moves: list[tuple[Action, Moved]], now: datetime) -> str:
    with write_transaction():
        locked = Payment.objects.select_for_update().get(pk=payment.pk)
        if (locked.status, locked.refunded) != (payment.status, payment.refunded):
            return "It has changed meanwhile."
        for action, moved in moves:
            key = _remember(moved.key, action, locked, moved.amount, AttemptState.DONE, now)
            ledger.move(locked, action, moved.amount, attempt=key, now=now)
    return ""


def _remember(
    key: str, action: Action, payment: Payment, amount: int, state: AttemptState, now: datetime
) -> str | None:
    """The forgotten attempt, so that the step that made it neither moves the money again nor uses its key."""
    called = attempts.read_key(key)
    if called is None:
        return None
    attempt = Attempt(
        key=key,
        correlation_id=called.correlation_id,
        step=called.step,
        action=action,
        payment=payment.correlation_id,
        amount=amount,
        state=state,
        provider=payment.provider,
        reference=payment.provider_reference,
        created_at=now,
        busy_until=now,
    )
    Attempt.objects.bulk_create([attempt], ignore_conflicts=True)
    return key


def _expire(payment: Payment, now: datetime) -> str:
    with write_transaction():
        locked = Payment.objects.select_for_update().get(pk=payment.pk)
        if locked.status != PaymentStatus.AUTHORIZED:
            return "It has changed meanwhile."
        ledger.expire(locked, now)
    return ""


def _repeat(provider: Provider, payment: Payment, now: datetime) -> str:
    """Each call of ours is answered as the first time, or made now."""
    for entry in LedgerEntry.objects.filter(payment=payment, kind__in=ACTIONS).order_by("id"):
        if failed := _why(_call(provider, payment.provider_reference, entry)):
            return failed
    return ""


def _call(provider: Provider, reference: str, entry: LedgerEntry) -> Outcome:
    key = entry.attempt or f"{entry.payment_id}:{entry.kind}:{entry.number}"
    match ACTIONS[EntryKind(entry.kind)]:
        case Action.CAPTURE:
            return provider.capture(key=key, reference=reference, amount=entry.amount)
        case Action.REFUND:
            return provider.refund(key=key, reference=reference, amount=entry.amount)
    return provider.cancel(key=key, reference=reference)


# -- holds that payment does not know


def _of_hold(provider: Provider, hold: Hold) -> Iterator[Repair]:
    """One that is over, too: the call that made it would be answered as if its money were held."""
    if Payment.objects.filter(provider=provider.name, provider_reference=hold.reference).exists():
        return
    tried = Attempt.objects.filter(key=hold.key).first()
    if tried and tried.state == AttemptState.OPEN:
        return  # It is being made, or `expire_payments` settles it.
    called = attempts.read_key(hold.key)
    cid = called.payment if called else hold.reference
    told = f"{hold.reference}, which no payment names: {_theirs(hold)}"
    if hold.live:
        yield Repair("UNDO", cid, told, partial(_give_back_unknown, provider, hold))
    elif called and not tried:
        yield Repair("NOTE", cid, told, partial(_give_up_key, provider, hold))


def _give_back_unknown(provider: Provider, hold: Hold, now: datetime) -> str:
    """First its key is given up, so that no repeat of the call is told that the money is held."""
    return _give_up_key(provider, hold, now) or _give_back(provider, hold, now)


def _give_up_key(provider: Provider, hold: Hold, now: datetime) -> str:
    """Of a key that is none of `attempts`, there is nothing to give up."""
    if called := attempts.read_key(hold.key):
        of = {"provider": provider.name, "provider_reference": hold.reference}
        unknown = Payment(correlation_id=called.payment, **of)
        _remember(hold.key, Action.AUTHORIZE, unknown, hold.amount, AttemptState.REFUSED, now)
    return ""


def _give_back(provider: Provider, hold: Hold, now: datetime) -> str:
    key = f"{hold.key or hold.reference}:settled"
    if hold.held:
        return _why(provider.cancel(key=key, reference=hold.reference))
    return _why(provider.refund(key=key, reference=hold.reference, amount=hold.live))


def _why(outcome: Outcome) -> str:
    return outcome.message if isinstance(outcome, Declined) else ""


def _ours(payment: Payment, live: int) -> str:
    return f"{payment.status} {to_wire(payment.amount):.2f}, {to_wire(live):.2f} live"


def _theirs(hold: Hold | None) -> str:
    if hold is None:
        return "no such hold"
    cents = (hold.held, hold.taken, hold.refunded)
    return "held {:.2f}, taken {:.2f}, given back {:.2f}".format(*map(to_wire, cents))


def settle(repair: Repair, *, actor: str, reason: str, now: datetime) -> str:
    """Why it is not settled, or nothing. What was done stands in the audit trail."""
    if repair.run is None:
        return ""
    try:
        failed = repair.run(now)
    except (Unknown, Problem) as error:
        return str(error)
    if not failed:
        action = f"settle-provider-{repair.verb.lower()}"
        audit.record(
            AuditKind.OPERATOR,
            action=action,
            correlation_id=repair.correlation_id,
            actor=actor,
            reason=reason,
            evidence=repair.what,
            now=now,
        )
    return failed
