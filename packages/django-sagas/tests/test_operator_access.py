"""Whom the project lets see and act, and where it keeps what they did."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError
from django.test import RequestFactory
from django_sagas import views
from django_sagas.problems import Problem

from tests.operators import HOW, WHY, access, get, order, post, shell, this_world, trail, waiting
from tests.toy.steps import near
from tests.world import World, define

__all__ = ["access", "this_world"]
"Fixtures."

PATHS = (
    "",
    "definitions/",
    "overview/",
    "history/",
    "settlements/",
    "saga-1/",
    "saga-1/events/",
    "saga-1/export/",
)


def test_nothing_is_shown_to_callers_without_access(world: World) -> None:
    world.start(order())
    for path in PATHS:
        assert get(path, user="").status_code == 401
        assert get(path, user="auditor").status_code == 200
    for action in ("retry", "cancel", "resolve"):
        assert post(f"saga-1/{action}/", HOW, user="").status_code == 401
        assert post(f"saga-1/{action}/", HOW, user="auditor").status_code == 403
    assert trail() == []


def test_what_is_not_there_is_a_404(world: World) -> None:
    for path in ("none/", "none/events/", "none/export/"):
        assert get(path).status_code == 404
    for action in ("retry", "cancel", "resolve"):
        assert post(f"none/{action}/", HOW).status_code == 404
    with pytest.raises(CommandError, match="There is no saga none"):
        shell("show", "none")


class User:
    def __init__(self, *permissions: str, known: bool = True) -> None:
        self.permissions, self.is_authenticated = permissions, known

    def has_perm(self, name: str) -> bool:
        return name in self.permissions

    def get_username(self) -> str:
        return "ada"


VIEW, CHANGE = "sagas.view_sagarow", "sagas.change_sagarow"


@pytest.mark.parametrize(
    ("user", "changes", "status"),
    [
        (None, False, 401),
        (User(VIEW, CHANGE, known=False), False, 401),
        (User(), False, 403),
        (User(VIEW), True, 403),
        (User(VIEW), False, 200),
        (User(CHANGE), True, 200),
    ],
)
def test_without_a_setting_djangos_permissions_decide(user: Any, changes: bool, status: int) -> None:
    request: Any = RequestFactory().get("/")
    if user:
        request.user = user
    try:
        found = 200 if views.staff(request, changes=changes) == "ada" else 0
    except Problem as problem:
        found = problem.status
    assert found == status


def test_check_is_the_check_before_a_deploy(world: World) -> None:
    assert shell("check")[0].startswith("This release knows every step")
    waiting(world)
    define(near("Another"))
    with pytest.raises(CommandError, match="1 saga needs a step that this release does not know"):
        shell("check")


TOLD: list[str] = []


def keep(*, action: str, actor: str, **told: Any) -> None:
    TOLD.append(f"{actor} {action}")


def test_a_trail_of_the_projects_own_takes_the_place_of_the_table(
    world: World, settings: LazySettings
) -> None:
    settings.SAGA_TRAIL = f"{__name__}.keep"
    TOLD.clear()
    post(f"{waiting(world)}/retry/", WHY)
    assert (TOLD, trail()) == (["ops retry"], [])
