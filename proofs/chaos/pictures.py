"""The pictures of a run: open sagas above everything that was done to the suite, and the recovery times."""

import signal
from collections.abc import Iterable, Iterator, Sequence

from proofs.chaos.edge import Passed
from proofs.chaos.killer import Struck
from proofs.chaos.plan import EDGES, VICTIMS, Plan
from proofs.chaos.svg import Axis, box, dot, line, picture, text
from proofs.chaos.takeovers import TakeOver, percentile
from proofs.chaos.vandal import Happened

CURVE, LANE = 220, 20
TOP = 16


def run_picture(
    plan: Plan,
    curve: Sequence[tuple[float, int]],
    struck: Sequence[Struck],
    calls: Sequence[Passed],
    outages: Sequence[Happened],
) -> str:
    axis = Axis(0, max([plan.seconds, *(at for at, _ in curve)]))
    bottom = TOP + CURVE + LANE * (len(VICTIMS) + len(EDGES) + 2)
    return picture(
        bottom + 30,
        *_grid(axis, bottom),
        *_curve(axis, curve),
        *_strikes(axis, struck),
        *_edges(axis, plan, calls),
        *_outages(axis, outages),
        line(axis.x(plan.seconds), TOP, axis.x(plan.seconds), bottom, "calm", "the faults end"),
    )


def _grid(axis: Axis, bottom: float) -> Iterator[str]:
    for at in axis.ticks():
        yield line(axis.x(at), TOP, axis.x(at), bottom, "grid")
        yield text(axis.x(at) + 2, bottom + 16, f"{at:g} s", "small")


def _curve(axis: Axis, curve: Sequence[tuple[float, int]]) -> Iterator[str]:
    most = max((count for _, count in curve), default=0) or 1
    base = float(TOP + CURVE)
    height = base
    points = [(axis.left, base)]
    for at, count in curve:
        after = base - count / most * (CURVE - 10)
        points += [(axis.x(at), height), (axis.x(at), after)]
        height = after
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*points, (axis.right, height), (axis.right, base)])
    yield f"<polygon points='{drawn}' class='open'/>"
    yield text(4, TOP + 12, "open sagas")
    yield text(4, TOP + 28, f"at most {most:,}", "small")


def _strikes(axis: Axis, struck: Sequence[Struck]) -> Iterator[str]:
    for place, victim in enumerate(VICTIMS):
        y = TOP + CURVE + 6 + place * LANE
        yield text(4, y + 13, victim)
        mine = [one for one in struck if one.victim == victim]
        for one in mine:
            x, when = axis.x(one.at), f"at {one.at:.1f} s"
            if one.signal is signal.SIGKILL:
                yield line(x, y, x, y + LANE - 4, "kill", f"SIGKILL {victim} {when}")
            elif one.signal is signal.SIGSTOP:
                ends = (two.at for two in mine if two.signal is signal.SIGCONT and two.at > one.at)
                width = axis.x(next(ends, one.at)) - x
                yield box(x, y + 3, width, LANE - 10, "stop", f"SIGSTOP {victim} {when}")


def _edges(axis: Axis, plan: Plan, calls: Sequence[Passed]) -> Iterator[str]:
    for place, edge in enumerate(EDGES):
        y = TOP + CURVE + 14 + (len(VICTIMS) + place) * LANE
        yield text(4, y + 13, edge.replace("-", " → "))
        for bad in (one for one in plan.bad_times if one.edge == edge):
            width = axis.x(bad.at + bad.seconds) - axis.x(bad.at)
            title = f"{bad.fault}: {bad.fault.meaning} ({bad.share:.0%}, from {bad.at:.1f} s)"
            yield box(axis.x(bad.at), y, width, LANE - 4, "bad", title)
        for call in (one for one in calls if one.fault and one.edge == edge):
            title = f"{call.fault} {call.call} {call.correlation_id} at {call.at:.1f} s"
            yield dot(axis.x(call.at), y + LANE / 2 - 2, 1.8, "fault", title)


def _outages(axis: Axis, outages: Sequence[Happened]) -> Iterator[str]:
    y = TOP + CURVE + 14 + (len(VICTIMS) + len(EDGES)) * LANE
    yield text(4, y + 13, "databases")
    for one in outages:
        width = max(2.0, axis.x(one.until) - axis.x(one.at))
        title = f"{one.trouble} of {one.service or 'all'}: {one.trouble.meaning} (from {one.at:.1f} s)"
        yield box(axis.x(one.at), y, width, LANE - 4, "outage", title)


def recovery_picture(taken: Iterable[TakeOver]) -> str:
    """A dot for each saga whose owner died, by how long it waited for another."""
    seconds = sorted(one.seconds for one in taken)
    axis = Axis(0, max([15.0, *seconds]))
    columns: dict[int, int] = {}
    dots = []
    for value in seconds:
        column = round(axis.x(value) / 5)
        columns[column] = columns.get(column, 0) + 1
        dots.append(dot(column * 5, 190 - columns[column] * 5, 2.2, "claim", f"{value:.2f} s"))
    p99 = percentile(seconds, 0.99)
    mark = [
        line(axis.x(p99), 10, axis.x(p99), 195, "calm", "p99"),
        text(axis.x(p99) + 4, 20, f"p99 {p99:.1f} s"),
    ]
    return picture(220, *_grid(axis, 195), *dots, *(mark if seconds else []))
