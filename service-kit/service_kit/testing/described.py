"""Does a service's OpenAPI schema say all that the service can do?"""

import re
from pathlib import Path
from typing import Any

import yaml
from django.core.management import call_command
from django.urls import URLPattern, get_resolver

UNDESCRIBED = {"/api/schema/", "/api/docs/"}


def routes() -> set[str]:
    """Every address of the service, its parameters written as the schema writes them."""
    patterns = (pattern for pattern in get_resolver().url_patterns if isinstance(pattern, URLPattern))
    return {"/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern)) for pattern in patterns}


def described(folder: Path) -> dict[str, Any]:
    """The schema, which must be valid and made without a warning."""
    file = folder / "schema.yml"
    call_command("spectacular", file=str(file), validate=True, fail_on_warn=True)
    paths: dict[str, Any] = yaml.safe_load(file.read_text())["paths"]
    return paths


def assert_every_route_is_described(folder: Path) -> dict[str, Any]:
    paths = described(folder)
    assert set(paths) == routes() - UNDESCRIBED
    return paths
