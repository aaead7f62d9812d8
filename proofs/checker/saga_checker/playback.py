"""A saga's state as its events alone tell it, and what is wrong with their order."""

from collections.abc import Iterable, Mapping
from typing import Any

from saga_checker.rows import COMPENSATION, Event

NEEDS_NO_UNDO = {"PENDING", "REFUSED", "UNDONE", "RESOLVED"}


class Playback:
    def __init__(self, events: Iterable[Event], compensation: Mapping[str, str] = COMPENSATION) -> None:
        """`compensation` names the saga's own steps in their order, each with what undoes it."""
        self.status = ""
        self.compensation, self.order = compensation, tuple(compensation)
        self.steps = dict.fromkeys(compensation, "PENDING")
        self.attempts = dict.fromkeys([*compensation, *compensation.values()], 0)
        self.problems: list[str] = []
        for event in events:
            self._at = f"event {event.sequence}, {event.event_type}"
            handler = getattr(self, "_" + event.event_type.removeprefix("SAGA_").lower(), None)
            # An event type of a later version tells nothing that is known here.
            if handler is None:
                continue
            step = event.told.get("step")
            its_own = step is None or step in self.steps
            self._need(its_own, f"{step} is no step of this saga")
            if its_own:
                handler(event.told)

    def _need(self, holds: bool, why: str) -> None:
        if not holds:
            self.problems.append(f"{self._at}: {why}")

    def _need_status(self, *allowed: str) -> None:
        self._need(self.status in allowed, f"while the saga is {self.status or 'not begun'}")

    def _need_step(self, name: str, *allowed: str) -> None:
        self._need(self.steps[name] in allowed, f"while {name} is {self.steps[name]}")

    def _count(self, name: str, data: dict[str, Any]) -> None:
        self.attempts[name] += 1
        told = data.get("attempt")
        self._need(told == self.attempts[name], f"attempt {told} of {name} is number {self.attempts[name]}")

    def _started(self, data: dict[str, Any]) -> None:
        self._need_status("")
        self.status = "PENDING"

    def _step_started(self, data: dict[str, Any]) -> None:
        name = data["step"]
        self._need_status("PENDING", "RUNNING")
        for earlier in self.order[: self.order.index(name)]:
            self._need_step(earlier, "DONE")
        self._need_step(name, "PENDING", "STARTED", "UNKNOWN")
        self._count(name, data)
        self.status, self.steps[name] = "RUNNING", "STARTED"

    def _step_completed(self, data: dict[str, Any]) -> None:
        self._end(data["step"], "DONE")

    def _step_unknown(self, data: dict[str, Any]) -> None:
        self._end(data["step"], "UNKNOWN")

    def _step_failed(self, data: dict[str, Any]) -> None:
        self._end(data["step"], data["outcome"])

    def _end(self, name: str, outcome: str) -> None:
        self._need_status("RUNNING")
        self._need_step(name, "STARTED", "UNKNOWN")
        self.steps[name] = outcome

    def _compensation_started(self, data: dict[str, Any]) -> None:
        self._need_status("PENDING", "RUNNING", "COMPLETED")
        self.status = "COMPENSATING"

    def _compensation_step_started(self, data: dict[str, Any]) -> None:
        name = data["step"]
        self._need_status("COMPENSATING")
        for later in self.order[self.order.index(name) + 1 :]:
            self._need_step(later, *NEEDS_NO_UNDO)
        self._need_step(name, "STARTED", "UNKNOWN", "DONE", "UNDOING")
        self._count(self.compensation[name], data)
        self.steps[name] = "UNDOING"

    def _compensation_failed(self, data: dict[str, Any]) -> None:
        self._need_step(data["step"], "UNDOING")

    def _compensation_step_completed(self, data: dict[str, Any]) -> None:
        self._need_step(data["step"], "UNDOING")
        self.steps[data["step"]] = "UNDONE"

    def _compensation_resolved(self, data: dict[str, Any]) -> None:
        self._need_step(data["step"], "STARTED", "UNKNOWN", "DONE", "UNDOING")
        self.steps[data["step"]] = "RESOLVED"

    def _completed(self, data: dict[str, Any]) -> None:
        self._need_status("RUNNING")
        for name in self.order:
            self._need_step(name, "DONE")
        self.status = "COMPLETED"

    def _compensated(self, data: dict[str, Any]) -> None:
        self._need_status("PENDING", "RUNNING", "COMPENSATING")
        for name in self.order:
            self._need_step(name, *NEEDS_NO_UNDO)
        self.status = "COMPENSATED"
