"""A participant that only the saga's own steps name, such as one that was added to the suite."""

import json
import sqlite3
from contextlib import closing

import pytest

from saga_checker.__main__ import main
from tests.suite import AT, Suite

SCHEMA = "SELECT sql FROM sqlite_master WHERE name = 'guard_step_record'"
ADD_STEP = "UPDATE sagas_saga SET steps = json_insert(steps, '$[#]', json(?)) WHERE correlation_id = 'good'"
STEP = {
    "name": "ReserveRoom",
    "compensation": "CancelRoom",
    "participant": "hotel",
    "kind": "compensatable",
    "status": "DONE",
    "attempts": 1,
}
ROOM = {"success": True, "correlation_id": "good"}
FULL = {"success": False, "correlation_id": "stray", "error_code": "ROOM_UNAVAILABLE"}
CODELESS = {"success": False, "correlation_id": "stray", "error_code": ""}


@pytest.fixture
def hotel(suite: Suite) -> Suite:
    """A hotel's records beside the others, and none of the good booking."""
    (schema,) = suite.databases["loyalty"].execute(SCHEMA).fetchone()
    with closing(sqlite3.connect(suite.folder / "hotel.sqlite3")) as database:
        database.execute(schema)
    suite.databases["hotel"] = sqlite3.connect(suite.folder / "hotel.sqlite3", isolation_level=None)
    return suite


def record(suite: Suite, cid: str, state: str, answer: dict[str, object], caller: str = "") -> None:
    row = {"correlation_id": cid, "step": "ReserveRoom", "state": state, "caller": caller, "fingerprint": "f"}
    times = {"created_at": AT.format(3), "changed_at": AT.format(3)}
    suite.add("hotel", "guard_step_record", answer=json.dumps(answer), undo_answer="", **row, **times)


def test_a_completed_saga_stands_at_every_participant_of_its_own_steps(hotel: Suite) -> None:
    hotel.run("backend", ADD_STEP, json.dumps(STEP))
    assert "COMPLETED, and hotel's record of ReserveRoom is not recorded" in hotel.violations()[2]
    record(hotel, "good", "DONE", ROOM)
    assert 2 not in hotel.violations()


def test_an_answer_of_any_participant_needs_an_intent(hotel: Suite) -> None:
    record(hotel, "good", "DONE", ROOM)
    assert hotel.violations()[7] == ["ReserveRoom was answered, and its intent is in no event"]


def test_a_participant_refuses_with_a_code_of_its_own_but_not_without(hotel: Suite) -> None:
    record(hotel, "stray", "REFUSED", FULL)
    assert hotel.violations() == {}
    hotel.run("hotel", "UPDATE guard_step_record SET answer = ?", json.dumps(CODELESS))
    assert list(hotel.violations()) == [6]


def test_a_call_of_the_orchestrator_without_a_saga_is_an_orphan_at_any_participant(hotel: Suite) -> None:
    record(hotel, "stray", "DONE", {**ROOM, "correlation_id": "stray"}, caller="backend")
    assert "the orchestrator made its ReserveRoom" in hotel.violations()[10][0]


def test_the_program_finds_a_further_participant_in_the_folder_or_by_its_name(
    hotel: Suite, capsys: pytest.CaptureFixture[str]
) -> None:
    record(hotel, "stray", "REFUSED", CODELESS)
    assert main(["--data", str(hotel.folder)]) == 1
    named = [f"--{name}={hotel.folder}/{name}.sqlite3" for name in ("backend", "payment", "loyalty")]
    assert main(named) == 0
    assert main([*named, f"--participant=hotel={hotel.folder}/hotel.sqlite3"]) == 1
    assert "its record of ReserveRoom is REFUSED" in capsys.readouterr().out
