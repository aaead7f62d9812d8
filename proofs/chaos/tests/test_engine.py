"""When an engine works as before."""

import pytest

from proofs.chaos.engine import CALM, measured

EVERY = 0.1
BEFORE = [at * EVERY for at in range(200)]
"Ten sagas a second end, until the fault at 20 s."


def ends_again(after: float) -> list[float]:
    return [*BEFORE, *(20 + after + at * EVERY for at in range(200))]


def test_rate_is_compared_with_that_of_the_seconds_before() -> None:
    found = measured("crash", ends_again(4.0), began=20, over=21)
    assert found.before == pytest.approx(10, rel=1 / CALM)
    assert found.after == pytest.approx(7, rel=0.1)
    assert found.seconds == pytest.approx(3.0, abs=0.2)
    assert found.is_good


@pytest.mark.parametrize("after", [11.6, 60.0], ids=["too late", "never"])
def test_what_is_not_as_before_within_ten_seconds_is_not_good(after: float) -> None:
    assert not measured("crash", ends_again(after), began=20, over=20).is_good


def test_an_engine_that_did_nothing_before_proves_nothing() -> None:
    assert not measured("crash", [], began=20, over=20).is_good
