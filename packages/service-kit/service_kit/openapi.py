"""Readable operation ids and tags in the OpenAPI schema."""

import re
from typing import Any

from drf_spectacular.openapi import AutoSchema

METHODS = ("get", "post", "put", "patch", "delete")
WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class ReadableSchema(AutoSchema):
    """start_booking in the place of api_saga_start_booking_create, under the tag saga."""

    def get_operation_id(self) -> str:
        view = type(self.view)
        name = WORD.sub("_", view.__name__.removesuffix("View")).lower()
        if hasattr(view, "step"):
            return f"{name}_step"
        served = [method for method in METHODS if hasattr(view, method)]
        return name if len(served) == 1 else f"{self.method.lower()}_{name}"

    def get_request_serializer(self) -> Any:
        """A step's input, which the view names."""
        return getattr(self.view, "takes", None)

    def get_tags(self) -> list[str]:
        parts = self.path.strip("/").split("/")
        return [parts[1] if parts[0] == "api" and len(parts) > 1 else parts[0]]
