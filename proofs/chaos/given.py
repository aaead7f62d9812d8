"""Answers that clients received, stored at once: they have to be true in the end."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from proofs.chaos.desk import Answer, Body

START = "/api/saga/start-booking/"
ENDED = ("COMPLETED", "COMPENSATED")
EXPECTED = (200, 202, 409, 503)


@dataclass
class Wish:
    """One saga that a client wants, mostly a booking, and what it knows of it."""

    kind: str
    body: Body
    key: str = ""
    "its Idempotency-Key, of a change its quote; empty for a client that sends none"
    path: str = START
    promised: Mapping[str, Any] = field(default_factory=dict)
    "what a quote said that the result says"
    allowed: tuple[int, ...] = ()
    "statuses that only this wish may be answered with"
    must_fail: bool = False
    "it can only be compensated, or was never accepted"
    may_be_cancelled: bool = False
    correlation_id: str = ""
    told: str = ""
    "the last final status that an answer named"
    reference: str = ""
    fee: Any = None
    "what a cancellation that has ended says that it kept"
    complaints: list[str] = field(default_factory=list)

    def hear(self, answer: Answer) -> None:
        """Remember what an accepted start says. A repeat must name the same saga."""
        cid = str(answer.body.get("correlation_id") or "")
        if self.correlation_id not in ("", cid):
            self.complaints.append(f"the key {self.key} became a second saga, {cid}")
        self.correlation_id = cid
        status = str(answer.body.get("status", ""))
        if status in ENDED:
            self.told = status
        # A change whose trip was cancelled before it was paid has moved nothing, as the checker sees.
        if status == "COMPLETED" and not _result(answer).get("not_needed"):
            self.compare(self.promised, answer)
        self.reference = str(answer.body.get("booking_reference") or self.reference)

    def hear_cancelled(self, answer: Answer, quoted: Mapping[str, Any]) -> None:
        """What an accepted cancellation says: it is never taken back, and keeps what was quoted."""
        if answer.body.get("status") == "COMPENSATED":
            self.told, self.fee = "COMPENSATED", answer.body.get("fee")
        self.compare(quoted, answer)

    def compare(self, promised: Mapping[str, Any], answer: Answer) -> None:
        result = _result(answer)
        for name, value in promised.items():
            if name in result and result[name] != value:
                self.complaints.append(f"{name} was promised as {value}, and is {result[name]}")

    def judge(self, status: str) -> list[str]:
        """What is wrong with this final status."""
        wrong = list(self.complaints)
        if self.must_fail and status == "COMPLETED":
            wrong.append(f"a booking that had to fail ({self.kind}) is complete")
        if self.told == "COMPENSATED" and status != "COMPENSATED":
            wrong.append(f"its client was told COMPENSATED, and it is {status or 'lost'}")
        if self.told == "COMPLETED" and not self.may_be_cancelled and status != "COMPLETED":
            wrong.append(f"its client was told COMPLETED, and it is {status or 'lost'}")
        return wrong


def _result(answer: Answer) -> Body:
    result: Body = answer.body.get("result") or answer.body
    return result


@dataclass(frozen=True)
class Expired:
    """A payment that has expired before it was captured."""

    trip: Wish
    change: str = ""
    "correlation id of the change whose payment it is; empty: it is the booking's"


class Given:
    """Every wish that was sent; the ids that clients were given, in a file as they come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] = path.open("w", encoding="utf-8")
        self._lock = threading.Lock()
        self.wishes: list[Wish] = []
        self.expired: list[Expired] = []
        self.statuses: Counter[int] = Counter()
        self.surprises: list[str] = []
        "answers that no client should ever get"

    def close(self) -> None:
        self._file.close()

    def sent(self, wish: Wish) -> None:
        with self._lock:
            self.wishes.append(wish)

    def answered(self, wish: Wish, answer: Answer | None, *, start: bool = True) -> None:
        """Take note of an answer, or of its absence, which is counted as 0."""
        with self._lock:
            self.statuses[answer.status if answer else 0] += 1
            if answer is None:
                return
            if answer.status not in (*EXPECTED, *wish.allowed):
                self.surprises.append(f"{wish.kind}: {answer.status} {json.dumps(answer.body)[:300]}")
            if start and answer.status in (200, 202):
                wish.hear(answer)
                self._write({"correlation_id": wish.correlation_id, "kind": wish.kind, "told": wish.told})

    def _write(self, line: Any) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def ids(self) -> list[str]:
        return [wish.correlation_id for wish in self.wishes if wish.correlation_id]

    def judge(self, status_of: Callable[[str], str]) -> list[tuple[str, str]]:
        """Broken promises, with their sagas."""
        return [
            (wish.correlation_id, wrong)
            for wish in self.wishes
            if wish.correlation_id
            for wrong in wish.judge(status_of(wish.correlation_id))
        ]
