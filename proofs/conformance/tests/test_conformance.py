"""A sound participant keeps every rule; each defect breaks the rules that it ought to break."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from saga_conformance.__main__ import main
from saga_conformance.participant import Participant
from saga_conformance.report import BROKEN, HELD, UNTRIED, examine
from saga_conformance.rules import RULES, name_of
from tests.tiny import Tiny, serving

BODY = {"booking_data": {"flight_fare": 500}}
REFUSED = {**BODY, "simulate_failure": True}


def restarts(url: str) -> str:
    """A command that restarts the tiny participant."""
    ask = f"from urllib.request import *; urlopen(Request('{url}', method='DELETE'))"
    return f'{sys.executable} -c "{ask}"'


def verdicts(*defects: str, only: str = "") -> dict[str, str]:
    tried = [rule for rule in RULES if only in ("", name_of(rule))]
    with serving(Tiny(*defects)) as url:
        other = {"booking_data": {"flight_fare": 501}}
        participant = Participant(
            f"{url}/act/",
            f"{url}/undo/",
            BODY,
            other_body=other,
            refused_body=REFUSED,
            expected={"colour": "blue"},
            restart=restarts(url),
        )
        return {finding.rule: finding.verdict for finding in examine(participant, tried)}


def test_a_sound_participant_keeps_every_rule() -> None:
    assert set(verdicts().values()) == {HELD}
    assert len(verdicts()) == len(RULES) == 16


def test_a_retriable_step_is_tried_by_the_rules_that_need_no_compensation() -> None:
    with serving(Tiny()) as url:
        step = Participant(
            f"{url}/act/",
            "",
            BODY,
            other_body={"booking_data": {"flight_fare": 501}},
            refused_body=REFUSED,
            expected={"colour": "blue"},
            restart=restarts(url),
        )
        found = {finding.rule: finding.verdict for finding in examine(step)}
    assert set(found.values()) == {HELD, UNTRIED}
    untried = {rule for rule, verdict in found.items() if verdict == UNTRIED}
    assert untried == {rule for rule in found if "compensation" in rule}


@pytest.mark.parametrize(
    ("defect", "rule"),
    [
        ("new body", "a repeat gets the first answer word for word"),
        ("name twice", "a repeat gets the first answer word for word"),
        ("get-then-create", "many at once get one answer"),
        ("everything is compared", "unknown fields and the step number make no other request"),
        ("any request", "another request under the same id is 422"),
        ("undo forgets", "a compensation undoes and its repeat gets the same answer"),
        ("undo forgets", "many compensations at once undo once"),
        ("no tombstone", "a compensation of what never came succeeds and is a tombstone"),
        ("refusal not stored", "a refusal is sticky"),
        ("foreign refusal", "a refusal is sticky"),
        ("refusal forgotten", "a compensation of a refused action succeeds and keeps the refusal"),
        ("bad input stored", "malformed input is 400 and stores nothing"),
        ("any method", "another method or media type is refused as http has it"),
        ("plain errors", "an action after its compensation is 409"),
        ("memory only", "a restart forgets nothing"),
        ("another colour", "the answer says what was expected"),
        ("trace lost", "the correlation id comes back in every answer"),
        ("get-then-create", "an action that races its compensation is never live afterwards"),
    ],
)
def test_a_defect_breaks_its_rule(defect: str, rule: str) -> None:
    assert verdicts(defect, only=rule) == {rule: BROKEN}


def test_nothing_is_left_live_behind() -> None:
    tiny = Tiny()
    with serving(tiny) as url:
        list(examine(Participant(f"{url}/act/", f"{url}/undo/", BODY)))
    assert "DONE" not in {record["state"] for record in tiny.records.values()}


def test_steps_before_it_succeed_first_and_are_undone_afterwards() -> None:
    first, second = Tiny(), Tiny()
    with serving(first) as before, serving(second) as url:
        participant = Participant(
            f"{url}/act/", f"{url}/undo/", BODY, before=[(f"{before}/act/", f"{before}/undo/")]
        )
        assert BROKEN not in {finding.verdict for finding in examine(participant)}
    assert set(second.records) <= set(first.records)
    assert {record["state"] for record in first.records.values()} == {"UNDONE"}


def test_a_step_before_it_that_fails_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Tiny()) as before, serving(Tiny()) as url:
        first = ["--before", f"{before}/act/", f"{before}/undo/"]
        assert main([*arguments(url, json.dumps(REFUSED)), *first]) == 2
    assert "a step before it did not succeed: POST" in capsys.readouterr().err


def arguments(url: str, body: str) -> list[str]:
    return ["--action", f"{url}/act/", "--compensation", f"{url}/undo/", "--body", body]


def test_the_command_says_ok_for_each_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "body.json"
    file.write_text(json.dumps(BODY))
    with serving(Tiny()) as url:
        more = ["--refused-body", json.dumps(REFUSED), "--header", "X-Team: blue"]
        assert main([*arguments(url, str(file)), *more]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok         a repeat gets the first answer word for word"
    assert lines[-1] == "14 ok, 0 BROKEN, 2 not tried"


def test_the_command_tries_what_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Tiny()) as url:
        more = ["--expect", "colour=blue", "--restart", restarts(url), "--quick"]
        refused = ["--refused-body", json.dumps(REFUSED), "--refusal", "SIMULATED_FAILURE"]
        assert main([*arguments(url, json.dumps(BODY)), *more, *refused]) == 0
        other = [*refused[:2], "--refusal", "NO_ROOM", "--quick"]
        assert main([*arguments(url, json.dumps(BODY)), *other]) == 1
    out = capsys.readouterr().out
    assert "16 ok, 0 BROKEN, 0 not tried" in out
    assert "expected  an error_code of NO_ROOM" in out


def test_the_command_shows_what_was_sent_and_seen_where_a_rule_is_broken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(Tiny("no tombstone")) as url:
        assert main(arguments(url, json.dumps(BODY))) == 1
    out = capsys.readouterr().out
    assert (
        "BROKEN     a compensation of what never came succeeds and is a tombstone\n    sent      POST" in out
    )
    assert "    seen      200 {" in out and "    expected  status 409" in out
    assert f"{UNTRIED}  a refusal is sticky\n    needs --refused-body" in out


def test_a_participant_that_does_not_answer_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Tiny()) as url:
        pass
    assert main(arguments(url, json.dumps(BODY))) == 2
    assert "does not answer" in capsys.readouterr().err


@pytest.mark.parametrize("place", [1, 3], ids=["action", "compensation"])
def test_an_address_where_nothing_is_is_exit_code_2(place: int, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Tiny()) as url:
        given = arguments(url, json.dumps(BODY))
        given[place] += "nowhere/"
        assert main(given) == 2
    told = capsys.readouterr()
    assert f"there is nothing at {given[place]} (404)" in told.err and not told.out


def test_a_report_of_which_only_the_beginning_is_read_ends_without_a_traceback() -> None:
    with serving(Tiny()) as url:
        command = [sys.executable, "-m", "saga_conformance", *arguments(url, json.dumps(BODY)), "--quick"]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert running.stdout and running.stderr
        running.stdout.readline()
        running.stdout.close()
        told = running.stderr.read()
        running.stderr.close()
        assert (running.wait(), told) == (1, "")


@pytest.mark.parametrize("body", ["[]", "{", "no-such-file.json", '"text"'])
def test_a_body_that_is_none_is_not_understood(body: str) -> None:
    with pytest.raises(SystemExit):
        main(arguments("http://127.0.0.1:1", body))
