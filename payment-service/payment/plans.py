"""Which payments a step moves, and by how much. Pure functions; amounts are cents, payments newest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from payment.models import Action, Payment, PaymentStatus


@dataclass(frozen=True)
class Move:
    payment: Payment
    action: Action
    amount: int
    "what is taken, given back, or held no more"


def give_back(payments: Sequence[Payment], *, keep: int) -> list[Move]:
    """Give back all but `keep`, the newest payment first. A hold of which something is kept is captured in
    part, and the provider frees the rest."""
    moves = []
    left = sum(payment.live for payment in payments) - keep
    for payment in payments:
        amount = min(left, payment.live)
        if amount <= 0:
            continue
        left -= amount
        moves.append(_less(payment, amount))
    return moves


def _less(payment: Payment, amount: int) -> Move:
    if payment.status != PaymentStatus.AUTHORIZED:
        return Move(payment, Action.REFUND, amount)
    if amount < payment.amount:
        return Move(payment, Action.CAPTURE, payment.amount - amount)
    return Move(payment, Action.CANCEL, payment.amount)


def refundable(payments: Sequence[Payment]) -> int:
    return sum(payment.captured - payment.refunded for payment in payments)


def refund(payments: Sequence[Payment], amount: int) -> list[Move]:
    """Give back `amount` of what was captured, the newest payment first. It is at most `refundable`."""
    moves = []
    for payment in payments:
        part = min(amount, payment.captured - payment.refunded)
        if part > 0:
            amount -= part
            moves.append(Move(payment, Action.REFUND, part))
    return moves
