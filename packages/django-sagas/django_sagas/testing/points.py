"""Crash points: what can go wrong in a run, and where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from django_sagas.client import Call
from django_sagas.testing.commits import ALONE, Statement


@dataclass
class CommitMade:
    number: int
    last: Statement
    "of its transaction"
    label: str
    "what it recorded"
    serving: str = ""
    "the call in which a participant made it"


@dataclass(frozen=True)
class CallMade:
    number: int
    call: Call
    is_undo: bool
    can_be_undone: bool


Moment = CommitMade | CallMade


class Trouble(StrEnum):
    """What goes wrong. `{n}` is the number of the commit or call, `{what}` its name, `{who}` the process."""

    wording: str

    def __new__(cls, value: str, wording: str) -> Self:
        self = str.__new__(cls, value)
        self._value_ = value
        self.wording = wording
        return self


class Crash(Trouble):
    """What every crash test tries."""

    DIES_BEFORE_COMMIT = "dies-before-commit", "{who} dies just before commit {n} ({what})"
    DIES_AFTER_COMMIT = "dies-after-commit", "{who} dies just after commit {n} ({what})"
    DIES_BEFORE_CALL = "dies-before-call", "the process dies before it sends call {n} ({what})"
    DIES_AFTER_CALL = (
        "dies-after-call",
        "the process dies when call {n} ({what}) has taken effect, before it records the answer",
    )
    LOSES_REQUEST = "loses-request", "the request of call {n} ({what}) is lost"
    LOSES_REPLY = "loses-reply", "call {n} ({what}) takes effect and its reply is lost"
    ANSWERS_503 = "answers-503", "call {n} ({what}) takes effect and is answered 503"
    SENDS_TWICE = "sends-twice", "call {n} ({what}) is delivered twice"
    REPEATS_LATE = "repeats-late", "a duplicate of call {n} ({what}) arrives when the saga has ended"
    HOLDS_BACK = (
        "holds-back",
        "call {n} ({what}) is held back until the saga has given it up, and arrives when the saga has ended",
    )
    PAUSES_BEFORE_CALL = (
        "pauses-before-call",
        "the process pauses before it sends call {n} ({what}); another one finishes the saga meanwhile",
    )
    PAUSES_AFTER_CALL = (
        "pauses-after-call",
        "the process pauses after call {n} ({what}); another one finishes the saga meanwhile",
    )
    IS_OVERTAKEN = (
        "is-overtaken",
        "the process pauses after call {n} ({what}); another one takes over, records an outcome and dies",
    )
    GOES_AWAY = "goes-away", "from call {n} ({what}) on its participant is away until long after the alarm"
    CANCELS_BEFORE_CALL = "cancels-before-call", "the saga is cancelled while call {n} ({what}) is on its way"
    CANCELS_AFTER_CALL = (
        "cancels-after-call",
        "the saga is cancelled when call {n} ({what}) has taken effect, before its reply",
    )


DEATHS = (Crash.DIES_BEFORE_COMMIT, Crash.DIES_AFTER_COMMIT, Crash.DIES_BEFORE_CALL, Crash.DIES_AFTER_CALL)
AT_COMMITS = (Crash.DIES_BEFORE_COMMIT, Crash.DIES_AFTER_COMMIT)
AT_CALLS = (
    Crash.DIES_BEFORE_CALL,
    Crash.DIES_AFTER_CALL,
    Crash.LOSES_REQUEST,
    Crash.LOSES_REPLY,
    Crash.ANSWERS_503,
    Crash.SENDS_TWICE,
    Crash.REPEATS_LATE,
    Crash.PAUSES_BEFORE_CALL,
    Crash.PAUSES_AFTER_CALL,
    Crash.IS_OVERTAKEN,
)
AT_ACTIONS = (Crash.CANCELS_BEFORE_CALL, Crash.CANCELS_AFTER_CALL)


@dataclass(frozen=True)
class CrashPoint:
    """Commits and calls are numbered through a whole run, so that its name finds a point again."""

    crash: Trouble
    number: int
    last: Statement = field(default=ALONE, compare=False)
    "after it the commit follows"
    what: str = field(default="", compare=False)
    who: str = field(default="the process", compare=False)

    def __str__(self) -> str:
        return f"{self.crash.value}-{self.number}"

    @property
    def wording(self) -> str:
        return self.crash.wording.format(who=self.who, n=self.number, what=self.what)


def points_of(moments: Sequence[Moment]) -> list[CrashPoint]:
    """Every crash point of a run that passed these moments."""
    return [
        point
        for moment in moments
        for point in (_at_commit(moment) if isinstance(moment, CommitMade) else _at_call(moment))
    ]


def _at_commit(commit: CommitMade) -> Iterator[CrashPoint]:
    return (at_commit(crash, commit) for crash in AT_COMMITS)


def _at_call(made: CallMade) -> Iterator[CrashPoint]:
    # An action is given up at its deadline; what is not undone is tried for ever.
    held = (Crash.HOLDS_BACK,) if made.can_be_undone else (Crash.GOES_AWAY,)
    return (at_call(crash, made) for crash in AT_CALLS + held + (() if made.is_undo else AT_ACTIONS))


def at_commit(crash: Trouble, commit: CommitMade) -> CrashPoint:
    who = f"the participant of {commit.serving}" if commit.serving else "the process"
    return CrashPoint(crash, commit.number, commit.last, commit.label, who)


def at_call(crash: Trouble, made: CallMade) -> CrashPoint:
    return CrashPoint(crash, made.number, what=made.call.name)
