"""An answer beside the serializer that describes it."""

from typing import Any

from rest_framework.serializers import ListField, ListSerializer, Serializer


def differences(described: Any, value: Any, path: str = "") -> list[str]:
    """Where an answer and its serializer do not name the same fields."""
    if isinstance(described, (ListSerializer, ListField)):
        return [found for item in value for found in differences(described.child, item, f"{path}[]")]
    if not isinstance(described, Serializer):
        return []
    if described.fields.keys() != value.keys():
        return [f"{path}: {described.fields.keys() ^ value.keys()}"]
    return [
        found
        for name, field in described.fields.items()
        for found in differences(field, value[name], f"{path}.{name}")
    ]
