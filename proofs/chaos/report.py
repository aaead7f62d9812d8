"""The run as one page that needs nothing else: pictures first, tables after them."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template

from proofs.chaos.faults import Fault
from proofs.chaos.history import open_over_time
from proofs.chaos.outages import Trouble
from proofs.chaos.pictures import recovery_picture, run_picture
from proofs.chaos.plan import Plan
from proofs.chaos.story import story
from proofs.chaos.takeovers import percentile
from proofs.chaos.verdict import Evidence, Verdict
from saga_checker.books import Books

TEMPLATE = Template(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))
MOST_STORIES = 10
STATUSES = ("COMPLETED", "COMPENSATED", "")


def report(
    title: str,
    plan: Plan,
    books: Books,
    evidence: Evidence,
    verdict: Verdict,
    clock: Callable[[datetime], float],
) -> str:
    curve = open_over_time(books.events.values(), clock)
    stories = [
        story(books, cid, evidence.calls, evidence.struck, clock) for cid in verdict.suspects[:MOST_STORIES]
    ]
    kind, words = _judgement(verdict)
    return TEMPLATE.substitute(
        title=escape(f"Chaos run, {title}"),
        kind=kind,
        verdict=words,
        subtitle=escape(f"seed {plan.seed}, schedule {plan.fingerprint}"),
        figures=_figures(plan, evidence, verdict),
        wrong=_wrong(verdict),
        run=run_picture(plan, curve, evidence.struck, evidence.calls, evidence.outages.happened),
        recovery=recovery_picture(evidence.take_overs),
        recovery_words=_recovery_words(evidence),
        outcomes=_outcomes(verdict.outcomes),
        faults=_meanings(Fault, verdict.tally.fired),
        outages=_meanings(Trouble, evidence.outages.done) + _left_out(evidence),
        invariants=_invariants(verdict),
        complaints=_complaints(evidence.complaints),
        stories="<h2>The stories of what is wrong</h2>" + "".join(stories) if stories else "",
    )


def _judgement(verdict: Verdict) -> tuple[str, str]:
    if verdict.violations:
        return "wrong", f"{verdict.violations:,} violations"
    return ("easy", "no violation, but the run does not count") if verdict.too_easy else ("", "no violation")


def _figures(plan: Plan, evidence: Evidence, verdict: Verdict) -> str:
    tally, quiet = verdict.tally, evidence.quiet_after
    booked = tally.statuses.total() or 1
    figures = {
        "seconds of faults": f"{plan.seconds:,.0f}",
        "sagas": f"{tally.sagas.total():,}",
        "bookings completed": f"{tally.statuses['COMPLETED'] / booked:.0%}",
        "bookings compensated": f"{tally.statuses['COMPENSATED'] / booked:.0%}",
        "SIGKILLs": f"{tally.kills:,}",
        "faults on calls": f"{tally.fired.total():,} ({tally.bad_calls:.0%})",
        "database faults": f"{tally.outages.total():,}",
        "lost": f"{tally.lost:,}",
        "until all had ended": f"{quiet:.1f} s" if quiet is not None else "never",
        "courses that the specification has": f"{tally.courses:,}" if tally.courses else "–",
        "p99 to the first claim after a database fault": f"{percentile(tally.until_claim, 0.99):.1f} s",
        "p99 to be claimed": f"{percentile((one.seconds for one in evidence.take_overs), 0.99):.1f} s",
    }
    return "".join(
        f"<div class='figure'><b>{value}</b>{escape(name)}</div>" for name, value in figures.items()
    )


def _wrong(verdict: Verdict) -> str:
    found = [
        f"{result.invariant.number} {violation.correlation_id} {violation.text}"
        for result in verdict.results
        for violation in result.findings.violations
    ]
    found += [f"{cid} {words}" for cid, words in verdict.broken]
    found += [f"does not count: {words}" for words in verdict.too_easy]
    return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in found)}</ul>" if found else ""


def _recovery_words(evidence: Evidence) -> str:
    seconds = [one.seconds for one in evidence.take_overs]
    if not seconds:
        return "No orchestrator died with a saga in its hands."
    return (
        f"{len(seconds):,} sagas lost their owner: half claimed in {percentile(seconds, 0.5):.1f} s, "
        f"99 % in {percentile(seconds, 0.99):.1f} s, the last after {max(seconds):.1f} s; a lease is 10 s."
    )


def _outcomes(outcomes: Counter[tuple[str, str]]) -> str:
    kinds = sorted({kind for kind, _ in outcomes})
    head = ("", *(status.lower() or "never accepted" for status in STATUSES))
    return _table(head, ((kind, *(outcomes[kind, status] for status in STATUSES)) for kind in kinds))


def _meanings(kinds: Iterable[Fault] | Iterable[Trouble], counts: Counter[str]) -> str:
    most = max(counts.values(), default=1)
    rows = "".join(
        f"<tr><td>{kind}</td><td class='n'>{counts[kind.value]:,}</td>"
        f"<td><span class='bar' style='width:{counts[kind.value] / most * 8:.2f}rem'></span></td>"
        f"<td>{escape(kind.meaning)}</td></tr>"
        for kind in kinds
    )
    return f"<table>{rows}</table>"


def _left_out(evidence: Evidence) -> str:
    told = [f"{trouble} was left out: {why}" for trouble, why in evidence.outages.left_out.items()]
    told += [f"could not be done: {failed}" for failed in evidence.outages.failed]
    return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in told)}</ul>" if told else ""


def _invariants(verdict: Verdict) -> str:
    rows = (
        (
            f"{result.invariant.number} {result.invariant.title}",
            result.findings.checked,
            len(result.findings.violations),
        )
        for result in verdict.results
    )
    return _table(("", "checked", "violations"), rows)


def _complaints(complaints: Counter[tuple[str, str]]) -> str:
    rows = ((f"{service}: {what}", times) for (service, what), times in complaints.most_common(20))
    return _table(("", "times"), rows) if complaints else "<p>Nothing at level error.</p>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    names = "".join(f"<th class='n'>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><tr>{names}</tr>{body}</table>"


def _cell(value: str | int) -> str:
    return f"<td class='n'>{value:,}</td>" if isinstance(value, int) else f"<td>{escape(value)}</td>"
