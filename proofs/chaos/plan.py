"""The schedule of a run, from its seed alone: which process is struck, which edge and database fails when."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from random import Random

from proofs.chaos.faults import BadTime, Fault
from proofs.chaos.outages import Outage, make_outages
from proofs.chaos.profiles import Profile

CALLERS, PARTICIPANTS = ("backend", "recovery"), ("payment", "loyalty")
EDGES = tuple(f"{caller}-{participant}" for caller in CALLERS for participant in PARTICIPANTS)
VICTIMS = ("backend", "recovery", "payment", "loyalty")
WEIGHTS = (3, 3, 2, 2)
FIRST_AT = 3.0
"A quiet beginning shows in the report what the suite does undisturbed."
LEASE = 10.0
PAIRED = 0.2
"The share of kills with another one within a second."


@dataclass(frozen=True)
class Strike:
    at: float
    victim: str
    signal: signal.Signals


@dataclass(frozen=True)
class Plan:
    seed: str
    seconds: float
    usual_share: float
    strikes: tuple[Strike, ...]
    bad_times: tuple[BadTime, ...]
    outages: tuple[Outage, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Two runs with the same one had the same schedule."""
        return sha256(repr(self).encode()).hexdigest()[:12]

    def bad_time(self, edge: str, moment: float) -> BadTime | None:
        return next((bad for bad in self.bad_times if bad.edge == edge and bad.covers(moment)), None)


def make_plan(seed: str, seconds: float, profile: Profile, database: str) -> Plan:
    """Chance for kills, stops, bad times and outages comes from four sources: none shifts another."""
    kills = _kills(Random(f"{seed}/kills"), seconds, profile.kill_every)
    stops = _stops(Random(f"{seed}/stops"), seconds, profile.stop_every)
    bad_times = _bad_times(Random(f"{seed}/network"), seconds, profile.bad_time_every)
    strikes = sorted(chain(kills, stops), key=lambda strike: strike.at)
    outages = make_outages(f"{seed}/database", seconds, database)
    return Plan(seed, seconds, profile.usual_share, tuple(strikes), tuple(bad_times), tuple(outages))


def _moments(random: Random, seconds: float, every: float) -> Iterator[float]:
    at = FIRST_AT + random.uniform(0, every)
    while at < seconds:
        yield at
        at += random.uniform(0.3, 1.7) * every


def _kills(random: Random, seconds: float, every: float) -> Iterator[Strike]:
    for at in _moments(random, seconds, every):
        first, second = random.choices(VICTIMS, WEIGHTS, k=2)
        yield Strike(at, first, signal.SIGKILL)
        if random.random() < PAIRED and second != first:
            yield Strike(at + random.uniform(0, 1), second, signal.SIGKILL)


def _stops(random: Random, seconds: float, every: float) -> Iterator[Strike]:
    """Each lasts longer than a lease: the owner resumes after another has claimed its sagas."""
    free_at = dict.fromkeys(VICTIMS, 0.0)
    for at in _moments(random, seconds, every):
        (victim,), lasts = random.choices(VICTIMS, WEIGHTS), LEASE + random.uniform(1, 4)
        if at < free_at[victim] or at + lasts > seconds:
            continue
        free_at[victim] = at + lasts
        yield Strike(at, victim, signal.SIGSTOP)
        yield Strike(at + lasts, victim, signal.SIGCONT)


def _bad_times(random: Random, seconds: float, every: float) -> Iterator[BadTime]:
    """Faults are dealt from a shuffled deck, so that each has its turn in a short run too."""
    deck: list[Fault] = []
    for at in _moments(random, seconds, every):
        deck = deck or random.sample(list(Fault), len(Fault))
        fault = deck.pop()
        edge = random.choices(EDGES, (3, 3, 1, 1))[0]
        yield BadTime(at, random.uniform(1.5, 5), edge, fault, share=random.uniform(0.4, 1))
