from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from matrix.machine import Sagas
from matrix.rig import Rig, rig
from matrix.run import Tally, violations


@pytest.fixture
def one_rig(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path, database="sqlite") as made:
        yield made


def test_sagas_end_as_the_model_says_whatever_happens_in_whichever_order(one_rig: Rig) -> None:
    Sagas.rig = one_rig
    usual = settings(
        max_examples=6,
        stateful_step_count=12,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Sagas, settings=usual)
    assert list(violations(one_rig, Tally())) == []
