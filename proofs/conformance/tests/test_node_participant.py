"""The participant in Node keeps every rule, and the messages are those of the schema."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from saga_conformance.participant import Participant
from saga_conformance.report import HELD, examine

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "node-participant" / "participant.mjs"
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "participant.schema.json").read_text())
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
BODY = {"data": {"rooms": 1}}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Hotel:
    """The process; `restart` kills it, so that only its file remembers."""

    def __init__(self, file: Path) -> None:
        self.port, self._file = free_port(), file
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        assert NODE is not None
        command = [NODE, str(EXAMPLE), str(self.port), str(self._file)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("listening")

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def participant(self) -> Participant:
        return Participant(
            f"{self.url}/api/saga/reserve-room/",
            f"{self.url}/api/saga/cancel-room/",
            BODY,
            other_body={"data": {"rooms": 2}},
            refused_body={"data": {"rooms": 5000}},
            refusals=["ROOM_UNAVAILABLE"],
            expected={"rooms": 1},
        )


@pytest.fixture
def hotel(tmp_path: Path) -> Iterator[Hotel]:
    hotel = Hotel(tmp_path / "records.jsonl")
    yield hotel
    hotel.kill()


@needs_node
def test_it_keeps_every_rule(hotel: Hotel) -> None:
    tried = {finding.rule: finding.verdict for finding in examine(hotel.participant())}
    assert {rule: verdict for rule, verdict in tried.items() if verdict != HELD} == {
        "a restart forgets nothing": "not tried"
    }


@needs_node
def test_a_kill_forgets_nothing(hotel: Hotel) -> None:
    participant = hotel.participant()
    first, undone = participant.act("kept"), participant.undo("undone")
    hotel.kill()
    hotel.start()
    assert participant.act("kept").raw == first.raw
    assert participant.undo("undone").raw == undone.raw
    assert participant.act("undone").status == 409


@needs_node
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"correlation_id": "a", **BODY}, "done"),
        ({"correlation_id": "b", "data": {"rooms": 5000}}, "refused"),
        ({"correlation_id": "c", "data": {}}, "problem"),
    ],
)
def test_its_answers_are_those_of_the_schema(hotel: Hotel, body: dict[str, Any], kind: str) -> None:
    answer = requests.post(f"{hotel.url}/api/saga/reserve-room/", json=body, timeout=10).json()
    for name in ("done", "refused", "problem"):
        whole = {"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{name}"}
        assert jsonschema.Draft202012Validator(whole).is_valid(answer) == (name == kind)


def test_the_bodies_of_the_page_are_those_of_the_schema() -> None:
    page = (ROOT / "docs" / "participants.md").read_text()
    (sent,) = (line.strip() for line in page.splitlines() if line.startswith('    {"correlation_id"'))
    whole = {"$defs": SCHEMA["$defs"], "$ref": "#/$defs/action"}
    jsonschema.Draft202012Validator(whole).validate(json.loads(sent))
