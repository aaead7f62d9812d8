"""What can go wrong where: the crash points of the crash test, and what needs a process of its own."""

from collections.abc import Iterator, Sequence

from django_sagas.testing.commits import ALONE
from django_sagas.testing.points import (
    AT_ACTIONS,
    CallMade,
    CommitMade,
    CrashPoint,
    Moment,
    Trouble,
    at_call,
    at_commit,
    points_of,
)


class Fault(Trouble):
    FAILS_BEFORE_COMMIT = (
        "fails-before-commit",
        "the database goes away from {who} just before commit {n} ({what})",
    )
    FAILS_AFTER_COMMIT = (
        "fails-after-commit",
        "the database goes away from {who} just after commit {n} ({what})",
    )
    PAUSES_AFTER_COMMIT = (
        "pauses-after-commit",
        "{who} pauses after commit {n} ({what}); another one finishes the saga meanwhile",
    )
    CANCELS_AFTER_COMMIT = (
        "cancels-after-commit",
        "{who} pauses after commit {n} ({what}); the saga is cancelled meanwhile",
    )
    FAILS_BEFORE_CALL = "fails-before-call", "the database goes away just before call {n} ({what})"
    FAILS_AFTER_CALL = "fails-after-call", "the database goes away just after call {n} ({what})"
    RAISES_BEFORE_CALL = "raises-before-call", "a bug raises just before call {n} ({what})"
    RAISES_AFTER_CALL = "raises-after-call", "a bug raises just after call {n} ({what})"


IN_A_PROCESS = (Fault.FAILS_BEFORE_COMMIT, Fault.FAILS_AFTER_COMMIT)
# With a transaction open a pause would keep everybody else waiting, which the busy time-out ends.
OF_THE_ORCHESTRATOR = (Fault.PAUSES_AFTER_COMMIT, Fault.CANCELS_AFTER_COMMIT)
AT_CALLS = (
    Fault.FAILS_BEFORE_CALL,
    Fault.FAILS_AFTER_CALL,
    Fault.RAISES_BEFORE_CALL,
    Fault.RAISES_AFTER_CALL,
)
CANCELS = (*AT_ACTIONS, Fault.CANCELS_AFTER_COMMIT)


def singles(moments: Sequence[Moment]) -> list[CrashPoint]:
    """Every fault at every moment of a run."""
    return [*points_of(moments), *(point for moment in moments for point in _further(moment))]


def _further(moment: Moment) -> Iterator[CrashPoint]:
    if isinstance(moment, CommitMade):
        # A statement outside a transaction holds its lock until its rows are read.
        also = () if moment.serving or moment.last == ALONE else OF_THE_ORCHESTRATOR
        yield from (at_commit(fault, moment) for fault in IN_A_PROCESS + also)
    if isinstance(moment, CallMade):
        # Of an action the crash test has them.
        also_cancelled = AT_ACTIONS if moment.is_undo else ()
        yield from (at_call(fault, moment) for fault in (*AT_CALLS, *also_cancelled))
