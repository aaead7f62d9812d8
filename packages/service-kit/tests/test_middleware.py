import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from prometheus_client import REGISTRY
from service_kit import logs
from service_kit.testing.calls import client as quiet_client
from service_kit.testing.calls import envelope, post
from service_kit.testing.protocol import Pair, assert_problem
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

GIVEN = "request-1"
ROGUE = ["", "a b", "x" * 65, "ü", "a\tb", "<script>", "a;b", "4111-1111-1111-1111"]
pytestmark = pytest.mark.django_db


def is_fresh(answer: Any) -> bool:
    return UUID(answer["X-Correlation-ID"]).version == 4


def test_correlation_id_of_the_request_is_returned_and_logged(client: Client) -> None:
    with capture_logs() as lines:
        answer = client.get("/api/who/", headers={"X-Correlation-ID": GIVEN})
    assert answer["X-Correlation-ID"] == GIVEN
    assert [line["event"] for line in lines] == ["request"]
    assert (lines[0]["method"], lines[0]["path"], lines[0]["status"]) == ("GET", "/api/who/", 200)
    assert lines[0]["ms"] >= 0


def test_request_of_a_step_tells_in_its_line_which_step_and_what_came_of_it(pair: Pair) -> None:
    refused = envelope("test-2", pair.booking) | {"simulate_failure": True}
    with capture_logs(processors=[merge_contextvars]) as lines:
        for body in (envelope("test-1", pair.booking), envelope("test-1", pair.booking), refused):
            post(pair.action, body)
    told = [(line["event"], line["step"], line["outcome"], line["correlation_id"]) for line in lines]
    expected = [("done", "test-1"), ("replayed", "test-1"), ("refused", "test-2")]
    assert told == [("request", pair.step, *each) for each in expected]


def test_line_of_a_request_that_was_not_done_has_the_code_of_its_answer(pair: Pair) -> None:
    post(pair.action, envelope("test-1", pair.booking))
    refused = envelope("test-2", pair.booking) | {"simulate_failure": True}
    other = envelope("test-1", pair.other)
    post(pair.compensation, envelope("test-3"))
    late, malformed = envelope("test-3", pair.booking), {"correlation_id": "test-4", "booking_data": 1}
    with capture_logs(processors=[merge_contextvars]) as lines:
        for body in (refused, refused, other, late, malformed):
            post(pair.action, body)
    assert [(line["correlation_id"], line["step"], line.get("error_code")) for line in lines] == [
        ("test-2", pair.step, "SIMULATED_FAILURE"),
        ("test-2", pair.step, "SIMULATED_FAILURE"),
        ("test-1", pair.step, "DIFFERENT_REQUEST"),
        ("test-3", pair.step, "ALREADY_COMPENSATED"),
        ("test-4", pair.step, "INVALID"),
    ]


@pytest.mark.parametrize("given", ROGUE)
def test_rogue_correlation_id_is_replaced_and_not_logged(client: Client, given: str) -> None:
    with capture_logs() as lines:
        answer = client.get("/api/who/", headers={"X-Correlation-ID": given})
    assert is_fresh(answer)
    assert not given or given not in repr(lines)


@pytest.mark.parametrize("given", ROGUE)
def test_step_endpoints_answer_a_rogue_correlation_id_with_a_fresh_one(pair: Pair, given: str) -> None:
    answer = post(pair.action, envelope("test-1", pair.booking), X_Correlation_ID=given)
    assert answer.status_code == 200
    assert is_fresh(answer)


def test_every_request_without_an_id_gets_its_own(client: Client) -> None:
    first, second = client.get("/api/who/"), client.get("/api/who/")
    assert is_fresh(first) and first["X-Correlation-ID"] != second["X-Correlation-ID"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/no/such/place", 404),
        ("get", "/api/saga/add-entry/", 405),
        ("get", "/api/saga/add-entry", 404),
        ("post", "/api/saga/add-entry/", 415),
        ("get", "/static/none.css", 404),
        ("get", "/api/health/", 200),
        ("options", "/api/who/", 200),
        ("head", "/api/who/", 200),
    ],
)
def test_every_answer_has_an_id_and_a_length(method: str, path: str, status: int) -> None:
    answer = getattr(quiet_client(), method)(path)
    assert (answer.status_code, is_fresh(answer)) == (status, True)
    assert int(answer["Content-Length"]) == len(answer.content) or method == "head"


@pytest.mark.parametrize("path", ["/api/health/", "/metrics"])
def test_polled_addresses_are_not_logged_unless_they_fail(client: Client, path: str) -> None:
    with capture_logs() as lines:
        client.get(path)
        client.post(path)
    assert [line["status"] for line in lines] == [405]


@pytest.mark.parametrize("path", ["/api/health/", "/api/health/ready/", "/metrics"])
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_other_method_on_a_plain_view_is_405(client: Client, path: str, method: str) -> None:
    answer = getattr(client, method)(path)
    assert_problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert set(answer["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost:80:80", "", "a b", "127.0.0.1.evil.example", "[::1"]
)
@pytest.mark.parametrize("path", ["/api/who/", "/api/health/", "/no/such/place"])
def test_wrong_host_is_400(path: str, host: str) -> None:
    answer = quiet_client().get(path, headers={"Host": host})
    assert_problem(answer, 400, "BAD_REQUEST")
    assert is_fresh(answer)


@pytest.mark.parametrize("host", ["localhost", "localhost:8002", "127.0.0.1:1", "[::1]:8002"])
def test_own_host_is_served(host: str) -> None:
    assert quiet_client().get("/api/who/", headers={"Host": host}).status_code == 200


def test_invented_methods_filled_the_metrics_and_count_as_one() -> None:
    for number in range(20):
        quiet_client().generic(f"INVENTED{number}", "/api/who/")
    methods = {sample.labels.get("method", "") for metric in REGISTRY.collect() for sample in metric.samples}
    assert "other" in methods
    assert not any(method.startswith("INVENTED") for method in methods)


LINE_PROGRAM = """
import structlog
from service_kit import logs
logs.configure("kit")
structlog.get_logger("request").info("request", path={path!r})
import logging, logging.config
logging.config.dictConfig(logs.configure("kit"))
logging.getLogger("library").warning("said %s", {path!r})
"""
FORGED = 'a\r\nb\x0bc\x1b[2Jd\x00e\u2028f\x85g\x7fh","level":"critical'


@pytest.mark.parametrize("form", ["json", "console"])
def test_control_characters_never_break_a_log_line(form: str) -> None:
    program = LINE_PROGRAM.format(path=FORGED)
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env={"LOG_FORMAT": form}, capture_output=True, check=True)  # noqa: S603
    text = ran.stderr.decode()
    assert text.endswith("\n") and len(text.splitlines()) == 2
    assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in text.replace("\n", ""))
    if form == "json":
        own, foreign = map(json.loads, text.splitlines())
        assert (own["path"], own["level"], own["service"]) == (FORGED, "info", "kit")
        assert foreign["event"] == f"said {FORGED}"


MISTAKE_PROGRAM = """
import logging.config, django
from django.test import Client
from service_kit import logs
django.setup()
logging.config.dictConfig(logs.configure("kit"))
Client().get("/api/who/", headers={"Host": "evil.example"})
"""


def test_wrong_host_is_told_in_one_warning_without_a_stack_trace() -> None:
    command = [sys.executable, "-c", MISTAKE_PROGRAM]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "LOG_FORMAT": "json"}
    ran = subprocess.run(command, env=environment, capture_output=True, check=True)  # noqa: S603
    told, request = map(json.loads, ran.stderr.decode().splitlines())
    assert (told["level"], "exception" in told) == ("warning", False)
    assert "evil.example" in told["event"] and "ALLOWED_HOSTS" in told["event"]
    assert (request["event"], request["status"]) == ("request", 400)


LOGGED = (
    "\x7f",
    "\x85",
    "\u2028",
    "ü",
    "\ud800",
    2**70,
    1.5,
    None,
    ["a", {"b": (1, 2)}],
    Decimal("1.50"),
    datetime(2030, 1, 2, tzinfo=UTC),
    ValueError("no"),
)


@pytest.mark.parametrize("value", LOGGED, ids=ascii)
def test_json_line_is_written_as_the_standard_library_writes_it(value: Any) -> None:
    event = {"event": "a line", "value": value}
    assert logs.as_json(event) == json.dumps(event, default=str, separators=(",", ":"))


def test_readable_line_quotes_what_could_be_taken_for_more_than_one_value() -> None:
    program = """
import structlog
from service_kit import logs
logs.configure("kit")
try:
    1 / 0
except ZeroDivisionError:
    log = structlog.get_logger("x")
    log.exception("it failed", path="/a", user="b level=error", names=["a b", 1], none="")
"""
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env={"LOG_FORMAT": "console"}, capture_output=True, check=True)  # noqa: S603
    line, *trace = ran.stderr.decode().splitlines()
    words = "path=/a user='b level=error' names=['a b', 1] none= service=kit"
    assert re.fullmatch(rf"[0-9T:.-]+Z \[error    \] it failed        {re.escape(words)}", line)
    assert (trace[0], trace[-1]) == (
        "Traceback (most recent call last):",
        "ZeroDivisionError: division by zero",
    )


def test_control_characters_of_an_address_are_escaped_in_the_terminal() -> None:
    program = LINE_PROGRAM.format(path="/\x1b[2J\x00\u2028")
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env={"LOG_FORMAT": "console"}, capture_output=True, check=True)  # noqa: S603
    own, foreign = ran.stderr.decode().splitlines()
    assert "/\\x1b[2J\\x00\\u2028" in own
    assert "said /\\x1b[2J\\x00\\u2028" in foreign
