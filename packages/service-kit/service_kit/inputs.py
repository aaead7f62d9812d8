"""Inputs as pydantic models: one declaration validates an input and describes it in the OpenAPI schema.

A body has been parsed by `strict_json`: no number out of range, no lone surrogate, no long text.
In a query string all values are texts.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails

from service_kit import rules
from service_kit.problems import invalid

WORDS = {
    "missing": "is required",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "bool_type": "must be true or false",
    "int_type": "must be an integer",
    "greater_than_equal": "must be an integer of at least {ge}",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must be text of at most {max_length} characters",
    "value_error": "{error}",
}
"pydantic's kinds of errors"


def _tidy(schema: dict[str, Any]) -> None:
    """Without each name repeated as a title, and without a default of null, which no field takes."""
    for each in (schema, *schema["properties"].values()):
        each.pop("title", None)
        if each.get("default", "") is None:
            del each["default"]


class Input(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True, json_schema_extra=_tidy)

    @classmethod
    def read(cls, source: Mapping[str, Any]) -> Self:
        """Raises a 400 that names every bad field; unknown ones are ignored."""
        try:
            return cls.model_validate(source)
        except ValidationError as error:
            raise invalid(bad_fields(error.errors())) from error


def bad_fields(errors: Iterable[ErrorDetails]) -> dict[str, str]:
    return {path(each["loc"]): _in_words(each) for each in errors}


def _in_words(error: ErrorDetails) -> str:
    words = WORDS.get(error["type"])
    return words.format(**error.get("ctx", {})) if words else error["msg"]


def path(location: tuple[int | str, ...]) -> str:
    """passengers[0].first_name"""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".")


def text(rule: rules.TextRule) -> tuple[Any, ...]:
    return PlainValidator(rule.read), WithJsonSchema(rule.schema)


def items(fewest: int, most: int) -> tuple[Any, ...]:
    """The size is checked first: a list of thousands is one error."""

    def sized(value: Any) -> Any:
        if isinstance(value, list) and fewest <= len(value) <= most:
            return value
        raise ValueError(f"must be a list of {fewest} to {most}")

    described = Field(strict=False, json_schema_extra={"minItems": fewest, "maxItems": most})
    return described, BeforeValidator(sized)


def one_of(choices: Iterable[str]) -> tuple[Any, ...]:
    """Read as the choice itself, which may be a member of an enum."""
    known = {str(choice): choice for choice in choices}

    def read(value: Any) -> str:
        if isinstance(value, str) and value in known:
            return known[value]
        raise ValueError("must be one of " + ", ".join(filter(None, known)))

    return PlainValidator(read), WithJsonSchema({"type": "string", "enum": [*known]})


def number(least: int, most: int) -> tuple[Any, ...]:
    """In a query string."""

    def read(value: Any) -> int:
        digits = value.isascii() and value.isdigit() and len(value) <= len(str(most))
        if digits and least <= int(value) <= most:
            return int(value)
        raise ValueError(f"must be a number from {least} to {most}")

    return PlainValidator(read), WithJsonSchema({"type": "integer", "minimum": least, "maximum": most})


Positive = Annotated[int, Field(ge=1)]
CorrelationId = Annotated[str, *text(rules.CORRELATION)]
UserId = Annotated[str, PlainValidator(rules.user_id), WithJsonSchema(rules.USER_SCHEMA)]
