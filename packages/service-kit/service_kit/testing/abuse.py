"""Abuses that every operation of a data service answers alike, driven by its schema."""

from typing import Any

import pytest
from django_sagas import json_text
from pytest_django import Settings

from service_kit.limits import MAX_BODY_BYTES
from service_kit.testing.calls import snapshot
from service_kit.testing.corpus import Described, Operation
from service_kit.testing.described import METHODS
from service_kit.testing.protocol import assert_problem

# Operations without credentials do not check them.
OPEN = ("/api/health/", "/api/health/ready/", "/metrics")


@pytest.mark.django_db(transaction=True)
class Abuse(Described):
    """Subclass it in each service, with what its corpus needs."""

    @pytest.fixture
    def taking(self, every: list[Operation]) -> list[Operation]:
        """Those that take a body."""
        return [operation for operation in every if operation.body is not None]

    def test_wrong_method_is_405_with_allow(self, every: list[Operation]) -> None:
        taken: dict[str, set[str]] = {}
        for operation in every:
            taken.setdefault(operation.path, set()).add(operation.method)
        for operation in every:
            for method in set(METHODS) - taken[operation.path]:
                answer = self._with(operation, method=method)
                assert_problem(answer, 405, "METHOD_NOT_ALLOWED")
                allowed = {name.lower() for name in answer["Allow"].split(", ")}
                assert allowed - {"head", "options"} == taken[operation.path], operation

    def test_wrong_host_is_400(self, every: list[Operation]) -> None:
        for operation in every:
            if operation.path != "/metrics":
                answer = operation.send(operation.address(self.known), headers={"Host": "evil.example"})
                assert_problem(answer, 400, "BAD_REQUEST")

    def test_body_over_64_kib_is_413_and_nothing_is_stored(self, taking: list[Operation]) -> None:
        before = snapshot()
        for operation in taking:
            answer = operation.send(operation.address(self.known), b" " * (MAX_BODY_BYTES + 1))
            assert_problem(answer, 413, "BODY_TOO_LARGE")
        assert snapshot() == before

    def test_field_named_like_card_data_is_400_at_any_depth(self, taking: list[Operation]) -> None:
        before = snapshot()
        for operation in taking:
            for name in ("card_number", "pan", "cvv", "cvc"):
                for value in ({name: "1"}, {"a": [{"b": {name: "1"}}]}):
                    body = json_text.dumps({**(operation.body or {}), "extra": value}).encode()
                    answer = operation.send(operation.address(self.known), body)
                    assert answer.status_code == 400, operation
                    assert [each for each in answer.json()["errors"] if each.endswith(name)]
        assert snapshot() == before

    def test_forged_credential_is_401_with_its_challenge(
        self, every: list[Operation], settings: Settings
    ) -> None:
        settings.DEMO_MODE = False
        before = snapshot()
        for operation in every:
            if operation.path not in OPEN:
                address = operation.address(self.known)
                answer = operation.send(address, headers={"Authorization": "Bearer forged"})
                assert_problem(answer, 401, "NOT_AUTHENTICATED")
                assert answer["WWW-Authenticate"] == "Bearer"
        assert snapshot() == before

    def _with(self, operation: Operation, *, method: str) -> Any:
        other = Operation(method, operation.path, None, {}, ())
        return other.send(operation.address(self.known))
