from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from django.http import Http404
from rest_framework.exceptions import NotAuthenticated, ParseError, Throttled
from service_kit.problems import Problem, from_exception, try_again
from service_kit.testing.calls import client, post
from structlog.testing import capture_logs

from tests.participant.views import FAILURES


def raising(error: Exception) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise error

    return fail


@pytest.fixture
def fails() -> Iterator[Callable[[Exception], Any]]:
    """What the view answers when this is raised in it."""

    def answer(error: Exception) -> Any:
        FAILURES["now"] = raising(error)
        return client().get("/api/fail/now/")

    yield answer
    FAILURES.clear()


CASES: list[tuple[Exception, int, str]] = [
    (Problem(409, "ALREADY_COMPENSATED", "It was."), 409, "ALREADY_COMPENSATED"),
    (try_again("Later.", seconds=7), 503, "TRY_AGAIN"),
    (Http404(), 404, "NOT_FOUND"),
    (PermissionDenied(), 403, "NOT_ALLOWED"),
    (RequestDataTooBig(), 413, "BODY_TOO_LARGE"),
    (SuspiciousOperation(), 400, "BAD_REQUEST"),
    (OperationalError("database is locked"), 503, "DATABASE_BUSY"),
    (InterfaceError("connection already closed"), 503, "DATABASE_UNAVAILABLE"),
    (InternalError("cannot write in a read-only transaction"), 503, "DATABASE_UNAVAILABLE"),
    (NotSupportedError("cached plan must not change result type"), 503, "DATABASE_UNAVAILABLE"),
    (ProgrammingError("no such column"), 503, "DATABASE_UNAVAILABLE"),
    (DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), 400, "BAD_REQUEST"),
    (ParseError(), 400, "PARSE_ERROR"),
    (ParseError({"a": ["b"]}), 400, "BAD_REQUEST"),
    (Throttled(wait=2.5), 429, "THROTTLED"),
    (IntegrityError("secret"), 503, "DATABASE_BUSY"),
    (ValueError("secret"), 500, "INTERNAL_ERROR"),
]


@pytest.mark.parametrize(("error", "status", "code"), CASES, ids=lambda value: type(value).__name__)
def test_exception_is_a_problem(
    fails: Callable[[Exception], Any], error: Exception, status: int, code: str
) -> None:
    with capture_logs() as lines:
        answer = fails(error)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    body = answer.json()
    assert (body["type"], body["status"], body["code"]) == ("about:blank", status, code)
    assert body["title"] and body["detail"]
    assert "secret" not in answer.content.decode() and "Traceback" not in answer.content.decode()
    assert ("unexpected_error" in {line["event"] for line in lines}) == (status == 500)


def test_problem_says_when_to_come_back(fails: Callable[[Exception], Any]) -> None:
    assert fails(try_again("Later.", seconds=7))["Retry-After"] == "7"
    assert fails(OperationalError())["Retry-After"] == "1"
    assert fails(Throttled(wait=2.5))["Retry-After"] == "4"


def test_problem_is_kept_by_no_cache(fails: Callable[[Exception], Any]) -> None:
    for error in (Problem(404, "NOT_FOUND", "None."), Http404(), ValueError()):
        assert fails(error).headers["Cache-Control"] == "no-store"


def test_challenge_of_rest_framework_is_passed_on() -> None:
    error = NotAuthenticated()
    error.auth_header = "Bearer"  # type: ignore[attr-defined]
    assert from_exception(error).headers == {"WWW-Authenticate": "Bearer"}


def test_problem_carries_what_it_was_given(fails: Callable[[Exception], Any]) -> None:
    problem = Problem(
        409, "NOT_CANCELLABLE", "No.", correlation_id="test-1", cancel="/api/x/", errors={"a": "b"}
    )
    body = fails(problem).json()
    assert (body["correlation_id"], body["cancel"], body["errors"]) == ("test-1", "/api/x/", {"a": "b"})


def test_exception_outside_rest_framework_is_a_problem_too() -> None:
    FAILURES["now"] = raising(ValueError("secret"))
    answer = client().get("/plain/now/")
    FAILURES.clear()
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
    assert b"secret" not in answer.content


def test_body_error_names_the_correlation_id_where_one_was_readable() -> None:
    readable = post("/api/echo/", {"correlation_id": "test-1", "cvv": "123"})
    assert (readable.json()["correlation_id"], readable.json()["errors"].keys()) == ("test-1", {"cvv"})
    for hidden in ("a b", 1, "4111-1111-1111-1111"):
        assert "correlation_id" not in post("/api/echo/", {"correlation_id": hidden, "cvv": 1}).json()
