"""One line a rule; under a broken one what was sent, what was seen, and what should have been."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import requests

from saga_conformance.participant import NotTried, Participant
from saga_conformance.rules import RULES, Broken, Rule, name_of

HELD, BROKEN, UNTRIED = "ok", "BROKEN", "not tried"


@dataclass(frozen=True)
class Finding:
    rule: str
    verdict: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.verdict:10} {self.rule}" + (f"\n{self.why}" if self.why else "")


def examine(participant: Participant, rules: list[Rule] = RULES) -> Iterator[Finding]:
    """Try every rule, whatever the others said."""
    for rule in rules:
        yield _try(participant, rule)


def _try(participant: Participant, rule: Rule) -> Finding:
    name = name_of(rule)
    try:
        _tidily(participant, rule)
    except Broken as broken:
        seen = "".join(f"    sent      {one.sent}\n    seen      {one}\n" for one in broken.seen)
        return Finding(name, BROKEN, f"{seen}    expected  {broken.expected}")
    except NotTried as missing:
        return Finding(name, UNTRIED, f"    {missing}")
    except requests.RequestException as error:
        return Finding(name, BROKEN, f"    {type(error).__name__}: {error}")
    return Finding(name, HELD)


def _tidily(participant: Participant, rule: Callable[[Participant], None]) -> None:
    try:
        rule(participant)
    finally:
        participant.tidy()
