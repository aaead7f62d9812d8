"""`make spec`: walk every state of the models, then plant each fault and see that it is found.

python -m proofs.spec [--only models|faults] [-k part of a name] [--show]
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace

from proofs.spec import tlc
from proofs.spec.models import FAULTS, HARM, MODELS, Fault, Model
from proofs.spec.tlc import Verdict

FEWEST_STATES = 1_000_000
WRONG, INTERRUPTED = 1, 130


def main(arguments: Sequence[str]) -> int:
    given = _parse(arguments)
    if why := tlc.why_not():
        say(f"SKIPPED: the specification is not checked here, because {why}.")
        return 0
    models = [model for model in MODELS if given.k in model.name and given.only != "faults"]
    faults = [fault for fault in FAULTS if given.k in fault.name and given.only != "models"]
    wrong = [*_walk(models, complete=len(models) == len(MODELS)), *_plant(faults, show=given.show)]
    for each in wrong:
        say(f"WRONG: {each}")
    return WRONG if wrong else 0


def _parse(arguments: Sequence[str]) -> Namespace:
    parser = ArgumentParser(prog="spec", description="Check the specification of the saga.")
    parser.add_argument("-k", default="", metavar="NAME", help="only those whose name holds this")
    parser.add_argument("--only", choices=["models", "faults"], help="only the models, or the faults")
    parser.add_argument("--show", action="store_true", help="print each counterexample")
    return parser.parse_args(arguments)


def _walk(models: Sequence[Model], *, complete: bool) -> Iterator[str]:
    """What is wrong with the protocol as it is."""
    distinct = 0
    for model in models:
        began = time.monotonic()
        verdict = tlc.check(model)
        distinct += verdict.distinct
        seconds = time.monotonic() - began
        outcome = f"VIOLATES {verdict.broken}" if verdict.broken else "holds"
        say(f"{model.name:28} {verdict.distinct:9,} states {seconds:6.1f} s  {outcome}")
        if verdict.broken:
            say(verdict.text)
            yield f"{model.name} violates {verdict.broken}"
    if models:
        say(f"{distinct:,} distinct states")
    if complete and distinct < FEWEST_STATES:
        yield f"fewer than {FEWEST_STATES:,} states"


def _plant(faults: Sequence[Fault], *, show: bool) -> Iterator[str]:
    """The planted faults that are not found."""
    found = 0
    for fault in faults:
        verdict = find(fault)
        found += bool(verdict.broken)
        outcome = f"{verdict.broken} after {len(verdict.way)} steps" if verdict.broken else "NOT FOUND"
        say(f"{fault.name:36} {outcome:42} {fault.rule}")
        if show and verdict.broken:
            say("  " + " > ".join(verdict.way))
        if not verdict.broken:
            yield f"{fault.name} is not found"
    if faults:
        say(f"{found} of {len(faults)} planted faults found")


def find(fault: Fault) -> Verdict:
    """By the harm that it does; if it does none, by the rule that it breaks."""
    harm = replace(fault.model, invariants=HARM, properties=()) if fault.model.invariants else fault.model
    verdict = tlc.check(harm)
    return verdict if verdict.broken or harm is fault.model else tlc.check(fault.model)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(INTERRUPTED)
