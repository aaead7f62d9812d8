"""From `start` to the end with the real client: what goes over the wire, and what comes of each answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses
from django_sagas import runtime
from django_sagas.recovery import Recovery
from django_sagas.runtime import start
from pytest_django import Settings

from tests.toy.sagas import PlaceOrder
from tests.world import World


@pytest.fixture
def edge(world: World) -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def done(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
    body = json.loads(request.body or "")
    return 200, {}, json.dumps({"success": True, "correlation_id": body["correlation_id"]})


def serve(edge: responses.RequestsMock) -> None:
    for address in ("http://bank.test/api/saga/charge-card/", "http://depot.test/api/saga/ship-order/"):
        edge.add_callback(responses.POST, address, callback=done)


def recover() -> None:
    Recovery(runtime.orchestrator(), threads=1).run_due()


def headers(participant: str) -> dict[str, str]:
    return {"Authorization": f"Bearer for {participant}"}


def test_each_step_is_called_at_its_participant_with_the_envelope(
    world: World, edge: responses.RequestsMock, settings: Settings
) -> None:
    settings.SAGA_HEADERS = f"{__name__}.headers"
    settings.SAGA_DATA_FIELD = "order"
    serve(edge)
    saga = start(PlaceOrder, {"amount": 3}, secrets={"card": "4111"})
    recover()
    assert world.row(saga.correlation_id).status == "COMPLETED"
    charge, ship = (call.request for call in edge.calls)
    assert [charge.url, ship.url] == [
        "http://bank.test/api/saga/charge-card/",
        "http://depot.test/api/saga/ship-order/",
    ]
    assert json.loads(charge.body or "") == {
        "correlation_id": saga.correlation_id,
        "step_number": 2,
        "order": {"amount": 3},
    }
    sent = {name: charge.headers[name] for name in ("X-Correlation-ID", "Authorization", "Content-Type")}
    assert sent == {
        "X-Correlation-ID": saga.correlation_id,
        "Authorization": "Bearer for bank",
        "Content-Type": "application/json",
    }


def test_a_simulated_failure_is_asked_of_the_participant(world: World, edge: responses.RequestsMock) -> None:
    refusal = {"success": False, "error_code": "SIMULATED_FAILURE", "error": "Asked for."}

    def refuse(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        body = json.loads(request.body or "")
        assert body["simulate_failure"] is True
        return 200, {}, json.dumps({**refusal, "correlation_id": body["correlation_id"]})

    edge.add_callback(responses.POST, "http://bank.test/api/saga/charge-card/", callback=refuse)
    saga = start(PlaceOrder, {"simulate": "ChargeCard"})
    recover()
    row = world.row(saga.correlation_id)
    assert (row.status, row.error_code, len(edge.calls)) == ("COMPENSATED", "SIMULATED_FAILURE", 1)


@pytest.mark.parametrize(
    "failure", [{"status": 503}, {"body": requests.ConnectionError("refused")}], ids=["503", "no connection"]
)
def test_a_participant_that_is_down_is_called_again_later(
    world: World, edge: responses.RequestsMock, failure: dict[str, Any]
) -> None:
    edge.add(responses.POST, "http://bank.test/api/saga/charge-card/", **failure)
    saga = start(PlaceOrder, {})
    recover()
    row = world.row(saga.correlation_id)
    assert [step.status.value for step in row.steps] == ["DONE", "UNKNOWN", "PENDING", "PENDING"]
    edge.reset()
    serve(edge)
    assert row.due_at is not None
    world.clock.at = row.due_at
    world.settle()
    assert world.row(saga.correlation_id).status == "COMPLETED"
