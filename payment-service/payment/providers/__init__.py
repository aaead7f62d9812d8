"""The provider that cards are charged by: PAYMENT_GATEWAY names it."""

from collections.abc import Callable
from functools import cache

from django.conf import settings

from payment.providers.interface import Provider


def _simulated() -> Provider:
    from payment.providers.simulated import SimulatedProvider

    return SimulatedProvider()


def _stripe() -> Provider:
    from payment.providers.stripe import StripeProvider  # The package is an optional extra.

    return StripeProvider(
        secret_key=settings.STRIPE_SECRET_KEY,
        address=settings.STRIPE_API_BASE,
        timeout=settings.STRIPE_TIMEOUT_SECONDS,
    )


MAKERS: dict[str, Callable[[], Provider]] = {"simulated": _simulated, "stripe": _stripe}


def current() -> Provider:
    """The provider of new authorisations."""
    return named(settings.PAYMENT_GATEWAY)


@cache
def named(name: str) -> Provider:
    """The provider of an earlier authorisation."""
    return MAKERS[name]()


def announce() -> None:
    if settings.PAYMENT_GATEWAY == "simulated":
        from payment.providers.simulated import announce as announce_simulated

        announce_simulated()
