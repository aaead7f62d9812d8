"""The specification's faults, the reading of verdicts, and a small part of the check."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from proofs.spec import __main__ as spec
from proofs.spec import tlc
from proofs.spec.models import BOOKING, FAULTS, MODELS, RETRIABLE

ENGINE = Path(__file__).resolve().parents[3] / "packages" / "django-sagas" / "django_sagas"
needs_tlc = pytest.mark.skipif(bool(tlc.why_not()), reason=f"TLC cannot run: {tlc.why_not()}")

HELD = """
Model checking completed. No error has been found.
60 states generated, 41 distinct states found, 0 states left on queue.
"""
VIOLATED = """
Error: Invariant OneEffect is violated.
Error: The behavior up to this point is:
State 1: <Initial predicate>
State 2: <Start line 131, col 5 to line 133, col 62 of module Saga>
1,926 states generated, 856 distinct states found, 383 states left on queue.
"""
NEVER_ENDS = """
Error: Temporal properties were violated.
State 1: <Initial predicate>
96 states generated, 50 distinct states found, 0 states left on queue.
"""


def test_every_fault_of_the_specification_is_planted_and_every_planted_one_stands_in_it() -> None:
    # Only the names of faults are of more than one word.
    named = set(re.findall(r"\"([a-z'-]+(?: [a-z'-]+)+)\"", tlc.SPECIFICATION.read_text()))
    planted = {fault.model.bug for fault in FAULTS} | {model.bug for model in MODELS if model.bug}
    assert named == planted


def test_the_rule_that_a_fault_breaks_stands_in_the_engine() -> None:
    text = "\n".join(file.read_text() for file in ENGINE.rglob("*.py"))
    for fault in FAULTS:
        for place in fault.rule.split(" and "):
            name = place.rpartition(".")[2]
            assert re.search(rf"(def {name}\b|^{name} = )", text, re.MULTILINE), fault.rule


def test_a_model_that_holds_is_read_with_its_number_of_states() -> None:
    verdict = tlc.read(HELD)
    assert (verdict.distinct, verdict.broken) == (41, "")


def test_a_violation_is_read_with_its_way() -> None:
    verdict = tlc.read(VIOLATED)
    assert (verdict.distinct, verdict.broken, verdict.way) == (856, "OneEffect", ("Initial", "Start"))


def test_a_saga_that_never_ends_is_a_violation() -> None:
    assert tlc.read(NEVER_ENDS).broken == "Temporal properties"


def test_a_run_that_did_not_end_is_no_verdict() -> None:
    with pytest.raises(tlc.Failed, match="OutOfMemory"):
        tlc.read("java.lang.OutOfMemoryError\n12 states generated, 9 distinct states found, 3 left")


def test_without_java_the_run_says_that_it_is_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert spec.main([]) == 0
    assert capsys.readouterr().out.startswith("SKIPPED")


@needs_tlc
def test_a_saga_of_retriable_steps_is_safe_and_ends() -> None:
    assert not tlc.check(replace(RETRIABLE, trouble=2)).broken


@needs_tlc
def test_peers_bug_is_found() -> None:
    """To undo only what is known to be done leaves what a lost reply hides."""
    fault = next(fault for fault in FAULTS if fault.name == "only what is done is undone")
    assert spec.find(fault).broken == "CompensatedMeansNone"


@needs_tlc
def test_too_few_states_fail_the_whole_run(capsys: pytest.CaptureFixture[str]) -> None:
    small = replace(BOOKING, trouble=0)
    assert list(spec._walk([small], complete=True)) == ["fewer than 1,000,000 states"]
    assert "distinct states" in capsys.readouterr().out
