"""Access to the endpoints of a step outside demo mode, as tests for any step."""

from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from service_kit.credentials import ON_BEHALF_OF, ROLE
from service_kit.security.models import AuditEntry
from service_kit.testing.callers import service_bearer, user_token
from service_kit.testing.calls import envelope, post, snapshot
from service_kit.testing.protocol import Pair, assert_done, assert_problem
from service_kit.trust import BACKEND, UI

READS_OF_USER_1: tuple[tuple[dict[str, str], int], ...] = (
    ({ON_BEHALF_OF: "1"}, 200),
    ({ON_BEHALF_OF: "2"}, 404),
    ({ON_BEHALF_OF: "2", ROLE: "auditor"}, 200),
    ({ROLE: "auditor"}, 404),
    ({}, 404),
)
"Whom a service names, and the status of its read of what belongs to user 1."


@pytest.mark.django_db(transaction=True)
class StepAccess:
    """Subclass it in each service with a `pair` fixture."""

    @pytest.fixture(autouse=True)
    def outside_demo_mode(self, settings: Settings) -> None:
        settings.DEMO_MODE = False

    @pytest.fixture
    def bearer(self, settings: Settings) -> str:
        audience = settings.SERVICE_NAME
        return service_bearer(caller=UI if audience == BACKEND else BACKEND, audience=audience)

    @pytest.fixture
    def cid(self, pair: Pair, settings: Settings) -> str:
        """A fresh id; what has to come before the action is done as in demo mode."""
        cid = str(uuid4())
        settings.DEMO_MODE = True
        pair.before(cid)
        settings.DEMO_MODE = False
        return cid

    def both(self, pair: Pair, cid: str, **headers: str) -> list[Any]:
        action = post(pair.action, envelope(cid, pair.booking), **headers)
        return [action, *(post(url, envelope(cid), **headers) for url in pair.urls[1:])]

    def test_step_without_credential_is_401_and_nothing_is_stored(self, pair: Pair, cid: str) -> None:
        before = snapshot()
        for answer in self.both(pair, cid):
            assert_problem(answer, 401, "NOT_AUTHENTICATED")
            assert answer["WWW-Authenticate"] == "Bearer"
        assert snapshot() == before

    def test_refused_step_leaves_an_audit_row_and_no_other(self, pair: Pair, cid: str) -> None:
        self.both(pair, cid)
        tried = list(AuditEntry.objects.order_by("id").values_list("kind", "actor", "action", "reason"))
        assert tried == [("refusal", "", f"POST {url}", "NOT_AUTHENTICATED") for url in pair.urls]

    def test_hostile_body_without_credential_is_401_before_it_is_read(self, pair: Pair) -> None:
        assert_problem(post(pair.action, b"not json"), 401, "NOT_AUTHENTICATED")

    def test_wrong_method_is_405_also_without_credential(self, pair: Pair, client: Any) -> None:
        for url in pair.urls:
            answer = client.get(url)
            assert_problem(answer, 405, "METHOD_NOT_ALLOWED")
            assert answer["Allow"] == "POST, OPTIONS"
            assert client.options(url).status_code == 200

    @pytest.mark.parametrize("kind", ["other_audience", "user", "operator", "forged", "basic", "empty"])
    def test_credential_that_is_not_a_services_for_this_one_is_401(
        self, pair: Pair, cid: str, bearer: str, kind: str, settings: Settings
    ) -> None:
        audience = settings.SERVICE_NAME
        header = {
            "other_audience": service_bearer(caller="backend", audience="somebody-else"),
            "user": "Bearer " + user_token(user_id="1", role="", audience=audience),
            "operator": "Bearer " + user_token(user_id="1", role="operator", audience=audience),
            "forged": _forged(bearer),
            "basic": bearer.replace("Bearer", "Basic"),
            "empty": "Bearer",
        }[kind]
        before = snapshot()
        for answer in self.both(pair, cid, Authorization=header):
            assert_problem(answer, 401, "NOT_AUTHENTICATED")
        assert snapshot() == before

    def test_step_with_a_services_credential_is_done(self, pair: Pair, cid: str, bearer: str) -> None:
        for answer in self.both(pair, cid, Authorization=bearer):
            assert_done(answer, cid)

    def test_failure_switch_is_403_and_nothing_is_stored(self, pair: Pair, cid: str, bearer: str) -> None:
        before = snapshot()
        body = envelope(cid, pair.booking, simulate_failure=True)
        for url in pair.urls:
            assert_problem(post(url, body, Authorization=bearer), 403, "NOT_ALLOWED", cid)
        assert snapshot() == before

    @pytest.mark.parametrize("method", ["get", "put", "delete"])
    def test_fault_console_is_403(self, method: str, bearer: str, client: Any) -> None:
        answer = getattr(client, method)("/api/demo/faults/", headers={"Authorization": bearer})
        assert_problem(answer, 403, "NOT_ALLOWED")


def _forged(bearer: str) -> str:
    """With another signature; its first character, as the last one has bits that stand for nothing."""
    signed, _, signature = bearer.rpartition(".")
    return f"{signed}.{'b' if signature[0] == 'a' else 'a'}{signature[1:]}"
