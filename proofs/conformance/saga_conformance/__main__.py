"""Holds a participant against the rules of a saga.

    python -m saga_conformance --action URL [--compensation URL] --body FILE|JSON

Bodies are the requests without `correlation_id`. Exit code 0 when every rule that was tried holds, 1 when one
is broken, 2 when the participant cannot be reached, a step before it fails or the command is not understood.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from saga_conformance.participant import REFUSALS, NotPreparedError, Participant
from saga_conformance.report import BROKEN, HELD, UNTRIED, examine

HOLDS, VIOLATED, UNREACHABLE = 0, 1, 2
NOT_FOUND = 404
QUICK: dict[str, Any] = {"crowd": 4, "races": 1}


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    participant = Participant(
        given.action,
        given.compensation,
        given.body,
        other_body=given.other_body or _changed(given.body),
        refused_body=given.refused_body,
        headers=dict(given.header),
        before=given.before,
        refusals=tuple(given.refusal or REFUSALS),
        expected=dict(given.expect),
        restart=given.restart,
        **(QUICK if given.quick else {}),
    )
    if why_not := _unreachable(participant):
        sys.stderr.write(f"the participant does not answer: {why_not}\n")
        return UNREACHABLE
    try:
        return _report(participant)
    except NotPreparedError as error:
        sys.stderr.write(f"a step before it did not succeed: {error}\n")
        return UNREACHABLE
    except BrokenPipeError:
        # Whoever read the report has read enough of it. Python flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return VIOLATED


def _unreachable(participant: Participant) -> str:
    """Why no rule is tried; empty if every address is there. Without a body a call does nothing."""
    for address in filter(None, (participant.action, participant.compensation)):
        try:
            answer = participant.send("POST", address, b"")
        except requests.RequestException as error:
            return str(error)
        if answer.status == NOT_FOUND:
            return f"there is nothing at {address} (404)"
    return ""


def _report(participant: Participant) -> int:
    counts = dict.fromkeys((HELD, BROKEN, UNTRIED), 0)
    for finding in examine(participant):
        counts[finding.verdict] += 1
        sys.stdout.write(f"{finding}\n")
        sys.stdout.flush()
    sys.stdout.write(", ".join(f"{number} {verdict}" for verdict, number in counts.items()) + "\n")
    return VIOLATED if counts[BROKEN] else HOLDS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="saga_conformance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--action", required=True, metavar="URL")
    parser.add_argument(
        "--compensation",
        default="",
        metavar="URL",
        help="left out for a retriable step, which nothing undoes",
    )
    parser.add_argument(
        "--body", required=True, type=_body, metavar="FILE|JSON", help="a request that succeeds"
    )
    parser.add_argument(
        "--refused-body", type=_body, metavar="FILE|JSON", help="one that is refused for good"
    )
    parser.add_argument(
        "--other-body",
        type=_body,
        metavar="FILE|JSON",
        help="another request (default: the body with another booking_data.flight_fare, if it has one)",
    )
    parser.add_argument(
        "--before",
        nargs=2,
        action="append",
        default=[],
        metavar=("ACTION", "COMPENSATION"),
        help="URLs of a step that has to succeed first, with the same body; again for each further one",
    )
    parser.add_argument(
        "--refusal",
        action="append",
        metavar="CODE",
        help=f"a code by which the action may refuse; again for each (default: {', '.join(REFUSALS)})",
    )
    parser.add_argument(
        "--expect",
        type=_field,
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="what the action's answer must hold; VALUE is JSON, or else a text",
    )
    parser.add_argument(
        "--restart", default="", metavar="CMD", help="restarts the participant, whose memory is then lost"
    )
    parser.add_argument("--quick", action="store_true", help="4 calls at once instead of 20, one race of 5")
    parser.add_argument("--header", type=_header, action="append", default=[], metavar="'NAME: VALUE'")
    return parser


def _body(text: str) -> dict[str, Any]:
    """An object given as JSON, or the name of a file that holds one."""
    try:
        body = json.loads(text if text.lstrip().startswith("{") else Path(text).read_text())
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not isinstance(body, dict):
        raise argparse.ArgumentTypeError("is no JSON object")
    return body


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError("must be NAME: VALUE")
    return name.strip(), value.strip()


def _field(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("must be FIELD=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _changed(body: dict[str, Any]) -> dict[str, Any] | None:
    booking = body.get("booking_data")
    if not isinstance(booking, dict) or "flight_fare" not in booking:
        return None
    return {**body, "booking_data": {**booking, "flight_fare": booking["flight_fare"] + 1}}


if __name__ == "__main__":
    sys.exit(main())
