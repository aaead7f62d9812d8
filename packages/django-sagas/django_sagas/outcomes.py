"""Classifies participants' answers: done, refused and unknown are different outcomes."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django_sagas import json_text
from django_sagas.http import Reply
from django_sagas.wire import STEP_HEADER

UNKNOWN = "UNKNOWN"
"The error code of a step that has no definite answer."
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
MAY_BE_UNSTORABLE = re.compile(rb"\\u|\d{19}|\d[eE]")
INT64_LIMIT, MAX_EXPONENT = 2**63, 30
UNKNOWN_STATUSES = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Done:
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Refused:
    """A business rule refused; nothing was changed."""

    code: str
    error: str


SIMULATED = Refused("SIMULATED_FAILURE", "This failure was asked for by simulate_failure.")
"Every step may refuse with it."


@dataclass(frozen=True)
class Unknown:
    """It may or may not have taken effect; the same call is safe to repeat."""

    error: str
    retry_after: float = 0.0
    configuration: bool = False
    "the participant does not accept our credential"
    answered: bool = False
    "the participant works, and reports that its card gateway is silent"


@dataclass(frozen=True)
class AlreadyCompensated:
    """Another process has compensated this step."""


@dataclass(frozen=True)
class ContractError:
    """The answer violates the contract: repeating the call does not help."""

    code: str
    error: str


Outcome = Done | Refused | Unknown | AlreadyCompensated | ContractError


def has_answered(outcome: Outcome) -> bool:
    """Whether the participant answered at all."""
    return not isinstance(outcome, Unknown) or outcome.answered


def classify(reply: Reply, correlation_id: str, *, name: str, refusals: Collection[str]) -> Outcome:
    """What an answer to the call `name` means; first match wins. `refusals` are the codes of the step.

    | answer                                                        | outcome             |
    | ------------------------------------------------------------- | ------------------- |
    | 401, 403                                                      | unknown, with alarm |
    | 408, 425, 429, 1xx, 3xx, 5xx                                  | unknown             |
    | not a JSON object with this correlation id                    | unknown             |
    | `X-Saga-Step` names another call                              | unknown             |
    | 200 `success: true`                                           | done                |
    | 200 `success: false` with a declared code                     | refused             |
    | 200 `success: false` with any other code                      | contract error      |
    | 409 `ALREADY_COMPENSATED`                                     | already compensated |
    | any other 4xx                                                 | contract error      |
    """
    status = reply.status
    if status in (401, 403):
        return Unknown(f"the participant answered {status}", configuration=True)
    if status in UNKNOWN_STATUSES or not (200 <= status < 300 or 400 <= status < 500):
        return Unknown(
            f"the participant answered {status}",
            retry_after=_retry_after(reply),
            answered=status == 503 and _tells_of_others(reply, correlation_id),
        )
    body = _ours(reply.body, correlation_id)
    if body is None:
        return Unknown(f"the answer ({status}) is not the participant's")
    # Of two answers of one saga the wrong one may come, as from a connection that is one answer behind.
    if (answers := reply.headers.get(STEP_HEADER, name)) != name:
        return Unknown(f"the answer ({status}) is the one to {answers}"[:200])
    if status == 200:
        return _answered(body, refusals)
    code, detail = str(body.get("code", "")), str(body.get("detail", ""))
    if status == 409 and code == "ALREADY_COMPENSATED":
        return AlreadyCompensated()
    if status >= 400:
        return ContractError(code or f"HTTP_{status}", detail or f"the participant answered {status}")
    return Unknown(f"the participant answered {status}")


def _tells_of_others(reply: Reply, correlation_id: str) -> bool:
    """One silent card must not open the breaker for all callers."""
    body = _ours(reply.body, correlation_id)
    return body is not None and body.get("code") == "GATEWAY_TIMEOUT"


def _answered(body: Mapping[str, Any], refusals: Collection[str]) -> Outcome:
    if body.get("success") is True:
        return Done(body)
    if body.get("success") is not False:
        return Unknown("the answer says neither success nor refusal")
    code, error = str(body.get("error_code", "")), str(body.get("error", ""))
    if code in refusals:
        return Refused(code, error)
    return ContractError(code or "NO_CODE", error or "refused with a code outside the contract")


def _ours(raw: bytes, correlation_id: str) -> dict[str, Any] | None:
    """The JSON object that carries this saga's id; a proxy's error page does not. It can be stored."""
    try:
        body = json_text.load_foreign(raw)
        if MAY_BE_UNSTORABLE.search(raw) and not _can_be_stored(body):
            return None
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and body.get("correlation_id") == correlation_id else None


def _can_be_stored(value: Any) -> bool:
    """Neither PostgreSQL nor UTF-8 takes what an escape can spell: a NUL, half of a surrogate pair. Nor can a
    number be written that has no 64 bits, or a million digits."""
    if isinstance(value, str):
        return not UNSTORABLE.search(value)
    if isinstance(value, int):
        return -INT64_LIMIT <= value < INT64_LIMIT
    if isinstance(value, Decimal):
        return abs(value.adjusted()) <= MAX_EXPONENT
    if isinstance(value, dict):
        return all(map(_can_be_stored, (*value, *value.values())))
    return not isinstance(value, list) or all(map(_can_be_stored, value))


def _retry_after(reply: Reply) -> float:
    value = reply.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0.0
