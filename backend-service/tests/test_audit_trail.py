"""What of the sagas' life stands in the audit trail."""

from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.db import OperationalError
from service_kit.security.models import AuditEntry
from service_kit.testing import callers

from tests.saga_participants import never_arrives, refuses
from tests.saga_world import Desk, World, around_statements, when

KEY = {"Idempotency-Key": "k"}


def trail() -> list[tuple[str, ...]]:
    found = AuditEntry.objects.order_by("id")
    return list(found.values_list("kind", "actor", "action", "correlation_id", "reason"))


def token(user_id: str, role: str = "traveller") -> dict[str, str]:
    signed = callers.user_token(user_id=user_id, role=role, audience="backend")
    return {"Authorization": f"Bearer {signed}"}


def test_audit_of_an_idempotency_key_used_for_another_booking(desk: Desk) -> None:
    cid = desk.book(headers=KEY).json()["correlation_id"]
    assert desk.book(headers=KEY, seat_class="business").status_code == 422
    path = "POST /api/saga/start-booking/"
    assert trail() == [("mismatch", "", path, cid, "IDEMPOTENCY_KEY_REUSED")]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/saga/status/{cid}/", "/api/saga/status/<str:correlation_id>/"),
        ("/api/saga/events/{cid}/", "/api/saga/events/<str:correlation_id>/"),
        ("/api/bookings/{reference}/", "/api/bookings/<str:reference>/"),
        ("/api/tickets/user/1/", "/api/tickets/user/<str:user_id>/"),
        ("/api/saga/?user_id=1", "/api/saga/"),
    ],
)
def test_foreign_saga_booking_and_tickets_are_the_404_of_missing_ones_and_audited(
    desk: Desk, settings: LazySettings, path: str, route: str
) -> None:
    made = desk.book().json()
    asked = path.format(cid=made["correlation_id"], reference=made["booking_reference"])
    settings.DEMO_MODE = False
    foreign = desk.client.get(asked, headers=token("2"))
    assert (foreign.status_code, foreign.json()["code"]) == (404, "NOT_FOUND")
    assert trail() == [("refusal", "2", f"GET {route}", "", "NOT_THE_OWNER")]
    none = asked.replace(made["correlation_id"], "none").replace(made["booking_reference"], "ZZZ222")
    if none != asked:
        assert desk.client.get(none, headers=token("2")).json() == foreign.json()
        assert trail()[1:] == [("refusal", "2", f"GET {route}", "", "NOTHING_THERE")]


@pytest.mark.parametrize("action", ["retry", "cancel", "resolve"])
def test_audit_of_an_operator_action_that_a_traveller_tries(
    desk: Desk, settings: LazySettings, action: str
) -> None:
    cid = desk.book().json()["correlation_id"]
    settings.DEMO_MODE = False
    assert desk.post(f"/api/saga/{cid}/{action}/", headers=token("1")).status_code == 403
    route = f"POST /api/saga/<str:correlation_id>/{action}/"
    assert trail() == [("refusal", "1", route, "", "NOT_ALLOWED")]
    assert AuditEntry.objects.get().evidence == cid


def test_audit_of_another_users_booking_and_of_a_failure_switch(desk: Desk, settings: LazySettings) -> None:
    settings.DEMO_MODE = False
    assert desk.book(headers=token("2")).status_code == 403
    assert desk.book(headers=token("1"), simulate_awardmiles_fail=True).status_code == 403
    assert [row[:2] for row in trail()] == [("refusal", "2"), ("refusal", "1")]


def test_audit_of_an_alarm_stands_once_in_the_commit_that_raises_it(desk: Desk, world: World) -> None:
    world.participants.always("CancelPayment", refuses("LIMIT_EXCEEDED"))
    cid = desk.book(simulate_awardmiles_fail=True).json()["correlation_id"]
    assert trail() == [("alarm", "", "needs-attention", cid, world.row(cid).attention)]
    for _ in range(3):
        desk.recover()
    assert len(trail()) == 1


def test_audit_of_a_saga_that_is_claimed_again_and_again(world: World) -> None:
    saga = world.orchestrator().accept(world.new_saga())
    assert saga is not None
    with around_statements(before=when("INSERT INTO sagas_event", OperationalError("disk full"), times=99)):
        for _ in range(10):
            assert trail() == []
            world.recover()
        world.recover()
    assert [row[:4] for row in trail()] == [("alarm", "", "needs-attention", saga.correlation_id)]


def test_audit_of_a_breaker_that_opens(desk: Desk, world: World) -> None:
    world.participants.always("AuthorizePayment", never_arrives)
    for _ in range(settings.SAGA_BREAKER_UNKNOWNS + 2):
        desk.book()
    assert [(row[2], row[4]) for row in trail()] == [("breaker-opened", "payment does not answer")]


def test_breaker_opens_where_its_audit_row_cannot_be_written(desk: Desk, world: World) -> None:
    world.participants.always("AuthorizePayment", never_arrives)
    hook = when('INSERT INTO "security_audit"', OperationalError("disk full"))
    with around_statements(before=hook):
        seen: set[Any] = {desk.book().status_code for _ in range(settings.SAGA_BREAKER_UNKNOWNS + 2)}
    assert (seen, trail()) == ({202}, [])
