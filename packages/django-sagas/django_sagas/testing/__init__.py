"""Crash tests for sagas: `pytest --saga-crash`. Import it in tests only; it needs pytest."""

from django_sagas.testing.crash import CrashTest
from django_sagas.testing.participants import FakeParticipant, Participant, ProjectViews
from django_sagas.testing.story import Ending, Story

__all__ = ["CrashTest", "Ending", "FakeParticipant", "Participant", "ProjectViews", "Story"]
