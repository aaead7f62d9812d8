"""The events of a commit share a row; the checker judges each."""

import json
from typing import Any

from tests.suite import Suite

ROWS = (
    "SELECT sequence, event_id, event_type, data FROM sagas_event WHERE correlation_id = ? ORDER BY sequence"
)
CID = "good"


def fold(suite: Suite, size: int, *, without: int = 0, last: dict[str, Any] | None = None) -> None:
    """The good booking's events in rows of `size`, as the engine writes them."""
    events = [event for event in suite.databases["backend"].execute(ROWS, (CID,)) if event[0] != without]
    for first in range(0, len(events), size):
        (sequence, *_), *others = events[first : first + size]
        following = [[event_id, kind, json.loads(data)] for _, event_id, kind, data in others]
        if last is not None and following:
            following[-1][2] |= last
        change = "UPDATE sagas_event SET following = ? WHERE correlation_id = ? AND sequence = ?"
        suite.run("backend", change, json.dumps(following), CID, sequence)
        for number, *_ in others:
            suite.run(
                "backend", "DELETE FROM sagas_event WHERE correlation_id = ? AND sequence = ?", CID, number
            )
    suite.run("backend", "DELETE FROM sagas_event WHERE correlation_id = ? AND sequence = ?", CID, without)


def test_events_that_share_a_row_are_as_good_as_those_with_a_row_each(suite: Suite) -> None:
    fold(suite, 4)
    assert suite.violations() == {}


def test_an_event_that_is_missing_in_its_row_is_found(suite: Suite) -> None:
    fold(suite, 4, without=3)
    assert 8 in suite.violations()


def test_an_event_that_is_missing_at_the_end_is_found(suite: Suite) -> None:
    fold(suite, 4, without=10)
    assert 8 in suite.violations()


def test_an_event_id_that_stands_twice_in_a_row_is_found(suite: Suite) -> None:
    (_, first, *_), (_, second, *_) = suite.databases["backend"].execute(ROWS, (CID,)).fetchmany(2)
    fold(suite, 4)
    suite.run("backend", "UPDATE sagas_event SET following = REPLACE(following, ?, ?)", second, first)
    assert set(suite.violations()) == {8}


def test_a_secret_in_an_event_that_shares_a_row_is_found(suite: Suite) -> None:
    fold(suite, 4, last={"cvv": "123"})
    assert set(suite.violations()) == {11}
