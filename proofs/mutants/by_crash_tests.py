"""What a crash test finds by itself of the bugs of participants, of the engine and of the booking."""

from collections.abc import Mapping
from dataclasses import replace

from proofs.mutants import in_participants, in_the_saga
from proofs.mutants.mutant import BACKEND, SAGAS, Mutant

CRASH_TESTS = {
    "shop": (SAGAS, "tests/test_crash_shop.py"),
    "booking": (BACKEND, "tests/test_saga_crash_points.py"),
}
"The shop has a participant of its own, on the package's guard; the booking's are fakes."

FINDERS: Mapping[str, tuple[str, ...]] = {
    "no-tombstone": ("shop",),
    "action-after-undo-succeeds": ("shop",),
    "replay-answers-a-new-body": ("shop",),
    "refusal-not-stored": ("shop",),
    "compensation-undoes-twice": ("shop",),
    "card-token-kept": ("shop", "booking"),
    "compensation-gives-up": ("shop", "booking"),
    "unknown-taken-for-refused": ("shop", "booking"),
    "event-without-its-sequence": ("shop", "booking"),
    "half-a-trip-held": ("booking",),
    "confirmation-sells-no-seat": ("booking",),
    "decision-sent-before-its-commit": ("shop", "booking"),
    "compensations-forwards": ("shop", "booking"),
    "unknown-step-not-undone": ("shop", "booking"),
    "lease-never-expires": ("shop", "booking"),
}


def _planted() -> list[Mutant]:
    every = {mutant.name: mutant for mutant in in_participants.MUTANTS + in_the_saga.MUTANTS}
    return [
        replace(every[name], name=f"{name} by the {who}", folder=folder, tests=(test,), only="")
        for name, finders in FINDERS.items()
        for who, (folder, test) in CRASH_TESTS.items()
        if who in finders
    ]


MUTANTS = tuple(_planted())
