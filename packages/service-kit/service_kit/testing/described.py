"""Tests that a service's OpenAPI schema is complete."""

import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, get_resolver
from rest_framework.views import APIView

from service_kit.api import ServiceView
from service_kit.saga_steps import StepView

UNDESCRIBED = {"/", "/api/", "/api/schema/", "/api/docs/"}
WITHOUT_EXAMPLE = {"/api/demo/faults/"}
METHODS = ("get", "post", "put", "patch", "delete")
# Statuses of every operation, of those with a body, and of steps.
ALWAYS = {"401", "403", "405", "414", "429", "503"}
OF_A_BODY = {"400", "413", "415"}
OF_A_STEP = {"200", "409", "422"}


@pytest.mark.django_db
class DescribedService:
    """Subclass it in each service with its `steps`, as their addresses name them."""

    steps: ClassVar[tuple[str, ...]]

    def test_schema_is_valid_without_a_warning_and_describes_every_route(self, tmp_path: Path) -> None:
        paths = assert_every_route_is_described(tmp_path)
        for step in self.steps:
            responses = paths[f"/api/saga/{step}/"]["post"]["responses"]
            assert set(responses) >= {"200", "400", "401", "403", "409", "413", "415", "422", "503"}

    def test_schema_and_its_page_are_served(self, client: Client) -> None:
        assert client.get("/api/schema/").status_code == 200
        assert b"swagger" in client.get("/api/docs/").content


def patterns() -> dict[str, URLPattern]:
    """Every address of the service, its parameters written as the schema writes them."""
    found = (pattern for pattern in get_resolver().url_patterns if isinstance(pattern, URLPattern))
    return {"/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(each.pattern)): each for each in found}


def view_of(pattern: URLPattern) -> type[APIView]:
    view: type[APIView] = pattern.callback.cls  # type: ignore[attr-defined]
    return view


def described(folder: Path) -> dict[str, Any]:
    """The schema, which must be valid and made without a warning."""
    file = folder / "schema.yml"
    call_command("spectacular", file=str(file), validate=True, fail_on_warn=True)
    paths: dict[str, Any] = yaml.safe_load(file.read_text())["paths"]
    return paths


def assert_every_route_is_described(folder: Path) -> dict[str, Any]:
    """With every method that it takes, every answer that it may give, and examples of what is sent."""
    paths = described(folder)
    assert set(paths) == set(patterns()) - UNDESCRIBED
    for path, operations in paths.items():
        view = view_of(patterns()[path])
        assert set(operations) == {method for method in METHODS if hasattr(view, method)}, path
        for method, operation in operations.items():
            missing = _answers(view, operation) - set(operation["responses"])
            assert not missing, (method, path, missing)
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert content.get("examples") or path in WITHOUT_EXAMPLE, (method, path)
    return paths


def _answers(view: type[APIView], operation: dict[str, Any]) -> set[str]:
    if not issubclass(view, ServiceView):
        return {"200"}
    body = OF_A_BODY if "requestBody" in operation else set()
    return ALWAYS | body | (OF_A_STEP if issubclass(view, StepView) else set())
