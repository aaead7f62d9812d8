"""Sagas as they were recorded, against the specification: is there a behaviour of it that leaves this record?

python -m proofs.spec.records --data var [--sample 50] [--seed 1]

The checker plays back the events of every saga; TLC does so for a sample, by the specification itself.
"""

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from proofs.spec import tlc
from proofs.spec.models import Model
from saga_checker.books import READING_ORDER, Books, Told
from saga_checker.rows import Event, Record, Saga

REFUSED = 1
SAMPLE = 50
MODULE = """---- MODULE Record ----
EXTENDS Saga, Sequences, TLC
VARIABLES which, at
Traces == <<{traces}>>
Told == Traces[which].rows
Left == Traces[which].left
Seen(saga) == <<saga.status, saga.steps>>
RecordInit == Init /\\ which \\in 1 .. Len(Traces) /\\ at = 0
RecordNext ==
    /\\ at < Len(Told)
    /\\ Next
    /\\ which' = which
    /\\ \\/ Seen(row') = Seen(row) /\\ at' = at
       \\/ Seen(row') # Seen(row) /\\ Seen(row') = Told[at + 1] /\\ at' = at + 1
RecordSpec == RecordInit /\\ [][RecordNext]_<<vars, which, at>>
IsLeft == \\A i \\in Steps : Left[i] = "ANY" \\/ Left[i] = record[i]
Reached == (at = Len(Told) /\\ IsLeft) => PrintT(<<"accepted", which>>)
====
"""
ACCEPTED = re.compile(r'<<"accepted", (\d+)>>')
AFTER_STEP = {
    "SAGA_STEP_STARTED": "STARTED",
    "SAGA_STEP_COMPLETED": "DONE",
    "SAGA_STEP_UNKNOWN": "UNKNOWN",
    "SAGA_COMPENSATION_STEP_STARTED": "UNDOING",
    "SAGA_COMPENSATION_STEP_COMPLETED": "UNDONE",
}
AFTER_SAGA = {
    "SAGA_STARTED": "RUNNING",
    "SAGA_COMPENSATION_STARTED": "COMPENSATING",
    "SAGA_COMPLETED": "COMPLETED",
    "SAGA_COMPENSATED": "COMPENSATED",
}
# An attempt of a local step and its outcome are one commit.
BEGINNINGS = ("SAGA_STEP_STARTED", "SAGA_COMPENSATION_STEP_STARTED")

ANY = "ANY"

Row = tuple[str, tuple[str, ...]]
"The saga's status, and that of each step."


@dataclass(frozen=True)
class Trace:
    correlation_id: str
    shape: Model
    rows: tuple[Row, ...]
    left: tuple[str, ...]
    "what each step's participant has recorded at the end; ANY where that is not known yet"

    @property
    def course(self) -> tuple[Model, tuple[Row, ...], tuple[str, ...]]:
        """What the specification sees of it."""
        return self.shape, self.rows, self.left


def shape_of(saga: Saga) -> Model:
    """What the specification needs to know of the saga's own steps."""
    steps = list(saga.step.values())
    places = dict(enumerate(steps, 1))
    retriable = [place for place, step in places.items() if step["kind"] == "retriable"]
    return Model(
        name="record",
        last=len(steps),
        local=frozenset(place for place, step in places.items() if not step["participant"]),
        pivot=min(retriable, default=len(steps) + 1) - 1,
        has_undo=frozenset(place for place, step in places.items() if step["compensation"]),
        may_refuse=frozenset(places) - frozenset(retriable),
        trouble=2,
    )


def rows_of(saga: Saga, events: Iterable[Event]) -> tuple[Row, ...]:
    """What the saga's row held after each commit, as its events tell it; no state twice in a row."""
    status, steps = "NONE", dict.fromkeys(saga.step, "PENDING")
    rows: list[Row] = []
    for event in events:
        name = str(event.told.get("step", ""))
        is_local = name in saga.step and not saga.step[name]["participant"]
        status = AFTER_SAGA.get(event.event_type, status)
        if event.event_type == "SAGA_STEP_FAILED":
            steps[name] = str(event.told["outcome"])
        elif event.event_type in AFTER_STEP and not (is_local and event.event_type in BEGINNINGS):
            steps[name] = AFTER_STEP[event.event_type]
        elif event.event_type == "SAGA_COMPENSATION_FAILED":
            steps[name] = "UNDOING"
        # The last step done is COMPLETED in the same commit: its own event follows.
        is_last = status == "RUNNING" and all(each == "DONE" for each in steps.values())
        row = (status, tuple(steps.values()))
        if not is_last and (not rows or rows[-1] != row):
            rows.append(row)
    return tuple(rows)


def left_of(saga: Saga, records: Mapping[tuple[str, str], Record]) -> tuple[str, ...]:
    """While a saga is open, a call that was sent may still arrive."""
    if not saga.is_terminal:
        return (ANY,) * len(saga.step)
    remote = {name for name, step in saga.step.items() if step["participant"]}
    found = {name: records.get((saga.correlation_id, name)) for name in remote}
    return tuple(record.state if (record := found.get(name)) else "NONE" for name in saga.step)


def traces_of(books: Books) -> list[Trace]:
    """Of every saga, but for those where a person settled a step: no protocol has that."""
    return [
        Trace(cid, shape_of(saga), rows_of(saga, books.events.get(cid, [])), left_of(saga, books.record))
        for cid, saga in books.sagas.items()
        if not saga.settled_by_hand
    ]


def sample(traces: Sequence[Trace], *, size: int, seed: int | str) -> list[Trace]:
    """At most `size` of them, no two of one course: the rarest courses first."""
    common = Counter(trace.course for trace in traces)
    chosen = list({trace.course: trace for trace in traces}.values())
    random.Random(seed).shuffle(chosen)
    return sorted(chosen, key=lambda trace: common[trace.course])[:size]


def refused(traces: Sequence[Trace]) -> list[Trace]:
    """The traces that no behaviour of the specification leaves. One run of TLC for each shape."""
    wrong: list[Trace] = []
    key = attrgetter("shape.text")
    for _, alike in groupby(sorted(traces, key=key), key=key):
        group = list(alike)
        text = tlc.run(_configuration(group[0].shape), {"Record": MODULE.format(traces=_told(group))})
        accepted = {int(number) for number in ACCEPTED.findall(text)}
        wrong += [trace for number, trace in enumerate(group, 1) if number not in accepted]
    return wrong


def _configuration(shape: Model) -> str:
    constants = shape.text.partition("INVARIANTS")[0]
    return constants.replace("SPECIFICATION Spec", "SPECIFICATION RecordSpec") + "INVARIANTS Reached\n"


def _told(traces: Iterable[Trace]) -> str:
    return ",\n".join(_record(trace) for trace in traces)


def _record(trace: Trace) -> str:
    rows = _tuple(f'<<"{status}", {_words(steps)}>>' for status, steps in trace.rows)
    return f"[rows |-> {rows}, left |-> {_words(trace.left)}]"


def _words(words: Iterable[str]) -> str:
    return _tuple(f'"{word}"' for word in words)


def _tuple(parts: Iterable[str]) -> str:
    return "<<" + ", ".join(parts) + ">>"


@dataclass(frozen=True)
class Checked:
    sagas: int
    courses: int
    "the different ones among them that TLC looked at"
    refused: tuple[Trace, ...]


def check(books: Books, *, size: int = SAMPLE, seed: int | str = 1) -> Checked | None:
    """None where TLC cannot run."""
    if tlc.why_not():
        return None
    traces = traces_of(books)
    chosen = sample(traces, size=size, seed=seed)
    return Checked(len(traces), len(chosen), tuple(refused(chosen)))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="records", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the services' databases")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="sagas that TLC looks at")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    with Books({name: str(given.data / f"{name}.sqlite3") for name in READING_ORDER}, Told()) as books:
        checked = check(books, size=given.sample, seed=given.seed)
    if checked is None:
        sys.stdout.write(f"SKIPPED: no record is checked here, because {tlc.why_not()}.\n")
        return 0
    wrong = checked.refused
    sys.stdout.write(f"{checked.sagas} sagas, {checked.courses} courses checked, {len(wrong)} refused\n")
    for trace in wrong:
        sys.stdout.write(f"REFUSED {trace.correlation_id}: {trace.rows}, recorded {trace.left}\n")
    return REFUSED if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
