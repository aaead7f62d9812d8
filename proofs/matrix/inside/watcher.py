"""Asks the driver at every commit and call of this process what is to happen there."""

import os
import signal
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from django.db import OperationalError
from django_sagas.testing.commits import Statement

from proofs.matrix.inside import wire


class Watcher:
    def __init__(self, on_time: Callable[[datetime], None] = lambda now: None) -> None:
        self._on_time, self.has_raised = on_time, False

    def statement(self) -> None:
        """Nothing happens before one."""

    def before_commit(self, number: int, statement: Statement) -> None:
        self.ask(statement=statement)

    def after_commit(self, number: int, last: Statement, tables: Collection[str]) -> None:
        self.ask(statement=last, tables=list(tables))

    def ask(self, **message: Any) -> dict[str, Any]:
        wire.tell(**message)
        answer = wire.hear()
        assert answer is not None, "the driver answers"
        self._on_time(datetime.fromisoformat(answer["now"]))
        match answer.get("do"):
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "error":
                self.has_raised = True
                raise OperationalError("the database went away")
            case "bug":
                self.has_raised = True
                raise RuntimeError("a bug of our own")
        return answer
