"""The chaos run, `make chaos`: SEED=, SECONDS=, DB=sqlite|postgres, ENGINE=local|procrastinate, PROFILE=.

Exit code 0 when nothing is wrong and the run counts, 1 for a violation, 2 when it could not run,
3 when it was too easy to count, 130 when it was interrupted.
"""

import argparse
import secrets
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from proofs.chaos import last_seat
from proofs.chaos.offers import NoFlightsError
from proofs.chaos.plan import Plan, make_plan
from proofs.chaos.profiles import PROFILES
from proofs.chaos.run import Order, run
from proofs.chaos.verdict import Verdict
from scripts.paths import ROOT
from scripts.postgres import NoPostgresError
from scripts.prepare import PrepareError
from scripts.suite import StartError

CLEAN, VIOLATED, COULD_NOT_RUN, TOO_EASY, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.engine == "procrastinate" and options.db != "postgres":
        parser.error("ENGINE=procrastinate needs DB=postgres")
    profile = PROFILES[options.profile]
    seed = options.seed or secrets.token_hex(4)
    plan = make_plan(seed, options.seconds or profile.seconds, profile)
    if options.plan:
        _show(plan)
        return CLEAN
    whole = plan.seconds >= profile.seconds
    folder = options.folder / f"{options.db}-{options.engine}-{seed}"
    order = Order(profile, options.db, options.engine, folder, whole)
    _say(f"SEED={seed} {order.title}, {plan.seconds:.0f} s, schedule {plan.fingerprint}")
    return _run(plan, order)


def _run(plan: Plan, order: Order) -> int:
    shutil.rmtree(order.folder, ignore_errors=True)
    order.folder.mkdir(parents=True)
    began = time.monotonic()
    try:
        verdict = run(plan, order)
    except KeyboardInterrupt:
        _say(f"\nInterrupted; what there is stands in {order.folder}")
        return INTERRUPTED
    except (StartError, PrepareError, NoPostgresError, NoFlightsError) as error:
        _say(f"{error!r}; the log is {order.folder / 'suite.log'}")
        return COULD_NOT_RUN
    _conclude(verdict, order, time.monotonic() - began)
    unfair = _sell_last_seats(plan, order)
    return VIOLATED if verdict.violations or unfair else TOO_EASY if verdict.too_easy else CLEAN


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


def _conclude(verdict: Verdict, order: Order, seconds: float) -> None:
    for result in verdict.results:
        for violation in result.findings.violations[:5]:
            _say(f"FAIL {result.invariant.number} {violation.correlation_id} {violation.text}")
    for cid, text in verdict.broken[:20]:
        _say(f"FAIL {cid} {text}")
    for text in verdict.too_easy:
        _say(f"does not count: {text}")
    _say(f"{verdict.violations:,} violations, {seconds:.0f} s in all; {order.report}")


def _show(plan: Plan) -> None:
    for strike in plan.strikes:
        _say(f"{strike.at:8.2f}  {strike.signal.name} {strike.victim}")
    for bad in plan.bad_times:
        _say(f"{bad.at:8.2f}  {bad.fault} on {bad.edge} for {bad.seconds:.1f} s")
    _say(f"schedule {plan.fingerprint}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", default="", help="any text; the same one gives the same schedule")
    parser.add_argument("--seconds", type=float, help="how long there are faults")
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--engine", choices=("local", "procrastinate"), default="local")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="pr")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "chaos")
    parser.add_argument("--plan", action="store_true", help="print the schedule, and do nothing")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
