"""What can go wrong at a point of a process, and between two of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

ORCHESTRATOR = "orchestrator"


class Kind(Enum):
    KILL = "kill"
    "the process is gone, as by SIGKILL"
    ERROR = "error"
    "the database goes away"
    BUG = "bug"
    "an exception that nobody expects"
    HANG = "hang"
    "longer than the lease, while another orchestrator takes over; then it wakes up"
    CANCEL = "cancel"
    "somebody cancels while it hangs"
    REQUEST_LOST = "request lost"
    REPLY_LOST = "reply lost"
    TWICE = "delivered twice"
    UNAVAILABLE = "503 after the effect"


PAUSED = (Kind.HANG, Kind.CANCEL)
ON_THE_WAY = (Kind.REQUEST_LOST, Kind.REPLY_LOST, Kind.TWICE, Kind.UNAVAILABLE)


@dataclass(frozen=True)
class Fault:
    kind: Kind
    place: str = ORCHESTRATOR
    "or the name of the call that it happens to"
    at: str = ""
    "the point, in a process"

    def __str__(self) -> str:
        where = f" {self.at}" if self.at else ""
        return f"{self.kind.value}: {self.place}{where}"

    @property
    def before_anything(self) -> bool:
        """Whether it hits the orchestrator before its first commit is done."""
        return self.place == ORCHESTRATOR and self.at == "before commit 1"


def singles(points: Sequence[str], calls: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    """Every fault at every point of a run; `calls` has the points in the participant by call."""
    for point in points:
        yield from (Fault(kind, at=point) for kind in _in_a_process(point))
        # With a transaction open it would keep everybody else waiting, which the busy time-out ends.
        if not point.startswith("before commit"):
            yield from (Fault(kind, at=point) for kind in PAUSED)
    for call, within in calls.items():
        yield from (Fault(kind, call, point) for point in within for kind in _in_a_process(point))
        yield from (Fault(kind, call) for kind in ON_THE_WAY)


def _in_a_process(point: str) -> tuple[Kind, ...]:
    """A commit ends well, or with an error of the database; nothing else comes out of one."""
    return (Kind.KILL, Kind.ERROR) if "commit" in point else (Kind.KILL, Kind.ERROR, Kind.BUG)


def kills(points: Sequence[str], calls: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    return (fault for fault in singles(points, calls) if fault.kind is Kind.KILL)
