"""What was done to the databases of a run, and how soon sagas were claimed again after it."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from proofs.chaos.clock import Clock
from proofs.chaos.outages import Outage, Trouble
from proofs.chaos.takeovers import Claim
from proofs.chaos.vandal import Happened


@dataclass(frozen=True)
class Aftermath:
    happened: Sequence[Happened]
    planned: Counter[str]
    "of each kind, without what this machine does not permit"
    left_out: Mapping[Trouble, str]
    "what it does not permit, and why"
    failed: Sequence[str]
    until_claim: tuple[float, ...]
    "for each that happened, seconds from its end to the next claim of a saga"

    @property
    def done(self) -> Counter[str]:
        return Counter(one.trouble.value for one in self.happened)


def aftermath(
    outages: Iterable[Outage],
    happened: Sequence[Happened],
    left_out: Mapping[Trouble, str],
    failed: Sequence[str],
    claims: Iterable[Claim],
    clock: Clock,
) -> Aftermath:
    planned = Counter(one.trouble.value for one in outages if one.trouble not in left_out)
    moments = sorted(clock.of(claim.at) for claim in claims)
    return Aftermath(happened, planned, left_out, failed, tuple(_waits(happened, moments)))


def _waits(happened: Iterable[Happened], moments: Sequence[float]) -> Iterator[float]:
    for one in happened:
        place = bisect_left(moments, one.until)
        if place < len(moments):
            yield round(moments[place] - one.until, 2)
