"""How often somebody may try outside demo mode, in exact numbers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError
from pytest_django import Settings
from service_kit.limits import Limit, limits
from service_kit.security import throttle
from service_kit.security.models import Attempt
from service_kit.testing.callers import service_bearer, user_token
from service_kit.testing.calls import at_once, client
from service_kit.testing.protocol import assert_problem

NOW = datetime(2026, 11, 23, 12, 0, 45, tzinfo=UTC)
ECHO = "/api/echo/"


@pytest.fixture(autouse=True)
def outside_demo_mode(settings: Settings) -> None:
    settings.DEMO_MODE = False
    settings.LIMITS = {"reads": Limit(user=2, address=3), "tries": Limit(user=1, address=0, seconds=600)}


def wait(name: str = "reads", user_id: str = "1", address: str = "10.0.0.1", now: datetime = NOW) -> int:
    return throttle.seconds_to_wait({name: 1}, user_id=user_id, address=address, now=now)


def ask(user_id: str = "", address: str = "10.0.0.1", **headers: str) -> Any:
    token = {"Authorization": f"Bearer {user_token(user_id=user_id, role='', audience='kit')}"}
    sent = {**(token if user_id else {}), **headers}
    return client().post(ECHO, b"{}", "application/json", headers=sent, REMOTE_ADDR=address)


@pytest.mark.django_db
def test_one_too_many_of_a_user_is_429_and_says_when_to_come_again() -> None:
    assert [ask("1").status_code for _ in range(2)] == [200, 200]
    answer = ask("1", address="10.9.9.9")
    assert_problem(answer, 429, "TOO_MANY_REQUESTS")
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert ask("2").status_code == 200


@pytest.mark.django_db
def test_one_too_many_of_an_address_is_429_for_every_user() -> None:
    assert [ask(user).status_code for user in ("1", "", "2", "3")] == [200, 200, 200, 429]
    assert ask("3", address="10.0.0.2").status_code == 200


@pytest.mark.django_db
def test_another_service_is_never_limited_also_on_behalf_of_somebody() -> None:
    bearer = service_bearer(caller="ui", audience="kit")
    seen = {ask(Authorization=bearer, X_On_Behalf_Of="1").status_code for _ in range(5)}
    assert (seen, Attempt.objects.count()) == ({200}, 0)


@pytest.mark.django_db
def test_forged_credential_is_401_and_not_a_way_around(settings: Settings) -> None:
    settings.LIMITS["refusals"] = Limit(0, 60)
    assert {ask(Authorization="Bearer new~forged").status_code for _ in range(5)} == {401}


@pytest.mark.django_db
def test_demo_mode_counts_nothing(settings: Settings, django_assert_num_queries: Any) -> None:
    settings.DEMO_MODE = True
    with django_assert_num_queries(0):
        assert {ask("1").status_code for _ in range(9)} == {200}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("moment", "left"),
    [
        (NOW, 15),
        (NOW.replace(second=0), 60),
        (NOW.replace(second=59, microsecond=999999), 1),
    ],
)
def test_wait_ends_with_the_window(moment: datetime, left: int) -> None:
    assert [wait(now=moment) for _ in range(3)] == [0, 0, left]
    assert wait(now=moment + timedelta(seconds=left)) == 0


@pytest.mark.django_db
def test_what_costs_nothing_only_looks() -> None:
    def look() -> int:
        costs = {"reads": 1, "tries": 0}
        return throttle.seconds_to_wait(costs, user_id="1", address="", now=NOW)

    assert look() == 0
    assert wait("tries") == 0
    assert look() == 555
    assert {row.key: row.number for row in Attempt.objects.all()} == {"reads:user:1": 2, "tries:user:1": 1}


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_are_counted_exactly(settings: Settings) -> None:
    settings.LIMITS = {"reads": Limit(user=7, address=100)}
    waits = at_once(*[wait] * 20)
    assert sorted(map(bool, waits)) == [False] * 7 + [True] * 13
    assert {row.number for row in Attempt.objects.all()} == {20}


@pytest.mark.django_db
def test_windows_that_are_over_are_forgotten() -> None:
    for minutes in (0, 5, 15):
        wait("tries", now=NOW + timedelta(minutes=minutes))
    throttle.forget(NOW + timedelta(minutes=15))
    assert Attempt.objects.count() == 1


@pytest.mark.django_db
def test_forgetting_happens_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    wait(now=NOW - timedelta(hours=1))
    throttle.forget_now_and_then(NOW)
    assert Attempt.objects.count() == 2
    monkeypatch.setattr(throttle, "_forget_at", 0.0)
    throttle.forget_now_and_then(NOW)
    assert Attempt.objects.count() == 0


@pytest.mark.django_db
def test_limit_that_cannot_be_counted_is_503_and_lets_no_request_pass(
    around_database: Callable[..., Any],
) -> None:
    with around_database("security_attempt", OperationalError("locked")):
        assert_problem(ask("1"), 503, "DATABASE_BUSY")


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMIT_STARTS", "7/8/90")
    made = limits(starts=Limit(1, 2), reads=Limit(3, 4))
    assert made == {"starts": Limit(7, 8, 90), "reads": Limit(3, 4, 60)}


@pytest.mark.parametrize("text", ["7", "7/8", "a/b/c", "1/1/0", "-1/1/60", "1/1/60/1", "٣/1/60x"])
def test_limit_that_cannot_be_understood_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LIMIT_STARTS", text)
    with pytest.raises(ImproperlyConfigured, match="LIMIT_STARTS"):
        limits(starts=Limit(1, 2))


SWEPT: list[datetime] = []


def sweep(now: datetime) -> dict[str, int]:
    SWEPT.append(now)
    return {"old things": 3}


@pytest.mark.django_db(transaction=True)
def test_daily_sweep_deletes_past_counters_and_what_the_service_names(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.SWEEPS = ["tests.test_throttle.sweep"]
    wait(now=NOW)
    assert Attempt.objects.count() == 2
    call_command("sweep")
    assert capsys.readouterr().out.startswith("2 counters of limits\n3 old things\n")
    assert (Attempt.objects.count(), len(SWEPT)) == (0, 1)
