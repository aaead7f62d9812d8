"""What a run was, in numbers that can be added: the parts of a long run are summed by them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from proofs.chaos.faults import Fault
from proofs.chaos.outages import Trouble
from proofs.chaos.profiles import LEAST_COMPENSATED, LEAST_COMPLETED, Profile
from proofs.chaos.releases import VERSIONS, positions
from proofs.chaos.takeovers import percentile

BOOKING = "book-trip"
PAID = ("booking", "change")
"What payments are for."


@dataclass(frozen=True)
class Tally:
    seconds: float = 0.0
    "with faults"
    sagas: Counter[str] = field(default_factory=Counter)
    "of each definition"
    statuses: Counter[str] = field(default_factory=Counter)
    "of the bookings"
    signals: Counter[str] = field(default_factory=Counter)
    outages: Counter[str] = field(default_factory=Counter)
    "what was done to databases"
    planned: Counter[str] = field(default_factory=Counter)
    "what was to be done to them and can be done on this machine"
    calls: int = 0
    "between services"
    fired: Counter[str] = field(default_factory=Counter)
    "faults of these calls"
    violations: int = 0
    lost: int = 0
    "sagas whose id a client was given, and which nobody knows"
    until_quiet: tuple[float, ...] = ()
    "seconds from the end of the faults until every saga had ended"
    until_claim: tuple[float, ...] = ()
    "seconds from the end of each outage to the next claim of a saga"
    expired: Counter[str] = field(default_factory=Counter)
    "payments that expired before they were captured, by what they were for"
    courses: int = 0
    "of sagas that were held against the specification"
    restarts: int = 0
    "of orchestrators, each with another release"
    positions: Counter[str] = field(default_factory=Counter)
    "where bookings were open at these restarts"
    crossed: int = 0
    "bookings that were open when every orchestrator had come to other steps than theirs"

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in _NAMES})

    @property
    def kills(self) -> int:
        return self.signals["SIGKILL"]

    @property
    def bad_calls(self) -> float:
        """The share that met a fault."""
        return self.fired.total() / (self.calls or 1)

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _NAMES}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Tally":
        kinds = {name: type(getattr(cls(), name)) for name in _NAMES}
        # Parts that were played by an earlier revision have no count of what was added since.
        return cls(**{name: kinds[name](stored[name]) for name in _NAMES if name in stored})

    def lines(self) -> Iterator[str]:
        """What a reader wants to know, and the documentation tells."""
        booked = self.statuses.total() or 1
        yield (
            f"{self.sagas.total():,} sagas in {self.seconds:,.0f} s of faults ({counted(self.sagas)});"
            f" bookings {self.statuses['COMPLETED'] / booked:.0%} completed,"
            f" {self.statuses['COMPENSATED'] / booked:.0%} compensated"
        )
        yield (
            f"{self.kills:,} SIGKILLs, {self.signals['SIGSTOP']:,} SIGSTOPs,"
            f" {self.fired.total():,} of {self.calls:,} calls bad ({self.bad_calls:.0%}),"
            f" {self.outages.total():,} database faults ({counted(self.outages)})"
        )
        yield (
            f"{self.violations:,} violations, {self.lost:,} lost; all had ended after at most"
            f" {max(self.until_quiet, default=0):.1f} s; first claim after a database fault:"
            f" p50 {percentile(self.until_claim, 0.5):.1f} s, p99 {percentile(self.until_claim, 0.99):.1f} s"
        )
        yield f"payments expired: {counted(self.expired)}"
        if self.restarts:
            yield (
                f"{self.restarts:,} restarts with another release, {self.crossed:,} bookings that came to"
                f" other steps than theirs; open at restarts: {counted(self.positions)}"
            )

    def too_easy(self, profile: Profile, *, whole: bool) -> Iterator[str]:
        """Why it does not count. `whole` says that it had its profile's full time."""
        booked = self.statuses.total() or 1
        for status, least in (("COMPLETED", LEAST_COMPLETED), ("COMPENSATED", LEAST_COMPENSATED)):
            if self.statuses[status] / booked < least:
                yield f"{self.statuses[status] / booked:.0%} {status}, at least {least:.0%} is asked"
        yield from (f"{fault.value} never fired" for fault in Fault if not self.fired[fault.value])
        yield from (f"no payment of a {what} expired" for what in PAID if not self.expired[what])
        if not self.signals["SIGSTOP"]:
            yield "no process was stopped"
        for trouble in Trouble:
            if self.planned[trouble.value] and not self.outages[trouble.value]:
                yield f"no database had {trouble.value}"
        yield from self._never_deployed() if profile.deploy_every else ()
        wanted = {
            "sagas": (self.sagas.total(), profile.least_sagas),
            "kills": (self.kills, profile.least_kills),
            "database faults": (self.outages.total(), profile.least_outages),
        }
        for what, (there, least) in wanted.items() if whole else ():
            if there < least:
                yield f"{there:,} {what}, at least {least:,} are asked"

    def _never_deployed(self) -> Iterator[str]:
        for place in (place for version in VERSIONS for place in positions(version)):
            if not self.positions[place]:
                yield f"no booking was open at a restart at {place}"
        if not self.crossed:
            yield "no booking came to a release with other steps"


_NAMES = tuple(each.name for each in fields(Tally))


def total(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, Tally())


def counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"
