"""Who answers the calls of a crash test: the project's own step views, or a fake that keeps the protocol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.test import Client
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string

from django_sagas import json_text
from django_sagas.client import Call
from django_sagas.conf import conf
from django_sagas.definitions import SAGAS, Step
from django_sagas.http import Reply
from django_sagas.outcomes import SIMULATED, Done, Refused
from django_sagas.wire import path_of

Act = Callable[[str, Mapping[str, Any]], Done | Refused]
"What a step makes of the data that it is sent."


class Participant(Protocol):
    def answer(self, call: Call) -> Reply:
        """Take one call. Every call may come again, and an action after its compensation."""


def steps_at(participant: str) -> list[Step]:
    every = (step for saga in SAGAS.values() for step in saga.known_steps())
    return [step for step in every if step.participant == participant]


def undone_by(participant: str) -> dict[str, str]:
    """The step that each compensation undoes."""
    steps = steps_at(participant)
    earlier = {undo: name for step in steps for name, undo in step.aliases.items() if undo}
    return earlier | {step.compensation: step.name for step in steps if step.compensation}


def chosen_for(name: str, act: Act) -> Participant:
    """The project's own views if it has them for every step at this participant; else a fake."""
    names = [one for step in steps_at(name) for one in (step.name, step.compensation) if one]
    prefix = prefix_of(name)
    if names and all(_is_served(prefix + path_of(one)) for one in names):
        return ProjectViews(name)
    return FakeParticipant(name, act)


def prefix_of(participant: str) -> str:
    """The path of its address in SAGA_PARTICIPANTS."""
    address: str = conf.SAGA_PARTICIPANTS.get(participant, "")
    return urlsplit(address).path.rstrip("/")


def _is_served(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


class ProjectViews:
    """The project's own step views, in this process and on the test database."""

    def __init__(self, name: str) -> None:
        self._prefix = prefix_of(name)
        self._client = Client(raise_request_exception=False)
        self._headers: Mapping[str, str] = import_string(conf.SAGA_HEADERS)(name) if conf.SAGA_HEADERS else {}

    def answer(self, call: Call) -> Reply:
        response = self._client.post(
            self._prefix + call.path,
            data=call.body,
            content_type="application/json",
            headers={"X-Correlation-ID": call.correlation_id, **self._headers},
        )
        return Reply(response.status_code, response.content, response.headers)


class RecordState(StrEnum):
    DONE = "DONE"
    REFUSED = "REFUSED"
    UNDONE = "UNDONE"


@dataclass(frozen=True)
class Record:
    state: RecordState
    data: Mapping[str, Any]
    "what it was sent"
    answer: Mapping[str, Any]


class FakeParticipant:
    """A participant in memory, with a guard: one record for each step of a saga, kept for every repeat.

    A refusal is final, a compensation that comes first leaves a tombstone, other data are a 422.
    """

    def __init__(self, name: str, act: Act) -> None:
        self._act, self._undoes = act, undone_by(name)
        self.records: dict[tuple[str, str], Record] = {}
        "by correlation id and step"

    def is_live(self, correlation_id: str, step: str) -> bool:
        record = self.records.get((correlation_id, step))
        return record is not None and record.state == RecordState.DONE

    def answer(self, call: Call) -> Reply:
        body = json_text.load_stored(call.body)
        step = self._undoes.get(call.name)
        if step is not None:
            return self._undo((call.correlation_id, step))
        return self._perform((call.correlation_id, call.name), body)

    def _perform(self, key: tuple[str, str], body: Mapping[str, Any]) -> Reply:
        correlation_id, step = key
        data = body[conf.SAGA_DATA_FIELD]
        record = self.records.get(key)
        if record is None:
            asked_to = bool(body.get("simulate_failure"))
            outcome = SIMULATED if asked_to else self._act(step, data)
            record = self.records[key] = _recorded(outcome, data)
        elif record.state == RecordState.UNDONE:
            return _problem(409, "ALREADY_COMPENSATED", f"{step} was compensated before.", correlation_id)
        elif record.data != data:
            return _problem(422, "DIFFERENT_REQUEST", f"{step} came before with other data.", correlation_id)
        return _reply(200, record.answer, correlation_id)

    def _undo(self, key: tuple[str, str]) -> Reply:
        record = self.records.get(key)
        if record is None:
            self.records[key] = Record(RecordState.UNDONE, {}, {})
        elif record.state == RecordState.DONE:
            self.records[key] = replace(record, state=RecordState.UNDONE)
        return _reply(200, {"success": True}, key[0])


def _recorded(outcome: Done | Refused, data: Mapping[str, Any]) -> Record:
    if isinstance(outcome, Done):
        return Record(RecordState.DONE, data, {"success": True, **outcome.body})
    refusal = {"success": False, "error": outcome.error, "error_code": outcome.code}
    return Record(RecordState.REFUSED, data, refusal)


def _problem(status: int, code: str, detail: str, correlation_id: str) -> Reply:
    return _reply(status, {"code": code, "detail": detail}, correlation_id)


def _reply(status: int, body: Mapping[str, Any], correlation_id: str) -> Reply:
    text = json_text.dumps({**body, "correlation_id": correlation_id})
    return Reply(status, text.encode(), {})
