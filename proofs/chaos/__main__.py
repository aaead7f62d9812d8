"""The chaos run, `make chaos`: SEED=, SECONDS=, DB=sqlite|postgres, ENGINE=local|procrastinate, PROFILE=.

With PARTS= it plays one part of a long run, the first that is missing or PART=; the sums of those that were
played stand in a file beside their folders, and are printed. The same SEED and PARTS go on with the same run.

Exit code 0 when nothing is wrong and the run counts, 1 for a violation, 2 when it could not run,
3 when it was too easy to count, 130 when it was interrupted. A part counts with all others.
"""

import argparse
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from proofs.chaos import last_seat
from proofs.chaos.offers import NoFlightsError
from proofs.chaos.parts import Parts
from proofs.chaos.plan import Plan, make_plan
from proofs.chaos.profiles import PROFILES, Profile
from proofs.chaos.run import Order, run
from proofs.chaos.tally import Tally
from proofs.chaos.verdict import Verdict
from scripts.paths import ROOT
from scripts.postgres import NoPostgresError
from scripts.prepare import PrepareError
from scripts.suite import StartError

CLEAN, VIOLATED, COULD_NOT_RUN, TOO_EASY, INTERRUPTED = 0, 1, 2, 3, 130
FAILED = (StartError, PrepareError, NoPostgresError, NoFlightsError)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.engine == "procrastinate" and options.db != "postgres":
        parser.error("ENGINE=procrastinate needs DB=postgres")
    if options.parts and not options.seed:
        parser.error("PARTS= needs SEED=: all parts are of one run")
    profile = PROFILES[options.profile]
    options.seed = options.seed or secrets.token_hex(4)
    return _play_part(options, profile) if options.parts else _play(options, profile)


def _play(options: argparse.Namespace, profile: Profile) -> int:
    plan = make_plan(options.seed, options.seconds or profile.seconds, profile, options.db)
    if options.plan:
        _show(plan)
        return CLEAN
    order = _order(options, profile, options.seed, whole=plan.seconds >= profile.seconds)
    verdict = _run(plan, order)
    if isinstance(verdict, int):
        return verdict
    _tell(verdict.tally, verdict.too_easy)
    unfair = _sell_last_seats(plan, order)
    return VIOLATED if verdict.violations or unfair else TOO_EASY if verdict.too_easy else CLEAN


def _play_part(options: argparse.Namespace, profile: Profile) -> int:
    """One, and the sum of all that were played."""
    name = f"{profile.name}-{options.db}-{options.engine}-{options.seed}"
    parts = Parts(options.folder / f"{name}.json", options.parts)
    number = options.part or parts.next
    if number is None:
        return _conclude(parts, profile)
    seconds = options.seconds or profile.seconds / options.parts
    plan = make_plan(parts.seed(options.seed, number), seconds, profile, options.db)
    if options.plan:
        _show(plan)
        return CLEAN
    verdict = _run(plan, _order(options, profile, f"{options.seed}-{number}", whole=False))
    if isinstance(verdict, int):
        return verdict
    parts.add(number, verdict.tally)
    _say(f"part {number}:")
    _tell(verdict.tally, ())
    concluded = _conclude(parts, profile)
    return VIOLATED if verdict.violations else concluded


def _conclude(parts: Parts, profile: Profile) -> int:
    """Of all parts so far; they are held against the profile when none is missing."""
    tally, whole = parts.sum, parts.is_whole
    _say(f"{len(parts.done)} of {parts.number} parts ({parts.file}):")
    too_easy = list(tally.too_easy(profile, whole=True)) if whole else []
    _tell(tally, too_easy)
    return VIOLATED if whole and tally.violations else TOO_EASY if too_easy else CLEAN


def _order(options: argparse.Namespace, profile: Profile, seed: str, *, whole: bool) -> Order:
    folder = options.folder / f"{options.db}-{options.engine}-{seed}"
    return Order(profile, options.db, options.engine, folder, whole)


def _run(plan: Plan, order: Order) -> Verdict | int:
    """The verdict, or the exit code of a run without one."""
    _say(f"SEED={plan.seed} {order.title}, {plan.seconds:.0f} s, schedule {plan.fingerprint}")
    shutil.rmtree(order.folder, ignore_errors=True)
    order.folder.mkdir(parents=True)
    began = time.monotonic()
    try:
        verdict = run(plan, order)
    except KeyboardInterrupt:
        _say(f"\nInterrupted; what there is stands in {order.folder}")
        return INTERRUPTED
    except FAILED as error:
        _say(f"{error!r}; the log is {order.folder / 'suite.log'}")
        return COULD_NOT_RUN
    for result in verdict.results:
        for violation in result.findings.violations[:5]:
            _say(f"FAIL {result.invariant.number} {violation.correlation_id} {violation.text}")
    for cid, text in verdict.broken[:20]:
        _say(f"FAIL {cid} {text}")
    _say(f"{time.monotonic() - began:.0f} s in all; {order.report}")
    return verdict


def _tell(tally: Tally, too_easy: Iterable[str]) -> None:
    for line in tally.lines():
        _say(line)
    for text in too_easy:
        _say(f"does not count: {text}")


def _sell_last_seats(plan: Plan, order: Order) -> bool:
    """As many rounds as the run's share of its profile; whether one of them was unfair."""
    rounds = int(order.profile.last_seat_rounds * min(1.0, plan.seconds / order.profile.seconds))
    if not rounds:
        return False
    folder = order.folder / "last-seat"
    played = last_seat.play(folder, database=order.database, engine=order.engine, rounds=rounds)
    for wrong in played.complaints:
        _say(f"FAIL {wrong}")
    _say(str(played))
    return bool(played.complaints)


def _show(plan: Plan) -> None:
    for strike in plan.strikes:
        _say(f"{strike.at:8.2f}  {strike.signal.name} {strike.victim}")
    for bad in plan.bad_times:
        _say(f"{bad.at:8.2f}  {bad.fault} on {bad.edge} for {bad.seconds:.1f} s")
    for outage in plan.outages:
        _say(f"{outage.at:8.2f}  {outage.trouble} of {outage.service or 'all'} for {outage.seconds:.1f} s")
    _say(f"schedule {plan.fingerprint}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", default="", help="any text; the same one gives the same schedule")
    parser.add_argument("--seconds", type=float, help="how long there are faults")
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--engine", choices=("local", "procrastinate"), default="local")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="pr")
    parser.add_argument("--parts", type=int, help="of how many parts the run is")
    parser.add_argument("--part", type=int, help="which to play; the first that is missing")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "chaos")
    parser.add_argument("--plan", action="store_true", help="print the schedule, and do nothing")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Unmounts its disk and ends its server.
    sys.exit(main())
