"""Operators by HTTP and from a shell, and sagas for them to act on."""

import json
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.http import HttpRequest
from django.test import Client
from django_sagas.definitions import Saga
from django_sagas.models import OperatorAction
from django_sagas.orchestrator import Orchestrator
from django_sagas.problems import Problem

from tests.toy.steps import far, near
from tests.world import World, define, never_arrives

WHY = {"reason": "the customer called"}
HOW = {"step": "Charge", "reason": "the bank was called", "evidence": "ticket 7"}


def from_header(request: HttpRequest, *, changes: bool) -> str:
    """The access of these tests: a name, and whether it may act."""
    name = request.headers.get("X-User", "")
    if not name:
        raise Problem(401, "NOT_AUTHENTICATED", "Who are you?")
    if changes and name == "auditor":
        raise Problem(403, "NOT_ALLOWED", "Auditors change nothing.")
    return name


@pytest.fixture(autouse=True)
def access(settings: LazySettings) -> None:
    settings.ROOT_URLCONF = "tests.operators_urls"
    settings.SAGA_ACCESS = f"{__name__}.from_header"


OURS: list[Orchestrator] = []


def ours() -> Orchestrator:
    """Of this process: at this world's time and with its participants."""
    return OURS[0]


@pytest.fixture(autouse=True)
def this_world(world: World, settings: LazySettings) -> None:
    OURS[:] = [world.orchestrator("operator's request")]
    settings.SAGA_ORCHESTRATOR = f"{__name__}.ours"


def get(path: str = "", user: str = "ops") -> Any:
    return Client().get(f"/sagas/{path}", headers={"X-User": user} if user else {})


def post(path: str, body: Any = None, user: str = "ops", **headers: str) -> Any:
    sent = {**({"X-User": user} if user else {}), **headers}
    return Client().post(f"/sagas/{path}", body, content_type="application/json", headers=sent)


def shell(*words: str) -> list[str]:
    out = StringIO()
    call_command("sagas", *words, stdout=out)
    return out.getvalue().splitlines()


def told(*words: str) -> list[Any]:
    return [json.loads(line) for line in shell(*words, "--json")]


def trail() -> list[tuple[str, str, str, str, str]]:
    columns = "actor", "action", "correlation_id", "reason", "evidence"
    return list(OperatorAction.objects.order_by("id").values_list(*columns))


def order() -> type[Saga]:
    return define(near("Reserve"), far("Charge"), near("Confirm", pivot=True))


def stuck(world: World) -> str:
    """Its compensation is not answered."""
    world.participant.always("UndoCharge", never_arrives)
    return world.start(order(), refused_by="Confirm").correlation_id


def waiting(world: World) -> str:
    world.participant.then("Charge", never_arrives)
    return world.start(order()).correlation_id
