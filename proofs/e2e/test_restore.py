"""Services that are restored to different moments: `make restore-drill`, short."""

from collections import Counter
from pathlib import Path

import pytest

from proofs.e2e.restore_load import KINDS
from proofs.e2e.restoring import STORY, drill

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
BOOKINGS = 48


def test_every_disagreement_after_a_restore_is_named_and_settling_leaves_none(tmp_path: Path) -> None:
    results, between = {}, Counter[str]()
    for result in drill(tmp_path, {}, bookings=BOOKINGS, told=between.update):
        assert result.is_good, result
        results[result.restored] = result
    assert results.keys() == STORY.keys()
    assert set(KINDS) <= between.keys()
    assert results["the backend is older"].lost and results["payment is older"].drift
    provider = results["payment is older than its bank"].provider
    assert provider and provider.unknown and provider.believed
