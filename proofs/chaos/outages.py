"""What can happen to the databases, and when it does: from the seed alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Trouble(StrEnum):
    """Each value's meaning stands beside it, for the report."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> "Trouble":
        trouble = str.__new__(cls, value)
        trouble._value_, trouble.meaning = value, meaning
        return trouble

    RESTART = "restart", "the server is restarted, and cuts everybody off"
    CRASH = "crash", "the server ends without tidying up, and starts again"
    CUT = "cut", "connections of one service are ended, one after the other"
    EXHAUSTED = "exhausted", "one service gets no more than one connection"
    READ_ONLY = "read-only", "one service can read, and write nothing"
    DISK_FULL = "disk full", "no file can grow"
    MIGRATION = "migration", "a table of one service is changed, and locked for seconds"
    LOCKED = "locked", "somebody else writes for seconds"


SERVICES = ("backend", "payment", "loyalty")
WEIGHTS = (2, 1, 1)
OF_DATABASE: Mapping[str, tuple[Trouble, ...]] = {
    "postgres": tuple(trouble for trouble in Trouble if trouble is not Trouble.LOCKED),
    "sqlite": (Trouble.LOCKED, Trouble.READ_ONLY, Trouble.DISK_FULL),
}
OF_ALL = (Trouble.RESTART, Trouble.CRASH, Trouble.DISK_FULL)
FIRST_AT = 6.0
EVERY = (9.0, 14.0)
LASTS = (1.0, 4.0)


@dataclass(frozen=True)
class Outage:
    at: float
    seconds: float
    trouble: Trouble
    service: str
    "whose database; empty for all"


def make_outages(seed: str, seconds: float, database: str) -> Iterator[Outage]:
    """Dealt from a shuffled deck, so that each kind has its turn in a short run too."""
    random, deck = Random(f"{seed}/{database}"), list[Trouble]()
    at = random.uniform(FIRST_AT, EVERY[0])
    while at < seconds:
        deck = deck or random.sample(OF_DATABASE[database], len(OF_DATABASE[database]))
        trouble, (service,) = deck.pop(), random.choices(SERVICES, WEIGHTS)
        yield Outage(at, random.uniform(*LASTS), trouble, "" if trouble in OF_ALL else service)
        at += random.uniform(*EVERY)
