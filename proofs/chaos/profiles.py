"""How long, how hard, and what a run must have been to count."""

from collections.abc import Mapping
from dataclasses import dataclass, field

LEAST_COMPLETED, LEAST_COMPENSATED = 0.40, 0.20
TERMINAL_WITHIN = 60.0


@dataclass(frozen=True)
class Profile:
    name: str
    seconds: float
    clients: int
    kill_every: float
    "seconds between two SIGKILLs, on average"
    stop_every: float
    "seconds between two SIGSTOPs, on average"
    bad_time_every: float
    "seconds between two bad times of some edge, on average"
    usual_share: float
    "of the calls that meet a fault outside a bad time"
    least_sagas: int
    "of all definitions"
    least_kills: int
    least_outages: int
    "faults of databases"
    deploy_every: float = 0.0
    "seconds between two deploys, each of another release than the one before; 0: none"
    last_seat_rounds: int = 0
    "rounds of many buyers for one seat afterwards, in a suite of their own"
    environment: Mapping[str, str] = field(default_factory=dict)
    "settings that are not as in production"


# Shorter than production's, so that its end is reached and seen in a short run, and so that a saga whose
# call is never answered has ended within the time that everything has for it.
SHORT, HALF = {"SAGA_FORWARD_DEADLINE": "15"}, {"SAGA_FORWARD_DEADLINE": "30"}

PR = Profile(
    name="pr",
    seconds=450,
    clients=24,
    kill_every=3.8,
    stop_every=35.0,
    bad_time_every=4.0,
    usual_share=0.06,
    least_sagas=2_000,
    least_kills=100,
    least_outages=25,
    environment=SHORT,
)
NIGHTLY = Profile(
    name="nightly",
    seconds=9_000,
    clients=24,
    kill_every=3.0,
    stop_every=60.0,
    bad_time_every=5.0,
    usual_share=0.2,
    least_sagas=100_000,
    least_kills=3_000,
    least_outages=200,
    last_seat_rounds=500,
    environment=HALF,
)
UPGRADE = Profile(
    name="upgrade",
    seconds=240,
    clients=24,
    kill_every=20.0,
    stop_every=60.0,
    bad_time_every=4.0,
    usual_share=0.2,
    least_sagas=500,
    least_kills=8,
    least_outages=10,
    deploy_every=6.0,
    environment=SHORT,
)
PROFILES = {profile.name: profile for profile in (PR, NIGHTLY, UPGRADE)}
