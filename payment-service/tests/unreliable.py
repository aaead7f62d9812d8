"""The provider as a test double: it does what the simulated one does, and dies or falls silent on the way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from payment import providers
from payment.providers.interface import Asked, Provider, Unknown
from payment.providers.simulated import SimulatedProvider


class Killed(BaseException):
    """The process dies here: nothing catches it, and nothing after it is run."""


@dataclass
class UnreliableProvider:
    """Two boundaries for each call: before it reaches the provider, and after the provider has acted."""

    fault: Callable[[], BaseException] = Killed
    at: int = 0
    "the boundary at which it happens, from 1; 0 for never"
    passed: list[str] = field(default_factory=list)
    timeout: float = 0.0
    inner: Provider = field(default_factory=SimulatedProvider)

    @property
    def shares_our_database(self) -> bool:
        return self.inner.shares_our_database

    @property
    def name(self) -> str:
        return self.inner.name

    def authorize(self, **asked: Any) -> Any:
        return self._between("authorize", self.inner.authorize, asked)

    def capture(self, **asked: Any) -> Any:
        return self._between("capture", self.inner.capture, asked)

    def cancel(self, **asked: Any) -> Any:
        return self._between("cancel", self.inner.cancel, asked)

    def refund(self, **asked: Any) -> Any:
        return self._between("refund", self.inner.refund, asked)

    def look_up(self, asked: Asked) -> Any:
        return self._between("look_up", self.inner.look_up, {"asked": asked})

    def holds(self, since: datetime) -> Any:
        return self._between("holds", self.inner.holds, {"since": since})

    def find_hold(self, reference: str) -> Any:
        return self._between("find_hold", self.inner.find_hold, {"reference": reference})

    def _between(self, name: str, call: Callable[..., Any], asked: dict[str, Any]) -> Any:
        self._reach(f"before {name}")
        done = call(**asked)
        self._reach(f"after {name}")
        return done

    def _reach(self, boundary: str) -> None:
        self.passed.append(boundary)
        if len(self.passed) == self.at:
            raise self.fault()


def silence() -> Unknown:
    return Unknown("The provider does not answer.")


@contextmanager
def served_by(provider: UnreliableProvider) -> Iterator[UnreliableProvider]:
    """The service works with this provider."""
    usual = providers.MAKERS[provider.name]
    providers.MAKERS[provider.name] = lambda: provider
    providers.named.cache_clear()
    try:
        yield provider
    finally:
        providers.MAKERS[provider.name] = usual
        providers.named.cache_clear()
