"""The participant under test: an action, its compensation, and bodies that it understands."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import requests

Body = dict[str, Any]
T = TypeVar("T")
PATIENT_TRIES = 10
LONGEST_WAIT = 2.0
RESTART_SECONDS = 60.0
REFUSALS = (
    "SEAT_UNAVAILABLE",
    "FLIGHT_NOT_FOUND",
    "FLIGHT_CLOSED",
    "PRICE_CHANGED",
    "PAYMENT_DECLINED",
    "ACCOUNT_CLOSED",
    "SEAT_NOT_HELD",
    "LIMIT_EXCEEDED",
    "NOT_CAPTURABLE",
    "REFUND_TOO_HIGH",
    "SIMULATED_FAILURE",
)
"of the booking's participants"


class NotTried(Exception):
    """The rule needs something that was not given."""


class NotPreparedError(Exception):
    """A step that has to come first did not succeed."""


def _unique(pairs: list[tuple[str, Any]]) -> Body:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


@dataclass(frozen=True)
class Reply:
    """What was sent and what came back; the evidence of a broken rule."""

    sent: str
    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Body:
        """The JSON object that it holds; empty for anything else, and for what can be read in two ways."""
        try:
            body = json.loads(self.raw, object_pairs_hook=_unique)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    @property
    def is_done(self) -> bool:
        return self.status == 200 and self.body.get("success") is True

    @property
    def is_refused(self) -> bool:
        return self.status == 200 and self.body.get("success") is False

    def __str__(self) -> str:
        return f"{self.status} {self.raw[:300].decode(errors='replace')}"


@dataclass
class Participant:
    action: str
    compensation: str
    "empty for a retriable step, which nothing undoes"
    body: Body
    "the action's request, without its correlation id"
    other_body: Body | None = None
    "the same with another value of a field that the action uses"
    refused_body: Body | None = None
    "a request that the action refuses for good"
    headers: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[tuple[str, str]] = ()
    "action and compensation of each step that has to have succeeded under the same id first"
    refusals: Sequence[str] = REFUSALS
    "the codes by which the action may refuse"
    expected: Mapping[str, Any] = field(default_factory=dict)
    "fields that the action's answer must have, with their values"
    restart: str = ""
    "a shell command that restarts the participant"
    crowd: int = 20
    "how many calls are sent at once"
    races: int = 5
    timeout: float = 30.0
    used: list[str] = field(default_factory=list)

    def new_id(self) -> str:
        """One for which the steps before this one have succeeded. Raises NotPreparedError."""
        cid = str(uuid4())
        self.used.append(cid)
        for action, _ in self.before:
            reply = self._insist(action, {**self.body, "correlation_id": cid})
            if not reply.is_done:
                raise NotPreparedError(f"{reply.sent} -> {reply}")
        return cid

    def act(self, cid: str, body: Body | None = None, **more: Any) -> Reply:
        return self._insist(self.action, {**(body or self.body), "correlation_id": cid, **more})

    @property
    def urls(self) -> tuple[str, ...]:
        return (self.action, self.compensation) if self.compensation else (self.action,)

    def undo(self, cid: str, **more: Any) -> Reply:
        """A compensation needs only the correlation id. Raises NotTried if there is none."""
        if not self.compensation:
            raise NotTried("needs --compensation")
        return self._insist(self.compensation, {"correlation_id": cid, **more})

    def post(self, url: str, body: Any, **headers: str) -> Reply:
        return self.send("POST", url, json.dumps(body).encode(), **headers)

    def send(self, method: str, url: str, raw: bytes, **headers: str) -> Reply:
        """One request as it is. Raises requests.RequestException."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": "application/json", **self.headers, **named}
        answer = requests.request(
            method, url, data=raw, headers=sent, timeout=self.timeout, allow_redirects=False
        )
        text = f"{method} {url} {raw[:300].decode(errors='replace')}"
        return Reply(text, answer.status_code, answer.headers, answer.content)

    def _insist(self, url: str, body: Body) -> Reply:
        """503 says nothing yet: the same call again, after the time that it asks for."""
        for _ in range(PATIENT_TRIES):
            reply = self.post(url, body)
            if reply.status != 503:
                break
            asked = reply.headers.get("Retry-After", "1")
            time.sleep(min(float(asked) if asked.isdigit() else 1.0, LONGEST_WAIT))
        return reply

    def restarted(self) -> None:
        """Restart it and wait until it answers again. Raises requests.RequestException if it does not."""
        subprocess.run(self.restart, shell=True, check=True, timeout=RESTART_SECONDS)  # noqa: S602  as given
        deadline = time.monotonic() + RESTART_SECONDS
        while True:
            try:
                self.send("GET", self.action, b"")
            except requests.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def tidy(self) -> None:
        """Leave nothing behind of what was tried."""
        while self.used:
            cid = self.used.pop()
            if self.compensation:
                self.undo(cid)
            for compensation in [undo for _, undo in reversed(self.before) if undo]:
                self._insist(compensation, {"correlation_id": cid})


def at_once(*calls: Callable[[], T]) -> list[T]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))
