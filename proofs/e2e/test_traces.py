"""A click in the browser is one trace through all four services and the recovery process."""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import requests

from proofs.e2e.collector import Collector, Kept
from scripts.booking_suite import Config, booking_suite
from scripts.console import Console
from scripts.prepare import prepare
from scripts.suite import Suite

pytestmark = pytest.mark.e2e
TOLD_WITHIN = 30.0
ADA = {"p0-first_name": "Ada", "p0-last_name": "Lovelace", "email": "ada@example.com", "mobile": "+15550100"}
STEPS = ("ReserveSeat", "AuthorizePayment", "AwardMiles", "ConfirmBooking")


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    with made.serving():
        yield made


@pytest.fixture(scope="module")
def suite(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    folder: Path = tmp_path_factory.mktemp("traced")
    traced = {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        # The page of the progress names the saga.
        "AT_ONCE_SECONDS": "0",
    }
    config = Config.beside(folder, **traced)
    with (folder / "suite.log").open("w", encoding="utf-8") as lines:
        console = Console(lines)
        prepare(config, console, seed=False)
        with booking_suite(config, console=console) as started:
            yield started


def trace_of(saga: str) -> str:
    return sha256(saga.encode()).hexdigest()[:32]


def click_pay(ui: str) -> str:
    """Book flight 1 as a browser does; the saga's id."""
    with requests.Session() as browser:

        def send(path: str, **form: str) -> str:
            page = browser.get(ui + path, timeout=20)
            hidden = dict(re.findall(r'name="(csrfmiddlewaretoken|key)" value="([^"]+)"', page.text))
            answer = browser.post(ui + path, {**hidden, **form}, timeout=20, allow_redirects=False)
            assert answer.status_code == 302, answer.text
            return answer.headers["Location"]

        pay = send("/book/passengers/?flight=1&cabin=economy&passengers=1", **ADA)
        return send(pay, card_token="tok_ok").split("/")[-2]


def by_name(spans: list[Kept]) -> dict[str, Kept]:
    return {f"{span.service} {span.name}": span for span in spans}


def test_click_is_one_trace_through_all_services_and_recovery(suite: Suite, collector: Collector) -> None:
    saga = click_pay(suite.url("ui"))
    posts = [f"POST /api/saga/{name}/" for name in ("start-booking", "authorize-payment", "award-miles")]
    awaited = ("SAGA_STARTED", *STEPS, "SAGA_COMPLETED", "POST /book/<slug:draft>/pay/", *posts)
    spans = by_name(collector.wait_for(trace_of(saga), *awaited, within=TOLD_WITHIN))
    root, page = spans["backend SAGA_STARTED"], spans["ui POST /book/<slug:draft>/pay/"]
    assert (root.parent_id, page.parent_id) == ("", root.span_id)
    assert spans["ui POST"].parent_id == page.span_id
    assert spans["backend POST /api/saga/start-booking/"].parent_id == spans["ui POST"].span_id
    for service, step in (("payment", "AuthorizePayment"), ("loyalty", "AwardMiles")):
        attempt = spans[f"backend {step}"]
        assert attempt.parent_id == root.span_id
        answered = next(span for span in spans.values() if span.service == service)
        assert answered.parent_id == attempt.span_id


def test_compensations_are_in_the_trace_too(suite: Suite, collector: Collector) -> None:
    booking = {
        "flight_id": 1,
        "user_id": "traced",
        "passengers": [{"first_name": "Grace", "last_name": "Hopper"}],
        "contact_info": {"email": "grace@example.com", "mobile": "+15550100"},
        "simulate_confirmbooking_fail": True,
    }
    made = requests.post(suite.url("backend") + "/api/saga/start-booking/", json=booking, timeout=20).json()
    assert made["status"] == "COMPENSATED"
    undone = ("ReverseMiles", "CancelPayment", "CancelSeat")
    awaited = ("POST /api/saga/cancel-payment/", "POST /api/saga/reverse-miles/", "SAGA_COMPENSATED")
    trace = trace_of(made["correlation_id"])
    spans = by_name(collector.wait_for(trace, *undone, *awaited, within=TOLD_WITHIN))
    undoing = spans["backend CancelPayment"].span_id
    assert spans["payment POST /api/saga/cancel-payment/"].parent_id == undoing
