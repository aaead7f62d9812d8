"""Crash tests for sagas: `pytest --saga-crash`. Import it in tests only; it needs pytest."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_sagas.testing.crash import CrashTest as CrashTest
    from django_sagas.testing.participants import FakeParticipant as FakeParticipant
    from django_sagas.testing.participants import Participant as Participant
    from django_sagas.testing.participants import ProjectViews as ProjectViews
    from django_sagas.testing.story import Ending as Ending
    from django_sagas.testing.story import Story as Story

MODULES = {
    "CrashTest": "crash",
    "Ending": "story",
    "FakeParticipant": "participants",
    "Participant": "participants",
    "ProjectViews": "participants",
    "Story": "story",
}


def __getattr__(name: str) -> Any:
    """Loaded when asked for: a participant without the saga log uses `testing.commits` alone."""
    if name not in MODULES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
