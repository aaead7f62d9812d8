"""What can go wrong with one call between two services, and what goes wrong with the n-th one."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """Each value's meaning stands beside it, for the report."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> "Fault":
        fault = str.__new__(cls, value)
        fault._value_, fault.meaning = value, meaning
        return fault

    REFUSE = "refuse", "nobody listens, and open connections are reset"
    DELAY = "delay", "the call arrives late; one in four later than its caller waits"
    TRICKLE = "trickle", "the answer comes a few bytes at a time"
    CUT = "cut", "the answer breaks off in the middle"
    DROP = "drop", "the call is carried out, the answer is lost"
    DUPLICATE = "duplicate", "the call is delivered twice at once"
    HOLD = "hold", "the call is cut off, and delivered seconds later"
    REPLAY = "replay", "the call is delivered once more seconds later"
    ERROR = "error", "the answer becomes a 500"
    REDIRECT = "redirect", "the answer becomes a 302"
    HTML = "html", "the answer becomes a proxy's page with status 200"
    STRANGER = "stranger", "the answer is the one to another saga"


# Not drawn per call: connections are refused during outages only.
PER_CALL = tuple(fault for fault in Fault if fault is not Fault.REFUSE)


@dataclass(frozen=True)
class Drawn:
    """What happens to one call. `delivered` matters where the fault leaves both open."""

    fault: Fault
    seconds: float
    delivered: bool


def draw(seed: str, edge: str, number: int, *, usual_share: float, bad: "BadTime | None") -> Drawn | None:
    """The fault of the `number`-th call on an edge: the same for the same seed, whatever else happens."""
    random = Random(f"{seed}/{edge}/{number}")
    share, usual = random.random(), random.choice(PER_CALL)
    fault = bad.fault if bad and share < bad.share else usual if share < usual_share else None
    if fault is None or fault is Fault.REFUSE:
        return None
    return Drawn(fault, _seconds(fault, random), delivered=random.random() < 0.5)


def _seconds(fault: Fault, random: Random) -> float:
    match fault:
        case Fault.DELAY:
            return random.uniform(8.5, 12) if random.random() < 0.25 else random.uniform(0.1, 2)
        case Fault.HOLD:
            return random.uniform(1, 12)
        case Fault.REPLAY:
            return random.uniform(0.5, 25)
        case Fault.TRICKLE:
            return random.uniform(0.005, 0.2)
        case _:
            return 0.0


@dataclass(frozen=True)
class BadTime:
    """For some seconds a share of the calls on one edge meets one fault."""

    at: float
    seconds: float
    edge: str
    fault: Fault
    share: float

    def covers(self, moment: float) -> bool:
        return self.at <= moment < self.at + self.seconds
