"""What would fail at the first saga fails at the start."""

from io import StringIO
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django_sagas.definitions import definition_of
from pytest_django import Settings

from tests.toy.sagas import PlaceOrder
from tests.toy.steps import far, near
from tests.world import World, define


def found(identity: str) -> list[tuple[str, str | None]]:
    return [(each.msg, each.hint) for each in run_checks(tags=["sagas"]) if each.id == f"sagas.{identity}"]


def test_a_project_that_is_right_passes() -> None:
    define(near("Reserve"), far("Charge"))
    assert run_checks(tags=["sagas"]) == []


@pytest.mark.parametrize("retired", [False, True])
def test_a_participant_without_an_address_is_an_error(settings: Settings, retired: bool) -> None:
    step = far("Charge", at="moon")
    define(near("Reserve"), *([] if retired else [step]), retired=[step] if retired else [])
    expected = "toy: Charge runs at 'moon', which has no address.", "Add 'moon' to SAGA_PARTICIPANTS."
    assert found("E001") == [expected]
    settings.SAGA_PARTICIPANTS = {**settings.SAGA_PARTICIPANTS, "moon": "http://moon.test"}
    assert found("E001") == []


def test_an_engine_that_does_not_exist_is_an_error(settings: Settings) -> None:
    settings.SAGA_ENGINE = "steam"
    expected = "There is no SAGA_ENGINE 'steam'.", "Take one of local, procrastinate."
    assert found("E002") == [expected]


PATHS: dict[str, Any] = {
    "SAGA_CLIENT": "tests.nowhere.Client",
    "SAGA_ORCHESTRATOR": "Orchestrator",
    "SAGA_HEADERS": "tests.world.headers",
    "SAGA_ALARM": "tests.world.alarm",
    "SAGA_HOUSEKEEPING": [("tests.world.sweep", 60)],
}


@pytest.mark.parametrize("name", PATHS)
def test_a_path_that_leads_nowhere_is_an_error(settings: Settings, name: str) -> None:
    setattr(settings, name, PATHS[name])
    ((message, hint),) = found("E003")
    path = PATHS[name] if isinstance(PATHS[name], str) else PATHS[name][0][0]
    assert message.startswith(f"{name} names {path!r}: ")
    assert hint == "Give a dotted path."


def test_manage_check_fails_with_the_message() -> None:
    define(far("Charge", at="moon"))
    with pytest.raises(CommandError, match=r"sagas\.E001"):
        call_command("check", stdout=StringIO(), stderr=StringIO())


@pytest.mark.parametrize("command", ["sagas_check", "run_recovery"])
def test_commands_refuse_what_this_release_cannot_serve(world: World, command: str) -> None:
    definition = define(near("Reserve"), far("Charge"))
    assert world.start_and_die(definition, after=0)
    define(near("Reserve"))
    with pytest.raises((CommandError, SystemExit), match=r"1 saga needs a step .*: Charge"):
        call_command(command)


def test_a_definition_is_found_in_the_module_sagas_of_an_app() -> None:
    assert definition_of("place-order") is PlaceOrder
