"""Most updates of a saga write no index, and log little more than what they change."""

from datetime import timedelta

import pytest
from django.db import connection
from django_sagas import saga_log
from django_sagas.conf import conf
from django_sagas.database import fetch_all
from django_sagas.state import StepState
from django_sagas.transition import Transition

from tests.toy.steps import near
from tests.world import BEGAN, define

LEASE = timedelta(seconds=conf.SAGA_LEASE)
only_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite writes whole pages")


@pytest.mark.parametrize(
    ("owner", "later", "is_renewed"),
    [
        ("me", LEASE * 0.04, False),
        ("me", LEASE * 0.06, True),
        ("me", LEASE * 2, True),
        ("another", LEASE * 0.04, True),
        # A clock was put back: the lease must not end later than one that begins now.
        ("me", -LEASE * 0.04, True),
    ],
)
def test_a_lease_is_renewed_unless_it_is_nearly_new(owner: str, later: timedelta, is_renewed: bool) -> None:
    saga = define(near("Reserve")).new(correlation_id="saga-1", subject="", data={}, now=BEGAN)
    held = Transition(saga, owner="me", now=BEGAN).saga
    now = BEGAN + later
    assert Transition(held, owner=owner, now=now).saga.due_at == (now if is_renewed else BEGAN) + LEASE


def test_a_saga_that_waits_gets_a_new_lease() -> None:
    saga = define(near("Reserve")).new(correlation_id="saga-1", subject="", data={}, now=BEGAN)
    waiting = Transition(saga, owner="", now=BEGAN).saga
    now = BEGAN + LEASE * 0.04
    assert Transition(waiting, owner="me", now=now).saga.due_at == now + LEASE


def test_a_step_is_stored_without_what_it_has_not() -> None:
    step = StepState("Reserve")
    assert step.to_json() == {
        "name": "Reserve",
        "status": "PENDING",
        "compensation": "",
        "participant": "",
        "kind": "compensatable",
    }
    assert StepState.from_json(step.to_json()) == step


@only_postgres
@pytest.mark.django_db
def test_what_never_changes_is_stored_first() -> None:
    columns = """
        SELECT attname FROM pg_attribute WHERE attrelid = 'sagas_saga'::regclass AND attnum > 0
        AND NOT attisdropped ORDER BY attnum"""
    fixed = {*saga_log.FIXED} - {"epoch"}
    assert {name for (name,) in fetch_all(columns)[: len(fixed)]} == fixed
