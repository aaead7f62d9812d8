"""What a run found, as a table for people, JSON for programs and a picture."""

import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from bench import goals
from bench.counts import Counts
from bench.measure import Sample
from bench.picture import draw
from bench.plan import Plan
from bench.run import Result
from bench.systems import OURS
from scripts.console import Console

PARTS = ("backend", "worker", "store", "payment", "loyalty", "recovery", "database")
COLUMNS = (("clients", 8), ("books/s", 9), ("p50", 8), ("p95", 8), ("p99", 8), ("p99/p50", 9), ("CPU", 8))
USUAL, MANY = 8, 32
HEAD = f"{'system':<10}" + "".join(f"{name:>{width}}" for name, width in COLUMNS) + "  by part"


@dataclass(frozen=True)
class Median:
    """The middle of the rounds of one system under one load; `spread` is the CPU's least and most."""

    sample: Sample
    rounds: int
    spread: tuple[float, float]


def medians(samples: list[Sample]) -> list[Median]:
    """Of clean rounds only, in the order in which they were first run."""
    keys = dict.fromkeys((each.clients, each.system) for each in samples)
    groups = [[each for each in samples if (each.clients, each.system) == key] for key in keys]
    return [_median([each for each in group if each.is_clean] or group) for group in groups]


def _median(group: list[Sample]) -> Median:
    def middle(value: Callable[[Sample], float]) -> float:
        return statistics.median(value(each) for each in group)

    sample = Sample(
        system=group[0].system,
        clients=group[0].clients,
        bookings=sum(each.bookings for each in group),
        failed=sum(each.failed for each in group),
        rate=middle(lambda each: each.rate),
        p50=middle(lambda each: each.p50),
        p95=middle(lambda each: each.p95),
        p99=middle(lambda each: each.p99),
        cpu={part: middle(lambda each, part=part: each.cpu[part]) for part in group[0].cpu},  # type: ignore[misc]
    )
    totals = [each.total for each in group]
    clean = sum(each.is_clean for each in group)
    return Median(sample, clean, (min(totals), max(totals)))


def ratios(samples: list[Sample], clients: int) -> dict[str, float]:
    """Ours to each other system, the median over the rounds of the ratio within a round."""
    found = {}
    ours = [each for each in samples if (each.system, each.clients) == (OURS, clients)]
    for name in dict.fromkeys(each.system for each in samples if each.system != OURS):
        others = [each for each in samples if (each.system, each.clients) == (name, clients)]
        pairs = list(zip(ours, others, strict=True))
        if any(not other.cpu for other in others):
            continue
        pairs = [pair for pair in pairs if pair[0].is_clean and pair[1].is_clean] or pairs
        found[f"CPU, whole, to {name}"] = statistics.median(a.total / b.total for a, b in pairs)
        found[f"CPU, orchestrator and store, to {name}"] = statistics.median(
            a.store / b.store for a, b in pairs
        )
    return found


def table(result: Result) -> Iterator[str]:
    yield HEAD
    for median in medians(result.samples):
        each = median.sample
        parts = ", ".join(f"{part} {each.cpu[part]:.2f}" for part in PARTS if part in each.cpu)
        yield (
            f"{each.system:<10}{each.clients:>8}{each.rate:>9.0f}{each.p50:>8.1f}{each.p95:>8.1f}{each.p99:>8.1f}"
            f"{each.p99 / each.p50:>9.1f}{each.total:>8.2f}  {parts}"
            f" ({median.spread[0]:.2f} to {median.spread[1]:.2f}, {median.rounds} clean rounds)"
        )
    yield ""
    for clients in dict.fromkeys(each.clients for each in result.samples):
        for name, ratio in ratios(result.samples, clients).items():
            yield f"{clients:>3} clients: {name}: {ratio:.2f}"
    yield ""
    yield from map(_count_line, result.counts)
    for moment, memory in result.memory.items():
        yield f"memory at the {moment}: {sum(memory.values()):.0f} MB PSS, suite of {len(memory)} processes"


def figures(result: Result) -> dict[str, float]:
    """What there are goals for, each at 8 clients unless it says otherwise."""
    ours = {each.sample.clients: each for each in medians(result.samples) if each.sample.system == OURS}
    found = ratios(result.samples, USUAL) if USUAL in ours else {}
    if USUAL in ours:
        found["p99 to p50"] = ours[USUAL].sample.p99 / ours[USUAL].sample.p50
        found["clean rounds"] = ours[USUAL].rounds
    if {USUAL, MANY} <= ours.keys():
        found["bookings per second, 32 clients to 8"] = ours[MANY].sample.rate / ours[USUAL].sample.rate
    for each in result.counts:
        if each.system == OURS:
            kinds = {"commits": each.commits, "SQL statements": each.statements}
            found |= {
                f"{kind} per booking, {part}": number
                for kind, numbers in kinds.items()
                for part, number in numbers.items()
            }
            found["new TCP and database connections per 1000 bookings"] = each.tcp + each.database
    if memory := result.memory.get("start"):
        found["memory of the suite, idle, MB PSS"] = sum(memory.values())
    return found


def _count_line(counts: Counts) -> str:
    statements = ", ".join(f"{part} {number:.1f}" for part, number in counts.statements.items())
    commits = ", ".join(f"{part} {number:.2f}" for part, number in counts.commits.items())
    return (
        f"{counts.system}: statements {statements}; commits {commits}; "
        f"new connections per 1000 bookings: {counts.tcp:.0f} TCP, {counts.database:.0f} database"
    )


def write(result: Result, plan: Plan, console: Console) -> None:
    for line in (
        f"{result.began}  {result.machine}",
        "Times in ms; CPU is ms per booking.",
        "",
        *table(result),
    ):
        console.say(line)
    plan.output.mkdir(parents=True, exist_ok=True)
    json_file = plan.output / f"{plan.name}.json"
    json_file.write_text(json.dumps(asdict(result), indent=1))
    picture = plan.output / f"{plan.name}.svg"
    clients = USUAL if USUAL in plan.clients else plan.clients[0]
    picture.write_text(
        draw([each.sample for each in medians(result.samples)], clients=clients, title=plan.name)
    )
    console.say(f"Written: {json_file} and {picture}")
    if not plan.base:
        _hold_against_goals(result, plan, console)


def _hold_against_goals(result: Result, plan: Plan, console: Console) -> None:
    found = figures(result)
    how = f"{found.pop('clean rounds', 0):.0f} clean rounds of {plan.seconds:g} s"
    goals.note("bench", plan.name, found, how=how, output=plan.output)
    console.say()
    for line in goals.write(plan.output):
        console.say(line)
