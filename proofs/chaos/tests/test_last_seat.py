"""When a round for the last seat was fair."""

import pytest

from proofs.chaos.last_seat import Played, Round

FAIR = Round(winners=1, refused=199, left=0, seconds=1.0)


def test_rounds_with_one_winner_each_are_clean() -> None:
    played = Played([FAIR, FAIR], 200, violations=0, surprises=[])
    assert not played.complaints
    assert str(played).startswith("2 rounds of 200 buyers for one seat: 2 winners, 398 refused, 0 unfair")


@pytest.mark.parametrize(
    "unfair",
    [
        Round(winners=2, refused=198, left=0, seconds=1.0),
        Round(winners=0, refused=200, left=1, seconds=1.0),
        Round(winners=1, refused=198, left=0, seconds=1.0),
        Round(winners=1, refused=199, left=1, seconds=1.0),
        Round(winners=1, refused=199, left=0, seconds=1.0, stray=1),
    ],
    ids=["sold twice", "sold to nobody", "one buyer lost", "sold and free", "left on another flight"],
)
def test_any_other_round_is_named(unfair: Round) -> None:
    played = Played([FAIR, unfair], 200, violations=0, surprises=[])
    (complaint,) = played.complaints
    assert complaint.startswith("round 2: ")


def test_broken_invariants_and_strange_answers_are_complaints() -> None:
    played = Played([FAIR], 200, violations=3, surprises=["500"])
    assert played.complaints == ["an answer that no client should get: 500", "3 broken invariants"]
