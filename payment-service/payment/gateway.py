"""The payment gateway behind an interface; this one is simulated, and a pure function of the token."""

from enum import Enum
from typing import Protocol

import structlog
from django.conf import settings

log = structlog.get_logger("startup")


class Decision(Enum):
    APPROVED = "approved"
    DECLINED = "The card was declined."
    INSUFFICIENT_FUNDS = "The card has insufficient funds."
    NO_ANSWER = "The payment gateway does not answer."


class Gateway(Protocol):
    def authorize(self, *, card_token: str, amount: int) -> Decision:
        """Ask for `amount` cents."""


class SimulatedGateway:
    """Decides by the contract's test tokens; an unknown token is declined."""

    decisions = {
        "tok_ok": Decision.APPROVED,
        "tok_declined": Decision.DECLINED,
        "tok_insufficient_funds": Decision.INSUFFICIENT_FUNDS,
        "tok_timeout": Decision.NO_ANSWER,
    }

    def authorize(self, *, card_token: str, amount: int) -> Decision:
        return self.decisions.get(card_token, Decision.DECLINED)


GATEWAYS: dict[str, type[Gateway]] = {"simulated": SimulatedGateway}
gateway = GATEWAYS[settings.PAYMENT_GATEWAY]()


def announce() -> None:
    """Log at every start that no money is taken; in demo mode another line says so."""
    if settings.PAYMENT_GATEWAY == "simulated" and not settings.DEMO_MODE:
        log.warning("simulated_payment_gateway", takes_money=False, not_for="production")
