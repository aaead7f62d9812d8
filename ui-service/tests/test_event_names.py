"""The pages know the events by the names that the backend emits, and import none of its code."""

import ast
from pathlib import Path

from ui import diagrams

DISPATCHER = Path(__file__).parents[2] / "backend-service" / "flight" / "saga_event_dispatcher.py"
ENDINGS = ("COMPLETED", "FAILED", "UNKNOWN", "RESOLVED")


def emitted() -> set[str]:
    """The values of the backend's `EventType`."""
    tree = ast.parse(DISPATCHER.read_text())
    (listed,) = [one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == "EventType"]
    values = [one.value for one in listed.body if isinstance(one, ast.Assign)]
    return {str(value.value) for value in values if isinstance(value, ast.Constant)}


def test_every_event_that_a_chart_waits_for_is_one_that_the_backend_emits() -> None:
    assert {*diagrams.STARTS, *diagrams.ENDS} <= emitted()


def test_every_event_that_ends_a_try_ends_its_bar() -> None:
    of_a_try = {name for name in emitted() if "STEP" in name or "COMPENSATION" in name}
    assert {name for name in of_a_try if name.endswith(ENDINGS)} == set(diagrams.ENDS)
    assert {name for name in of_a_try if name.endswith("STEP_STARTED")} == set(diagrams.STARTS)
