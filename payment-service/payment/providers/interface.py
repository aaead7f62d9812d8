"""What a payment provider has to offer.

Every call has an idempotency key: a repeat with the same key never acts twice, and is answered as the first.
A key that moved the money of another hold, as may be after a restore, moves nothing: the call is declined.
The service commits an attempt with that key before the call, and the outcome after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Approved:
    """It is done. `reference` is the provider's name for the authorisation."""

    reference: str


@dataclass(frozen=True)
class Declined:
    """The provider surely did nothing."""

    code: str
    message: str


GONE = "gone"
"Code of a declined capture: the authorisation has expired, or was cancelled at the provider's side."


@dataclass(frozen=True)
class NeverDone:
    """Nothing was done under this key, and nothing ever will be, also not by a call that is under way."""


class Unknown(Exception):
    """The provider may or may not have acted; `look_up` tells later."""


Outcome = Approved | Declined


@dataclass(frozen=True)
class Asked:
    """A call to look up. `reference` of the authorisation, empty if the call was to make one; cents."""

    key: str
    action: str
    reference: str
    amount: int
    since: datetime
    "when the attempt was committed"


@dataclass(frozen=True)
class Moved:
    """A capture, release or refund in the provider's books. The key is empty where they do not name it."""

    amount: int
    key: str = ""


@dataclass(frozen=True)
class Hold:
    """An authorisation of ours in the provider's books; cents."""

    reference: str
    key: str
    "of the call that made it"
    amount: int
    captured: Moved | None = None
    released: Moved | None = None
    "freed by a call or by time, with nothing taken"
    refunds: tuple[Moved, ...] = ()

    @property
    def held(self) -> int:
        return 0 if self.captured or self.released else self.amount

    @property
    def taken(self) -> int:
        return self.captured.amount if self.captured else 0

    @property
    def refunded(self) -> int:
        return sum(each.amount for each in self.refunds)

    @property
    def live(self) -> int:
        """Held, or taken and not given back."""
        return self.held + self.taken - self.refunded


class Provider(Protocol):
    """Each method raises Unknown where it cannot say; amounts are cents."""

    @property
    def name(self) -> str:
        """As it stands in the rows of its payments."""

    @property
    def timeout(self) -> float:
        """Seconds after which no call is waited for any more."""

    @property
    def shares_our_database(self) -> bool:
        """Its books follow our attempt in the same log, so that the attempt need not be on the disk first."""

    def authorize(self, *, key: str, card_token: str, amount: int, currency: str) -> Outcome:
        """Hold an amount on the card."""

    def capture(self, *, key: str, reference: str, amount: int) -> Outcome:
        """Take an amount of the hold and free the rest. Declined with GONE if there is no hold any more."""

    def cancel(self, *, key: str, reference: str) -> Outcome:
        """Free the hold; approved too if it has expired or was freed before."""

    def refund(self, *, key: str, reference: str, amount: int) -> Outcome:
        """Give back an amount that was taken."""

    def look_up(self, asked: Asked) -> Outcome | NeverDone:
        """What became of a call; see NeverDone for its promise.

        A capture, cancellation or refund may be made here, by a provider that can give no key of one up.
        """

    def holds(self, since: datetime) -> Iterator[Hold]:
        """All authorisations of ours that were made since then, whatever became of them."""

    def find_hold(self, reference: str) -> Hold | None:
        """None: the provider knows no such authorisation."""
