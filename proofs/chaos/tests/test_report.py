"""What the report is drawn from."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from proofs.chaos.edge import Passed
from proofs.chaos.history import open_over_time
from proofs.chaos.killer import Struck
from proofs.chaos.outages import Trouble
from proofs.chaos.pictures import run_picture
from proofs.chaos.plan import make_plan
from proofs.chaos.profiles import PR
from proofs.chaos.standing import Held
from proofs.chaos.story import story
from proofs.chaos.takeovers import Claim, Death, claims, percentile, take_overs
from proofs.chaos.vandal import Happened
from saga_checker.books import Books
from saga_checker.rows import Event

BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def clock(moment: datetime) -> float:
    return (moment - BEGAN).total_seconds()


def events(*told: tuple[float, str]) -> list[Event]:
    return [
        Event("cid", number, f"id-{number}", f"SAGA_{kind}", "{}", after(at))
        for number, (at, kind) in enumerate(told, start=1)
    ]


def test_cancelled_booking_opens_its_saga_again() -> None:
    one = events((1, "STARTED"), (2, "COMPLETED"), (4, "COMPENSATION_STARTED"), (6, "COMPENSATED"))
    other = events((3, "STARTED"), (5, "COMPENSATION_STARTED"), (7, "COMPENSATED"))
    curve = open_over_time([one, other], clock)
    assert curve == [(1, 1), (2, 0), (3, 1), (4, 2), (6, 1), (7, 0)]


def test_take_over_lasts_from_the_death_to_the_first_later_claim() -> None:
    deaths = [Death(after(10), "backend", frozenset({Held("a", 1), Held("b", 2), Held("cancelled", 1)}))]
    claimed = [
        Claim(after(9), "a", 1),
        Claim(after(21), "a", 2),
        Claim(after(30), "a", 3),
        Claim(after(22), "b", 3),
    ]
    assert [(one.correlation_id, one.seconds) for one in take_overs(deaths, claimed)] == [
        ("a", 11),
        ("b", 12),
    ]


def test_claims_are_read_from_the_log_past_a_line_that_a_kill_has_cut(tmp_path: Path) -> None:
    log = tmp_path / "log"
    whole = '{"epoch":2,"event":"saga_claimed","correlation_id":"a","timestamp":"2026-11-23T12:00:01Z"}'
    log.write_text(f"recovery | {whole}\nrecovery | {whole[:40]}\nbackend  | ready\n", encoding="utf-8")
    assert list(claims(log)) == [Claim(after(1), "a", 2)]


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100)])
def test_percentile_is_the_nearest_rank(share: float, value: float) -> None:
    assert percentile(range(1, 101), share) == value
    assert percentile([], share) == 0


def test_every_kill_and_every_fault_stands_in_the_picture() -> None:
    plan = make_plan("a", 60, PR, "sqlite")
    struck = [Struck(5, "payment", signal.SIGKILL), Struck(6, "loyalty", signal.SIGSTOP)]
    calls = [Passed(7, "backend-payment", "c", "cid", "drop", 200)]
    failed = [Happened(8, 9, Trouble.CRASH, "")]
    drawn = run_picture(plan, [(1, 1), (2, 0)], struck, calls, failed)
    assert drawn.count("class='outage'") == 1
    assert drawn.count("class='kill'") == drawn.count("class='stop'") == drawn.count("class='fault'") == 1
    assert drawn.count("class='bad'") == len(plan.bad_times)


def test_story_of_a_saga_tells_events_calls_and_strikes_in_order() -> None:
    none: dict[str, list[object]] = {}
    books = SimpleNamespace(
        events={"cid": events((1, "STARTED"), (3, "COMPLETED"))},
        audit_trail=none,
        seats_of=none,
        bookings={},
        records=none,
        payments=none,
        miles=none,
    )
    calls = [Passed(2, "backend-payment", "authorize-payment", "cid", "drop", 200)]
    struck = [Struck(2.5, "backend", signal.SIGKILL), Struck(90, "backend", signal.SIGKILL)]
    told = story(cast(Books, books), "cid", calls, struck, clock)
    table = told.partition("<table")[2]
    places = [
        table.index(words) for words in ("STARTED", "authorize-payment, drop", "SIGKILL backend", "COMPLETED")
    ]
    assert places == sorted(places)
    assert table.count("SIGKILL") == 1
