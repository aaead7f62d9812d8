"""The pages know the events by the names that the engine emits: its `EventType` is their one source."""

from django_sagas.events import EventType

from ui.console import diagrams

ENDINGS = ("COMPLETED", "FAILED", "UNKNOWN", "RESOLVED")


def test_every_event_that_ends_a_try_ends_its_bar() -> None:
    of_a_try = {name for name in EventType if "STEP" in name or "COMPENSATION" in name}
    assert {name for name in of_a_try if name.endswith(ENDINGS)} == set(diagrams.ENDS)
    assert {name for name in of_a_try if name.endswith("STEP_STARTED")} == set(diagrams.STARTS)
