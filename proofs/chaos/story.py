"""One saga that something is wrong with: its timeline across clients, services and proxies."""

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from proofs.chaos.edge import Passed
from proofs.chaos.killer import Struck
from proofs.chaos.svg import Axis, dot, line, picture, text
from saga_checker.books import Books
from saga_checker.timeline import moments

LANE, TOP = 26, 14
MARGIN = 1.0
"Seconds of the run that are shown before and after."


@dataclass(frozen=True)
class Moment:
    at: float
    where: str
    what: str


def story(
    books: Books,
    correlation_id: str,
    calls: Sequence[Passed],
    struck: Sequence[Struck],
    clock: Callable[[datetime], float],
) -> str:
    """HTML: a picture with a lane for each place, and the same in words."""
    told = sorted(_moments(books, correlation_id, calls, clock), key=lambda moment: moment.at)
    if not told:
        return f"<h3>{escape(correlation_id)}</h3><p>Nothing is known of it.</p>"
    begin, end = told[0].at - MARGIN, told[-1].at + MARGIN
    near = [one for one in struck if begin <= one.at <= end]
    rows = "".join(
        f"<tr><td>{one.at:.3f}</td><td>{escape(one.where)}</td><td>{escape(one.what)}</td></tr>"
        for one in sorted([*told, *map(_of_strike, near)], key=lambda moment: moment.at)
    )
    return (
        f"<h3>{escape(correlation_id)}</h3>{_picture(told, near, Axis(begin, end))}"
        f"<table class='story'>{rows}</table>"
    )


def _of_strike(one: Struck) -> Moment:
    return Moment(one.at, "killer", f"{one.signal.name} {one.victim}")


def _moments(
    books: Books, cid: str, calls: Sequence[Passed], clock: Callable[[datetime], float]
) -> Iterator[Moment]:
    for at, where, what in moments(books, cid):
        yield Moment(clock(at), where, what)
    for call in calls:
        if call.correlation_id == cid:
            fault = f", {call.fault}" if call.fault else ""
            answered = f"the participant said {call.answered}" if call.answered else "no answer"
            yield Moment(call.at, call.edge, f"{call.call}{fault}, {answered}")


def _picture(told: Sequence[Moment], near: Sequence[Struck], axis: Axis) -> str:
    lanes = list(dict.fromkeys(one.where for one in told))
    bottom = TOP + LANE * len(lanes)
    shapes = [line(axis.x(at), TOP, axis.x(at), bottom, "grid") for at in axis.ticks()]
    shapes += [text(axis.x(at), bottom + 16, f"{at:g} s", "small") for at in axis.ticks()]
    for one in near:
        kind = "kill" if one.signal is signal.SIGKILL else "paused"
        shapes.append(line(axis.x(one.at), TOP, axis.x(one.at), bottom, kind, _of_strike(one).what))
    for place, lane in enumerate(lanes):
        y = TOP + LANE * place + LANE / 2
        shapes += [text(4, y + 4, lane), line(axis.left, y, axis.right, y, "grid")]
        shapes += [
            dot(axis.x(m.at), y, 4, "moment", f"{m.at:.3f} s {m.what}") for m in told if m.where == lane
        ]
    return picture(bottom + 24, *shapes)
