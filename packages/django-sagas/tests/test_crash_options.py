"""The options of the plug-in, in a pytest of its own."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parent.parent
PROJECT = """
    import pytest
    from django_sagas.testing import CrashTest, Ending, Story
    from tests.shop.models import Entry, Stock
    from tests.shop.sagas import BuyTea

    pytestmark = pytest.mark.urls("tests.shop.urls")

    class TestOrder(CrashTest):
        saga = BuyTea
        stories = [
            Story("paid", {"sku": "tea"}, secrets={"card": "ok"}),
            Story("declined", {"sku": "tea"}, secrets={"card": "bad"}, ends="COMPENSATED"),
        ]

        @pytest.fixture(autouse=True)
        def stock(self, transactional_db):
            Stock.objects.create(sku="tea", free=10)

        def invariants(self, ending: Ending) -> None:
            INVARIANT
"""
SOUND = "assert sum(Entry.objects.values_list('amount', flat=True)) == 30 * int(ending.completed)"
BROKEN = "calls = len(ending.calls); assert calls < 3, 'three calls'"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    pytester.makepyfile(test_order=PROJECT.replace("INVARIANT", BROKEN))
    return pytester


def test_without_an_option_each_story_is_run_once(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*::TestOrder::test_story?paid? PASSED*"])
    result.stdout.no_fnmatch_line("*saga-crash:*")


def test_with_it_each_crash_point_is_tried_and_the_shortest_story_told(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--saga-crash")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            'buy-tea, story "paid": * of 34 crash points break it. The shortest story: *',
            "    commit 1: *shop_stock*",
            "    !!! *",
            "What broke:",
            "  [*] three calls*",
            'Once more: pytest "test_order.py::TestOrder::test_story" --saga-crash-only "paid: *-1"',
            "It breaks too with: *",
            "*saga-crash: 2 stories, 55 crash points, 0 pairs of them; 0 not reached*",
        ]
    )


def test_a_run_is_repeated_by_its_name(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--saga-crash-only", "paid: loses-reply-1, dies-after-commit-3")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            'buy-tea, story "paid": it breaks when call 1 (ChargeCard) takes effect*; then the process dies*',
            "    !!! call 1 (ChargeCard) takes effect and its reply is lost",
            "    !!! the process dies just after commit 3 *",
        ]
    )


def test_a_name_that_is_no_crash_point_is_refused_with_those_there_are(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--saga-crash-only", "paid: dies-after-commit-99")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["paid has no crash point dies-after-commit-99; it has dies-before-commit-1, *"]
    )


def test_pairs_are_chosen_by_their_seed(project: pytest.Pytester) -> None:
    project.makepyfile(test_order=PROJECT.replace("INVARIANT", SOUND))
    result = project.runpytest_subprocess("--saga-crash-pairs", "5", "--saga-crash-seed", "7")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*saga-crash: 2 stories, 55 crash points, 10 pairs of them; 0 not reached*"])
