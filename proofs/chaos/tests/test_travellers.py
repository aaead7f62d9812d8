"""What a client does with an answer that says no more than that its booking is accepted."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import cast

import pytest

from proofs.chaos import travellers
from proofs.chaos.desk import Answer, Body, Desk
from proofs.chaos.given import Given
from proofs.chaos.offers import Offers
from proofs.chaos.travellers import LOOKS, Traveller, plain


class Script:
    """The backend's answers, one after the other; the last one for ever."""

    def __init__(self, *answers: tuple[int, str] | None) -> None:
        self._answers, self.asked = list(answers), list[str]()

    def post(self, path: str, body: Body | None = None, **headers: str) -> Answer | None:
        return self.get(path)

    def get(self, path: str) -> Answer | None:
        self.asked.append(path)
        given = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return given and Answer(given[0], {"correlation_id": "one", "status": given[1]}, "one")


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Given]:
    monkeypatch.setattr(travellers, "FIRST_LOOK", 0.0)
    given = Given(tmp_path / "clients.jsonl")
    yield given
    given.close()


def book(given: Given, *answers: tuple[int, str] | None) -> list[str]:
    """What the client asked for."""
    script = Script(*answers)
    plain(Traveller(cast(Desk, script), given, Offers((1,), 2), Random("seed"), lambda: False))
    return script.asked


START, STATUS = "/api/saga/start-booking/", "/api/saga/status/one/"


def test_client_whose_booking_is_done_goes_on_at_once(given: Given) -> None:
    assert book(given, (200, "COMPLETED")) == [START]


def test_client_whose_booking_is_only_accepted_looks_until_it_has_ended(given: Given) -> None:
    asked = book(given, (202, "RUNNING"), (200, "RUNNING"), None, (200, "COMPENSATED"))
    assert asked == [START, STATUS, STATUS, STATUS]
    assert given.wishes[0].told == "COMPENSATED"


def test_client_whose_booking_does_not_end_has_waited_before_it_books_again(given: Given) -> None:
    assert book(given, (202, "RUNNING")) == [START] + [STATUS] * LOOKS


def test_what_a_client_is_told_while_it_looks_has_to_be_true_in_the_end(given: Given) -> None:
    book(given, (202, "RUNNING"), (200, "COMPLETED"))
    assert given.judge(lambda cid: "COMPENSATED")
