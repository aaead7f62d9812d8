"""What the checker prints: a line for each invariant, and the story of what is wrong."""

from collections.abc import Iterator, Sequence
from itertools import islice

from saga_checker.books import Books
from saga_checker.findings import Findings
from saga_checker.invariants import Result
from saga_checker.timeline import timeline

MOST_SHOWN = 10
MOST_TIMELINES = 3


def report(books: Books, results: Sequence[Result], seconds: float) -> Iterator[str]:
    for result in results:
        yield _line(result)
        yield from _details(result.findings)
    broken = [violation for result in results for violation in result.findings.violations]
    ids = dict.fromkeys(violation.correlation_id for violation in broken if violation.correlation_id)
    for cid in islice(ids, MOST_TIMELINES):
        yield from ("", f"The story of {cid}")
        yield from (f"    {moment}" for moment in timeline(books, cid) or ["nothing is known of it"])
    checked = sum(result.findings.checked for result in results)
    yield ""
    yield (
        f"{len(books.sagas):,} sagas, {checked:,} checks, {len(broken):,} violations"
        f" in {len(ids):,} sagas, {seconds:.1f} s"
    )


def _line(result: Result) -> str:
    verdict = "FAIL" if result.findings.violations else "ok"
    invariant = result.invariant
    counted = f"{result.findings.checked:>9,} checked"
    return f"{verdict:<4} {invariant.number:>2} {invariant.when.value} {invariant.title:<46}{counted}"


def _details(findings: Findings) -> Iterator[str]:
    for violation in findings.violations[:MOST_SHOWN]:
        yield f"       {violation.correlation_id or 'the suite'}: {violation.text}"
    if len(findings.violations) > MOST_SHOWN:
        yield f"       and {len(findings.violations) - MOST_SHOWN:,} more"
    for note in findings.notes[:MOST_SHOWN]:
        yield f"       note: {note}"
