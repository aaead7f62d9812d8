"""Whether the run was clean, and whether it was hard enough to count."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from proofs.chaos.aftermath import Aftermath
from proofs.chaos.deploys import Deployed
from proofs.chaos.edge import Passed
from proofs.chaos.faults import Fault
from proofs.chaos.given import Given
from proofs.chaos.killer import Struck
from proofs.chaos.profiles import TERMINAL_WITHIN, Profile
from proofs.chaos.takeovers import TakeOver
from proofs.chaos.tally import Tally
from proofs.spec.records import Checked
from saga_checker.books import Books
from saga_checker.invariants import Result

REFUSED = "refused"


@dataclass(frozen=True)
class Evidence:
    """All that a run leaves behind, besides the databases."""

    seconds: float
    struck: Sequence[Struck]
    outages: Aftermath
    calls: Sequence[Passed]
    quiet_after: float | None
    """The most seconds that a saga took to end: from the end of the faults, or from its own beginning if that
    was later. None when some never ended."""
    last_booking: str
    old_calls: Sequence[int]
    "what participants answered to calls of the run that came once more at its end"
    complaints: Counter[tuple[str, str]]
    take_overs: Sequence[TakeOver]
    deployed: Deployed = field(default_factory=Deployed)


@dataclass(frozen=True)
class Verdict:
    results: Sequence[Result]
    broken: Sequence[tuple[str, str]]
    "promises to clients, and what else is wrong, with the saga where there is one"
    too_easy: Sequence[str]
    tally: Tally
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    "how many wishes of each kind ended how"

    @property
    def violations(self) -> int:
        return self.tally.violations

    @property
    def suspects(self) -> list[str]:
        """The sagas that something is wrong with."""
        found = [v.correlation_id for result in self.results for v in result.findings.violations]
        return [cid for cid in dict.fromkeys([*found, *(cid for cid, _ in self.broken)]) if cid]


def judge(
    books: Books,
    given: Given,
    evidence: Evidence,
    profile: Profile,
    *,
    whole: bool,
    results: Sequence[Result],
    modelled: Checked | None,
) -> Verdict:
    """`whole` says that the run had its profile's full time, so that its counts are due; `results` are
    the checker's, `modelled` is the specification's."""
    broken = [*_broken(books, given, evidence), *_not_in_the_model(modelled)]
    violations = sum(len(result.findings.violations) for result in results) + len(broken)
    tally = Tally(
        seconds=evidence.seconds,
        sagas=Counter(saga.name for saga in books.sagas.values()),
        statuses=Counter(saga.status for saga in books.trips.values()),
        signals=Counter(struck.signal.name for struck in evidence.struck),
        outages=evidence.outages.done,
        planned=evidence.outages.planned,
        calls=len(evidence.calls),
        fired=_fired(books, evidence),
        violations=violations,
        lost=sum(cid not in books.sagas for cid in given.ids()),
        until_quiet=() if evidence.quiet_after is None else (evidence.quiet_after,),
        until_claim=evidence.outages.until_claim,
        expired=_expired(books),
        courses=modelled.courses if modelled else 0,
        restarts=evidence.deployed.restarts,
        positions=evidence.deployed.positions,
        crossed=evidence.deployed.crossed,
    )
    return Verdict(
        results=results,
        broken=broken,
        too_easy=list(tally.too_easy(profile, whole=whole)),
        tally=tally,
        outcomes=Counter((wish.kind, _status(books, wish.correlation_id)) for wish in given.wishes),
    )


def _not_in_the_model(modelled: Checked | None) -> Iterator[tuple[str, str]]:
    for trace in modelled.refused if modelled else ():
        yield trace.correlation_id, "no behaviour of the specification leaves this record"


def _status(books: Books, correlation_id: str) -> str:
    saga = books.sagas.get(correlation_id)
    return saga.status if saga else ""


def _fired(books: Books, evidence: Evidence) -> Counter[str]:
    """A refused connection leaves its trace only with the caller, in the saga's events."""
    fired = Counter(call.fault for call in evidence.calls if call.fault)
    errors = (str(event.told.get("error", "")) for events in books.events.values() for event in events)
    fired[Fault.REFUSE.value] = sum(REFUSED in error.lower() and "Errno" in error for error in errors)
    return fired


def _expired(books: Books) -> Counter[str]:
    """Of the payments that bookings and changes made themselves."""
    gone = {cid for cid, payment in books.standing.items() if payment.status == "EXPIRED"}
    changes = {change.correlation_id for change in books.changes}
    return Counter({"booking": len(gone & books.trips.keys()), "change": len(gone & changes)})


def _told_fees(books: Books, given: Given) -> Iterator[tuple[str, str]]:
    for wish in (wish for wish in given.wishes if wish.fee is not None):
        kept = books.live_money(wish.correlation_id)
        is_over = _status(books, wish.correlation_id) == "COMPENSATED"
        if is_over and round(wish.fee * 100) != kept:
            yield wish.correlation_id, f"its client was told a fee of {wish.fee}, and {kept} cents are kept"


def _broken(books: Books, given: Given, evidence: Evidence) -> Iterator[tuple[str, str]]:
    yield from given.judge(lambda cid: _status(books, cid))
    yield from _told_fees(books, given)
    yield from (("", f"an answer that no client should get: {surprise}") for surprise in given.surprises)
    yield from (("", f"a deploy failed: {failed}") for failed in evidence.deployed.failed)
    if evidence.quiet_after is None:
        yield "", "not everything has ended"
    elif evidence.quiet_after > TERMINAL_WITHIN:
        yield "", f"a saga needed {evidence.quiet_after:.1f} s after the faults, or after its beginning"
    if evidence.last_booking != "COMPLETED":
        yield "", f"a fresh booking at the end became {evidence.last_booking or 'nothing'}"
