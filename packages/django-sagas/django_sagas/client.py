"""Calls to the remote participants. Never retries; retries are scheduled by the saga log."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
from django.utils.module_loading import import_string
from prometheus_client import Gauge, Histogram

from django_sagas import alarms, json_text
from django_sagas.breaker import Breaker, Slots
from django_sagas.clock import utc_now
from django_sagas.conf import conf
from django_sagas.definitions import Step, definition_of, participants
from django_sagas.http import NoReply, ServiceClient
from django_sagas.outcomes import Outcome, Unknown, classify, has_answered
from django_sagas.state import SagaState, StepState
from django_sagas.wire import CORRELATION_HEADER, path_of

log = structlog.get_logger("saga.call")
CALL_SECONDS = Histogram(
    "saga_call_seconds", "Seconds a participant took.", ["participant", "call", "outcome"]
)
BREAKER_OPEN = Gauge(
    "saga_breaker_open",
    "1 while a participant's breaker is open in any process.",
    ["participant"],
    multiprocess_mode="livemax",
)
Headers = Callable[[str], Mapping[str, str]]
# Looking a metric up by its labels costs more than changing it.
_seconds_of, _breaker_gauge = cache(CALL_SECONDS.labels), cache(BREAKER_OPEN.labels)


@dataclass(frozen=True)
class Call:
    """One call, derived from the saga's row alone, so that a repeat is the same call."""

    participant: str
    name: str
    path: str
    correlation_id: str
    body: str
    attempt: int = 1
    refusals: frozenset[str] = frozenset()
    "the codes by which the step may refuse"


def make_call(saga: SagaState, step: Step, stored: StepState, *, undo: bool) -> Call:
    """The call of an action, or with `undo` of its compensation, which may need only the correlation id."""
    number = saga.steps.index(stored) + 1
    body: dict[str, Any] = {"correlation_id": saga.correlation_id, "step_number": number}
    if undo:
        if data := step.undo_sends(saga):
            body[conf.SAGA_DATA_FIELD] = data
    else:
        body[conf.SAGA_DATA_FIELD] = step.sends(saga)
        if stored.name in definition_of(saga.name).simulated(saga):
            body["simulate_failure"] = True
    name, attempt = (stored.compensation, stored.undo_attempts) if undo else (stored.name, stored.attempts)
    text = json_text.dumps(body)
    return Call(stored.participant, name, path_of(name), saga.correlation_id, text, attempt, step.refusals)


def named_addresses() -> dict[str, str]:
    """By participant, of those that a definition calls: SAGA_PARTICIPANTS may name more."""
    return {name: url for name, url in conf.SAGA_PARTICIPANTS.items() if name in participants()}


class Participants:
    """The remote services, each behind its own connections, its own breaker and its own bulkhead."""

    def __init__(self, addresses: Mapping[str, str] | None = None) -> None:
        addresses = named_addresses() if addresses is None else addresses
        self._headers_of: Headers | None = import_string(conf.SAGA_HEADERS) if conf.SAGA_HEADERS else None
        most = conf.SAGA_CALLS_PER_PARTICIPANT
        # More threads than slots, so that a call that outlives its time blocks no other.
        self._clients = {name: ServiceClient(url, max_calls=2 * most) for name, url in addresses.items()}
        # A slow participant keeps at most this many threads.
        self._slots = {name: Slots(most, conf.SAGA_SLOT_WAIT) for name in addresses}
        self.breakers = {name: self._breaker(name) for name in addresses}

    @staticmethod
    def _breaker(name: str) -> Breaker:
        _breaker_gauge(name).set(0)
        return Breaker(
            conf.SAGA_BREAKER_UNKNOWNS,
            conf.SAGA_BREAKER_PROBE_SECONDS,
            conf.SAGA_BREAKER_APPOINTMENTS,
        )

    def call(self, call: Call, *, timeout: float) -> Outcome:
        """One attempt of at most `timeout` seconds. Every transport failure is Unknown."""
        breaker, slots = self.breakers[call.participant], self._slots[call.participant]
        began = time.monotonic()
        if not breaker.admit(began):
            why = f"{call.participant} is not answering; waiting for a probe to succeed"
            return Unknown(why, retry_after=breaker.turn_away(began))
        if not slots.enter(began, timeout=timeout):
            why = f"too many calls are waiting for {call.participant}"
            return Unknown(why, retry_after=breaker.turn_away(time.monotonic()))
        # Waiting for a slot is part of the call's time.
        outcome = self._send_from(slots, call, began + timeout - time.monotonic())
        ended = time.monotonic()
        self._report(call, outcome, ended - began)
        if breaker.record(answered=has_answered(outcome), now=ended):
            alarms.breaker_opened(call.participant, call.correlation_id, now=utc_now())
        _breaker_gauge(call.participant).set(float(breaker.is_open))
        return outcome

    def _send_from(self, slots: Slots, call: Call, timeout: float) -> Outcome:
        answered = False
        try:
            outcome = self._send(call, timeout)
            answered = has_answered(outcome)
        finally:
            slots.leave(time.monotonic(), answered=answered)
        return outcome

    def headers(self, call: Call) -> dict[str, str]:
        headers = self._headers_of(call.participant) if self._headers_of else {}
        return {CORRELATION_HEADER: call.correlation_id, **headers}

    def _send(self, call: Call, timeout: float) -> Outcome:
        try:
            reply = self._clients[call.participant].request(
                "POST", call.path, body=call.body, headers=self.headers(call), timeout=timeout
            )
        except NoReply as error:
            return Unknown(str(error))
        return classify(reply, call.correlation_id, name=call.name, refusals=call.refusals)

    @staticmethod
    def _report(call: Call, outcome: Outcome, seconds: float) -> None:
        kind = type(outcome).__name__
        _seconds_of(call.participant, call.name, kind).observe(seconds)
        details = {"call": call.name, "participant": call.participant, "outcome": kind}
        log.info("call", correlation_id=call.correlation_id, ms=round(seconds * 1000, 1), **details)
