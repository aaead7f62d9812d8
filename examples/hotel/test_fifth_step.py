"""A fifth step, added to a copy of the suite: what it costs, and that everything takes it in."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proofs.e2e.commands import commands, each
from proofs.e2e.commands import run as run_page
from proofs.e2e.desk import Addresses, Body, Desk, booking, wait
from scripts.copies import copy_tree
from scripts.paths import VENV

PATCH = Path(__file__).with_name("fifth-step.patch")
(README,) = commands(Path(__file__).with_name("README.md")).values()
MAKE, APPLY, START, BOOK = each(README)
MOST_FILES, MOST_LINES = 3, 20
FORWARD = ["ReserveSeat", "AuthorizePayment", "AwardMiles", "ReserveRoom", "ConfirmBooking"]
ROOM_PRICE = 90
PYTHON = str(VENV / "bin" / "python")
MAKE_TEST = [PYTHON, "-m", "scripts.check", "test"]
DATABASE = os.environ.get("DB") or "sqlite"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
SERVER = """
import contextlib, os, subprocess, sys
from scripts.postgres import private_server
postgres = os.environ["DB"] == "postgres"
with private_server(durable=False) if postgres else contextlib.nullcontext() as server:
    databases = server.make_databases() if server else {}
    urls = {f"{name.upper()}_DATABASE_URL": url for name, url in databases.items()}
    sys.exit(subprocess.run(sys.argv[1:], env=os.environ | urls).returncode)
"""
"Runs a command beside databases that are its own."


@dataclass(frozen=True)
class WithHotel(Addresses):
    hotel: str = ""


class Suite(Desk):
    def __init__(self, tree: Path, data: Path, urls: Mapping[str, str], databases: Mapping[str, str]) -> None:
        super().__init__(WithHotel(**urls))
        self.tree, self.data, self.databases, self.urls, self.hotel = (
            tree,
            data,
            databases,
            urls,
            urls["hotel"],
        )

    def trip(self, **more: Any) -> Body:
        """The answer of a booking that has ended, whichever."""
        return self.book(booking(self.flight(), **more))

    def cancel(self, made: Body) -> Body:
        path = f"/api/bookings/{made['booking_reference']}/cancel/"
        return self.post("backend", path, {}).expect(200)

    def undone(self, made: Body) -> list[str]:
        events = self.events(made["correlation_id"])
        ended = [event for event in events if event["event_type"] == "SAGA_COMPENSATION_STEP_COMPLETED"]
        return [event["data"]["step"] for event in ended]

    def rooms(self, made: Body) -> list[str]:
        """The states of the hotel's records of this booking."""
        records = self.get("hotel", "/api/saga/records/").expect(200)["results"]
        return [one["state"] for one in records if one["correlation_id"] == made["correlation_id"]]

    def open_for_its_traveller(self, made: Body) -> None:
        """As somebody with the reference and a last name; the session keeps it open."""
        form = {"reference": made["booking_reference"], "surname": "Lovelace"}
        token = TOKEN.search(self.page("/trips/find/"))
        assert token
        form["csrfmiddlewaretoken"] = token[1]
        assert self.call("POST", "ui", "/trips/find/", data=form).status == 302

    def page(self, path: str) -> str:
        answer = self.get("ui", path)
        assert answer.status == 200, answer.text
        return answer.text


def run(tree: Path, *command: str, folder: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=tree / folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite with the hotel, made by the two commands that the README gives."""
    tree = copy_tree(tmp_path_factory.mktemp("hotel") / "suite")
    (tree / ".venv").symlink_to(VENV)
    made = run(tree, PYTHON, "-m", "scripts.new_service", NAME="hotel")
    assert made.returncode == 0, made.stderr
    assert (MAKE, START) == ("make new-service NAME=hotel", "make run")
    applied = run(tree, *APPLY.split())
    assert applied.returncode == 0, applied.stderr
    return tree


@pytest.fixture(scope="module")
def suite(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    data = tmp_path_factory.mktemp("data")
    command = [PYTHON, "-m", "examples.hotel.serve", str(data), DATABASE]
    with subprocess.Popen(
        command, cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdin
        line = process.stdout.readline()
        assert line, (data / "suite.log").read_text()[-3000:]
        yield Suite(tree, data, **json.loads(line))
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_fifth_step_costs_its_service_and_at_most_three_files_and_twenty_lines() -> None:
    lines = PATCH.read_text(encoding="utf-8").splitlines()
    files = [line for line in lines if line.startswith("+++ ")]
    added = [line for line in lines if line.startswith("+") and line not in files]
    assert (len(files) <= MOST_FILES, len(added) <= MOST_LINES) == (True, True), (files, len(added))


def test_the_new_service_passes_its_own_tests(tree: Path) -> None:
    check = [PYTHON, "-m", "scripts.postgres", "test"] if DATABASE == "postgres" else MAKE_TEST
    found = run(tree, *check, "hotel")
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_scenario_of_the_end_to_end_script_holds_in_the_suite_of_five_services(tree: Path) -> None:
    """None of them asks for a room: what was there before the step goes on as it was."""
    script = [PYTHON, "test_saga_implementation.py", "--own"]
    found = run(tree, PYTHON, "-c", SERVER, *script, DB=DATABASE, PYTHONPATH=str(tree))
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_booking_with_a_room_runs_five_steps_and_is_paid_with_its_price(suite: Suite) -> None:
    flight = suite.flight()
    price = suite.book(booking(flight))["amount"]
    made = suite.book(booking(flight, room="standard", expected_amount=float(price + ROOM_PRICE)))
    assert (made["status"], made["steps_completed"]) == ("COMPLETED", 5)
    assert [step["name"] for step in suite.status(made["correlation_id"])["steps"]] == FORWARD
    payment = suite.get("payment", f"/api/payments/{made['correlation_id']}/").expect(200)
    assert payment["amount"] == made["amount"] == price + ROOM_PRICE
    assert suite.rooms(made) == ["DONE"]


def test_a_quote_without_the_rooms_price_is_refused(suite: Suite) -> None:
    flight = suite.flight()
    price = suite.book(booking(flight))["amount"]
    refused = suite.book(booking(flight, room="standard", expected_amount=float(price)))
    assert refused["error_code"] == "PRICE_CHANGED"
    assert suite.rooms(refused) == []


def test_a_booking_without_a_room_has_no_such_step(suite: Suite) -> None:
    made = suite.trip()
    assert (made["status"], made["steps_completed"]) == ("COMPLETED", 4)
    assert "ReserveRoom" not in [step["name"] for step in suite.status(made["correlation_id"])["steps"]]
    assert suite.rooms(made) == []


def test_a_refused_room_is_undone_in_strict_reverse_and_never_called_back(suite: Suite) -> None:
    last = json.loads(run_page(BOOK, suite.urls, {}))
    assert last["status"] == "COMPLETED"
    made = suite.trip(room="premium")
    assert (made["status"], made["failed_step"], made["error_code"]) == (
        "COMPENSATED",
        "ReserveRoom",
        "ROOM_UNAVAILABLE",
    )
    undone = ["AwardMiles", "AuthorizePayment", "ReserveSeat"]
    assert suite.undone(made) == undone
    assert suite.rooms(made) == ["REFUSED"]
    suite.cancel(last)
    assert suite.trip(room="premium")["status"] == "COMPLETED"


def test_a_later_failure_gives_the_room_back_first(suite: Suite) -> None:
    made = suite.trip(room="standard", simulate_confirmbooking_fail=True)
    assert suite.undone(made) == FORWARD[3::-1]
    assert suite.rooms(made) == ["UNDONE"]


def test_the_steps_own_failure_switch_and_fault_console_are_there(suite: Suite) -> None:
    refused = suite.trip(room="standard", simulate_reserveroom_fail=True)
    assert (refused["failed_step"], refused["error_code"]) == ("ReserveRoom", "SIMULATED_FAILURE")
    faults = [{"step": "ReserveRoom", "kind": "lose_reply", "times": 1}]
    suite.call("PUT", "hotel", "/api/demo/faults/", json={"faults": faults}).expect(200)
    accepted = suite.start(booking(suite.flight(), room="standard")).body
    ended = suite.ended(accepted["correlation_id"])
    assert (ended["status"], ended["steps"][3]["attempts"]) == ("COMPLETED", 2)
    assert suite.rooms(accepted) == ["DONE"]
    page = suite.page("/faults/")
    assert ">ReserveRoom</option>" in page and "hotel" in page


def test_a_cancelled_booking_gives_its_room_back_before_everything_else(suite: Suite) -> None:
    made = suite.trip(room="standard")
    suite.cancel(made)
    assert suite.undone(made) == list(reversed(FORWARD))
    assert suite.rooms(made) == ["UNDONE"]


def test_the_console_shows_the_fifth_lane(suite: Suite) -> None:
    made = suite.trip(room="standard")
    suite.cancel(made)
    page = suite.page(f"/console/{made['correlation_id']}/")
    assert "ReserveRoom" in page and "CancelRoom" in page


def test_the_traveller_reads_of_the_room_in_its_own_words(suite: Suite) -> None:
    made = suite.trip(room="standard")
    suite.open_for_its_traveller(made)
    progress = f"/progress/{made['correlation_id']}/?how=1"
    assert "Your room is reserved" in suite.page(progress)
    suite.cancel(made)
    page = suite.page(progress)
    assert "The room was given back" in page and "ReserveRoom" not in page


def test_the_pictures_of_the_pages_are_drawn_with_the_fifth_step(tree: Path) -> None:
    drawn = run(tree, PYTHON, "-m", "pytest", "-q", "tests/test_saga_picture.py", folder="backend-service")
    assert drawn.returncode == 1 and "make pictures" in drawn.stdout
    draw = [PYTHON, "manage.py", "sagas_picture", "--here", "backend", "../README.md"]
    made = run(tree, *draw, folder="backend-service", DEMO_MODE="1")
    assert made.returncode == 0, made.stderr
    assert "hotel     ReserveRoom (some sagas)   CancelRoom" in (tree / "README.md").read_text()


def test_the_conformance_kit_finds_nothing_at_the_hotel(suite: Suite) -> None:
    address = f"{suite.hotel}/api/saga"
    body = {"booking_data": {"room": "standard", "price": 90}}
    found = run(
        suite.tree,
        PYTHON,
        "-m",
        "saga_conformance",
        f"--action={address}/reserve-room/",
        f"--compensation={address}/cancel-room/",
        f"--body={json.dumps(body)}",
        f"--other-body={json.dumps({'booking_data': {'room': 'standard', 'price': 91}})}",
        f"--refused-body={json.dumps({'booking_data': {'room': 'cave', 'price': 90}})}",
        "--refusal=ROOM_UNAVAILABLE",
        folder="proofs/conformance",
    )
    assert found.returncode == 0 and "0 BROKEN" in found.stdout, found.stdout + found.stderr


def test_the_checker_finds_nothing_and_reads_the_hotels_records(suite: Suite) -> None:
    suite.trip(room="standard")
    wait(lambda: not suite.open_sagas(), "no settlement is open any more")
    known = {name: url for name, url in suite.databases.items() if name not in ("ui", "hotel")}
    where = [f"--{name}={url}" for name, url in known.items()]
    hotel = f"--participant=hotel={suite.databases['hotel']}"
    found = run(suite.tree, PYTHON, "-m", "saga_checker", *where, hotel, f"--log={suite.data / 'suite.log'}")
    assert found.returncode == 0, found.stdout + found.stderr
