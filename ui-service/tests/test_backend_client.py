"""What a page makes of another service's answer."""

import pytest
import responses

from tests.desk import BACKEND
from ui.backend_client import Actor, NotFound, Rejected, ServiceTrouble, TooMany, Unavailable, get

PATH = "/api/bookings/ABC234/"
PAGE = "<html>Not here</html>"


@responses.activate
def trouble(status: int, body: str) -> type[ServiceTrouble]:
    responses.add("GET", BACKEND + PATH, status=status, body=body)
    with pytest.raises(ServiceTrouble) as caught:
        get("backend", PATH, actor=Actor("ada"))
    return type(caught.value)


@pytest.mark.parametrize("status", [200, 202, 400, 404, 409, 422, 502])
@pytest.mark.parametrize("body", [PAGE, "", "[]", '{"code": "A", "code": "B"}'])
def test_answer_that_is_not_the_services_says_nothing_definite(status: int, body: str) -> None:
    assert trouble(status, body) is Unavailable


@pytest.mark.parametrize(("status", "told"), [(404, NotFound), (409, Rejected), (503, Unavailable)])
def test_problem_of_the_service_is_told_as_it_is(status: int, told: type[ServiceTrouble]) -> None:
    assert trouble(status, '{"code": "CODE", "detail": "No."}') is told


def test_limit_is_a_limit_whoever_says_so() -> None:
    assert trouble(429, PAGE) is TooMany
