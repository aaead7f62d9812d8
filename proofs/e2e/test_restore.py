"""Services that are restored to different moments: `make restore-drill`, short."""

from pathlib import Path

import pytest

from proofs.e2e.restoring import drill

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
BOOKINGS = 36


def test_auditor_names_every_disagreement_after_a_restore_and_settling_leaves_none(tmp_path: Path) -> None:
    for result in drill(tmp_path, {}, bookings=BOOKINGS):
        assert (result.unnamed, result.left, result.settled["PERSON"]) == (0, 0, 0), result
        if result.restored == "the backend is older":
            assert result.lost, result
        elif result.restored != "as it was made":
            assert result.drift, result
