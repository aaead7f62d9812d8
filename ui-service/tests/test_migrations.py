"""Drafts that an earlier release has left go on after the upgrade."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps
from django_sagas.clock import utc_now

from tests.desk import flight, turned
from ui.models import Attempt, Draft, User

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = [("ui", "0005_claimed_guests")]
LEGS = [
    {"flight": 1, "seats": ["7A"], "price": "211.41", "shown": flight(1)},
    {"flight": 2, "seats": ["8B"], "price": "211.41", "shown": turned(2)},
]


@pytest.fixture
def before() -> Iterator[StateApps]:
    """The tables of the release before; the newest are there again at the end."""
    executor = MigrationExecutor(connection)
    executor.migrate(BEFORE)
    yield executor.loader.project_state(BEFORE).apps
    upgrade()


def upgrade() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def draft(apps: StateApps, legs: list[dict[str, Any]], *sent: tuple[int, str]) -> None:
    """An old draft with an attempt for each (flight, saga)."""
    now = utc_now()
    made = apps.get_model("ui", "Draft").objects.create(
        id="a" * 32, owner_id="guest-1", version="v1", cabin="economy", count=1, legs=json.dumps(legs),
        people=json.dumps({"passengers": [{"first_name": "Ada"}], "contact": {}}),
        created_at=now, changed_at=now,
    )  # fmt: skip
    for leg, saga in sent:
        apps.get_model("ui", "Attempt").objects.create(
            draft=made, leg=leg, owner_id="guest-1", key=f"v1-{leg + 1}", state="started",
            correlation_id=saga, created_at=now,
        )  # fmt: skip


def test_draft_of_one_flight_keeps_its_price_and_its_attempt(before: StateApps) -> None:
    draft(before, LEGS[:1], (0, "one"))
    upgrade()
    kept = Draft.objects.get()
    assert kept.price == Decimal("211.41") and kept.passengers == [{"first_name": "Ada"}]
    assert kept.flights[0].keys() == {"flight", "seats", "shown"}
    assert Attempt.objects.get().draft_id == kept.id


def test_return_that_was_not_sent_is_one_booking_with_the_charges_once(before: StateApps) -> None:
    draft(before, LEGS)
    upgrade()
    kept = Draft.objects.get()
    assert kept.price == Decimal("372.82") and [each["flight"] for each in kept.flights] == [1, 2]


def test_return_that_was_sent_as_two_bookings_becomes_two_drafts(before: StateApps) -> None:
    draft(before, LEGS, (0, "out"), (1, "back"))
    upgrade()
    sent = {attempt.correlation_id: attempt.draft for attempt in Attempt.objects.select_related("draft")}
    assert [each["flight"] for each in sent["out"].flights] == [1]
    assert [each["flight"] for each in sent["back"].flights] == [2]
    assert {each.price for each in sent.values()} == {Decimal("211.41")}
    assert {each.owner_id for each in sent.values()} == {"guest-1"} and Draft.objects.count() == 2


def test_draft_without_a_price_is_not_ready_for_payment(before: StateApps) -> None:
    draft(before, [{"flight": 1, "seats": [], "price": "", "shown": None}])
    upgrade()
    assert not Draft.objects.get().is_priced


def test_of_accounts_that_differ_in_case_each_is_still_logged_in_by_its_own_name(before: StateApps) -> None:
    for name in ("ada", "Ada", "erased-u-1"):
        before.get_model("ui", "User").objects.create(username=name, traveller_id=f"u-{name}")
    upgrade()
    found = {name: User.objects.get_by_natural_key(name).username for name in ("ada", "Ada", "ADA")}
    assert found == {"ada": "ada", "Ada": "Ada", "ADA": "ada"}
    assert User.objects.get(username="erased-u-1").folded_name is None
