"""Injected faults of a step's endpoints, as tests for any step."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from service_kit.faults import KEPT, ReplyLost
from service_kit.testing.calls import client, snapshot
from service_kit.testing.protocol import Pair, assert_done, assert_problem, assert_refused

URL = "/api/demo/faults/"


def put(*faults: dict[str, Any]) -> Any:
    return client().put(URL, {"faults": list(faults)}, "application/json")


def without_faults(tables: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: rows for name, rows in tables.items() if name != "guard_fault"}


@pytest.mark.django_db(transaction=True)
class ActionFaults:
    """What holds for every action, with a compensation or without."""

    @pytest.fixture(autouse=True)
    def no_faults(self, settings: Settings) -> Any:
        settings.DEMO_MODE = True
        yield client().delete(URL)
        client().delete(URL)

    @pytest.fixture
    def cid(self, pair: Pair) -> str:
        cid = str(uuid4())
        pair.before(cid)
        return cid

    def test_console_names_the_services_steps_and_shows_what_fired(self, pair: Pair, cid: str) -> None:
        assert put({"step": pair.step, "kind": "delay", "seconds": 0}).status_code == 200
        pair.act(cid)
        shown = client().get(URL).json()
        assert set(shown["kinds"]) == {"refuse", "fail", "delay", "lose_reply"}
        (fault,) = shown["faults"]
        assert (fault["step"], fault["fired"], fault["remaining"]) == (pair.step, 1, None)
        assert client().delete(URL).json()["faults"] == []

    def test_fault_is_added_for_one_saga_and_others_stay(self, pair: Pair, cid: str) -> None:
        put({"step": pair.step, "kind": "delay", "seconds": 0})
        for number in range(2):
            mine = {"step": pair.step, "kind": "refuse", "correlation_id": f"mine-{number}"}
            assert client().post(URL, {"faults": [mine]}, "application/json").status_code == 200
        shown = client().get(URL).json()["faults"]
        assert [each["correlation_id"] for each in shown] == ["", "mine-0", "mine-1"]
        assert_done(pair.act(cid), cid)

    def test_oldest_faults_for_one_saga_are_forgotten(self, pair: Pair) -> None:
        put({"step": pair.step, "kind": "delay", "seconds": 0})
        mine = {"step": pair.step, "kind": "fail", "correlation_id": "mine"}
        for _ in range(KEPT // 50 + 1):
            client().post(URL, {"faults": [mine] * 50}, "application/json")
        shown = client().get(URL).json()["faults"]
        assert (len(shown), shown[0]["correlation_id"]) == (KEPT + 1, "")

    def test_failing_call_is_500_and_stores_nothing_and_the_next_one_is_done(
        self, pair: Pair, cid: str
    ) -> None:
        before = snapshot()
        put({"step": pair.step, "kind": "fail", "times": 1})
        assert_problem(pair.act(cid), 500, "SIMULATED_ERROR", cid)
        assert without_faults(snapshot()) == without_faults(before)
        assert_done(pair.act(cid), cid)

    def test_lost_reply_has_taken_effect_and_the_repeat_gets_the_stored_answer(
        self, pair: Pair, cid: str
    ) -> None:
        put({"step": pair.step, "kind": "lose_reply", "times": 1})
        lost = pair.act(cid)
        parts = iter(lost.streaming_content)
        received = next(parts)
        with pytest.raises(ReplyLost):
            next(parts)
        assert pair.live(cid) == pair.worth
        repeat = pair.act(cid)
        assert repeat["Idempotent-Replayed"] == "true"
        assert repeat.content.startswith(received) and len(received) < len(repeat.content)
        assert int(lost["Content-Length"]) == len(repeat.content)

    @pytest.mark.parametrize(
        ("fault", "named"),
        [
            ({}, "step"),
            ({"step": "NoSuchStep", "kind": "fail"}, "step"),
            ({"kind": "explode"}, "kind"),
            ({"kind": "fail", "times": 0}, "times"),
            ({"kind": "delay", "seconds": 31}, "seconds"),
            ({"kind": "delay", "seconds": -1}, "seconds"),
            ({"kind": "fail", "correlation_id": "a b"}, "correlation_id"),
            # As it is shown: without `times` the fault would be for every call.
            ({"kind": "fail", "remaining": 1}, "remaining"),
        ],
    )
    def test_bad_fault_is_400_named_and_changes_nothing(
        self, pair: Pair, fault: dict[str, Any], named: str
    ) -> None:
        put({"step": pair.step, "kind": "fail", "times": 1})
        before = snapshot()
        answer = put({"step": pair.step, **fault} if fault else fault)
        assert_problem(answer, 400, "INVALID")
        assert f"faults[0].{named}" in answer.json()["errors"]
        assert snapshot() == before

    def test_list_of_faults_that_is_none_is_400(self) -> None:
        bodies: list[dict[str, Any]] = [{}, {"faults": {}}, {"faults": [1]}]
        for body in bodies:
            assert_problem(Client().put(URL, body, "application/json"), 400, "INVALID")

    def test_empty_list_of_faults_removes_all(self, pair: Pair) -> None:
        put({"step": pair.step, "kind": "fail"})
        assert put().json()["faults"] == []


class FaultConsole(ActionFaults):
    """Subclass it in each service with a `pair` fixture."""

    def compensation_of(self, pair: Pair) -> str:
        steps: list[str] = client().get(URL).json()["steps"]
        others = {step for step in steps if step != pair.step}
        return next(step for step in others if step.lower() in pair.compensation.replace("-", ""))

    def test_refused_action_is_refused_as_the_failure_switch_does(self, pair: Pair, cid: str) -> None:
        put({"step": pair.step, "kind": "refuse", "times": 1})
        assert_refused(pair.act(cid), cid, "SIMULATED_FAILURE")
        assert_refused(pair.act(cid), cid, "SIMULATED_FAILURE")
        assert (pair.state(cid), pair.live(cid)) == ("REFUSED", 0)

    def test_fault_of_a_compensation_meets_only_its_correlation_id(self, pair: Pair, cid: str) -> None:
        put({"step": self.compensation_of(pair), "kind": "fail", "correlation_id": cid})
        other = str(uuid4())
        assert_done(pair.undo(other), other)
        pair.act(cid)
        for _ in range(2):
            assert_problem(pair.undo(cid), 500, "SIMULATED_ERROR", cid)
        assert pair.live(cid) == pair.worth
        client().delete(URL)
        assert_done(pair.undo(cid), cid)


class RetriableFaults(ActionFaults):
    """Of a step without a compensation. Subclass it with a `pair` fixture."""

    def test_refused_action_is_done_by_the_next_call(self, pair: Pair, cid: str) -> None:
        put({"step": pair.step, "kind": "refuse", "times": 1})
        assert_refused(pair.act(cid), cid, "SIMULATED_FAILURE")
        assert (pair.state(cid), pair.live(cid)) == (None, 0)
        assert_done(pair.act(cid), cid)
