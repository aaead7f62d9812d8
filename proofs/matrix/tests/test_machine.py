from collections.abc import Iterator
from pathlib import Path

import pytest

from proofs.matrix.machine import play
from proofs.matrix.rig import Rig, rig
from proofs.matrix.run import Tally, violations


@pytest.fixture
def one_rig(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path, database="sqlite") as made:
        yield made


def test_sagas_end_as_the_model_says_in_any_order_of_events(one_rig: Rig) -> None:
    ended: list[int] = []
    play(one_rig, orders=6, events=12, number=1, ended=ended.append)
    assert sum(ended)
    assert list(violations(one_rig, Tally())) == []
