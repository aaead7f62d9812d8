"""A scenario is a function that takes the desk; its name is the sentence that is shown for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from proofs.e2e.desk import Desk

Function = TypeVar("Function", bound=Callable[..., None])


@dataclass(frozen=True)
class Scenario:
    group: str
    function: Callable[..., None]
    case: tuple[Any, ...] = ()
    own: bool = False
    "needs a suite that was started for it, because it kills its processes or waits for its deadlines"

    def __str__(self) -> str:
        words = self.function.__name__.replace("_", " ")
        return f"{words}: {self.case[0]}" if self.case else words

    def run(self, desk: Desk) -> None:
        self.function(desk, *self.case)


class Group:
    """Scenarios in the order in which they are told; `@group` adds one, `@group.cases(...)` one for each."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.scenarios: list[Scenario] = []

    def __call__(self, function: Function) -> Function:
        self.scenarios.append(Scenario(self.title, function))
        return function

    def own(self, function: Function) -> Function:
        self.scenarios.append(Scenario(self.title, function, own=True))
        return function

    def cases(self, *cases: tuple[Any, ...]) -> Callable[[Function], Function]:
        def add(function: Function) -> Function:
            self.scenarios.extend(Scenario(self.title, function, case) for case in cases)
            return function

        return add
