"""Draws a saga from its definition, so that a page cannot show another one.

A page marks the place by a line `<!-- saga: NAME -->` before a fenced block.
"""

import re
from collections.abc import Callable

from django_sagas.definitions import SAGAS, Saga, Step, always
from django_sagas.state import LOCAL, Kind

MARKED = re.compile(r"(<!-- saga: ([\w.-]+) -->\n```\w*\n)(.*?)(```)", re.DOTALL)


def draw(saga: type[Saga], *, here: str) -> str:
    """Forward on the left, downwards; back on the right, upwards. `here` names where local steps run."""
    rows = [(_where(step, here), _titled(step), step.compensation) for step in saga.steps]
    where, forward = (max(len(row[column]) for row in rows) for column in (0, 1))

    def line(*cells: str) -> str:
        return f" {cells[0]:{where}}   {cells[1]:{forward}}   {cells[2]}".rstrip()

    lines = [line("", "", "COMPENSATED" if _undone(saga, 0) else "")]
    for number, row in enumerate(rows):
        lines += [line("", "  ▼", "  ▲" if _undone(saga, number) else ""), line(*row)]
    return "\n".join([*lines, line("", "  ▼", ""), line("", "COMPLETED", "")]).strip("\n") + "\n"


def _where(step: Step, here: str) -> str:
    return here if step.participant == LOCAL else step.participant


def _titled(step: Step) -> str:
    marks = [] if step.kind == Kind.COMPENSATABLE else [step.kind.value]
    marks += [] if step.when is always else ["some sagas"]
    return f"{step.name} ({', '.join(marks)})" if marks else step.name


def _undone(saga: type[Saga], first: int) -> bool:
    """Whether a step from that one on has a compensation."""
    return any(step.compensation for step in saga.steps[first:])


def redraw(page: str, *, here: str) -> str:
    """The page with every marked picture as its definition is now. Raises KeyError for an unknown saga."""
    return MARKED.sub(_redrawn(here), page)


def _redrawn(here: str) -> Callable[[re.Match[str]], str]:
    return lambda found: found[1] + draw(SAGAS[found[2]], here=here) + found[4]
