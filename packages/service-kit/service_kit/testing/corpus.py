"""The hostile corpus on every operation that a service's schema describes.

Every field of a body, every parameter of an address, every header that anything is read from; what is new in
the schema is covered by itself.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from drf_spectacular.generators import SchemaGenerator
from pytest_django import Settings

from service_kit.testing import hostile
from service_kit.testing.calls import client, snapshot
from service_kit.testing.described import METHODS, UNDESCRIBED, patterns

Json = dict[str, Any]
HEADERS = (
    "X-Correlation-ID",
    "Idempotency-Key",
    "Prefer",
    "Authorization",
    "X-On-Behalf-Of",
    "X-On-Behalf-Of-Role",
    "X-Forwarded-For",
    "traceparent",
    "Accept",
    "Accept-Language",
)
# A value of another type, or out of bounds, for each type of a field.
WRONG: Mapping[str, list[Any]] = {
    "string": [1, True, [], {}, None, "x" * 201, "a\0b", "\ud800"],
    "integer": ["1", True, [], {}, None, hostile.wide("1"), 2**63, 10**400],
    "number": ["1", True, [], {}, None, hostile.wide("1")],
    "boolean": [0, "true", [], {}, None],
    "array": ["x", 1, {}, None, True],
    "object": ["x", 1, [], None, True],
    "": [None, True, [], {}, "a b", "", hostile.wide("1")],
}


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    body: Json | None
    fields: Mapping[str, Json]
    parameters: tuple[str, ...]
    others: tuple[Json, ...] = ()
    "further examples of the body, with fields that the first leaves out"

    def address(self, known: Mapping[str, str], **changed: str) -> str:
        values = {**known, **changed}

        def value(found: re.Match[str]) -> str:
            return quote(values[found[1]], safe="", errors="surrogatepass")

        return re.sub(r"{(\w+)}", value, self.path)

    def send(self, address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
        meta: dict[str, Any] = {
            f"HTTP_{name.upper().replace('-', '_')}": text for name, text in (headers or {}).items()
        }
        data = body if body is not None else b"" if self.body is None else encoded(self.body)
        return client().generic(self.method.upper(), address, data, "application/json", **meta)

    @property
    def refused(self) -> set[int]:
        """Answers to a bad body; an object named in the URL may be looked up first."""
        return {400, 413} | ({404} if "{" in self.path else set())


def operations(bodies: Mapping[str, Json]) -> Iterator[Operation]:
    """Of the schema; `bodies` has what is sent where its example would not do."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    for path, item in schema["paths"].items():
        for method, described in item.items():
            if method in METHODS:
                yield _operation(schema, method, path, described, bodies.get(f"{method} {path}"))


def _operation(schema: Json, method: str, path: str, described: Json, body: Json | None) -> Operation:
    content = described.get("requestBody", {}).get("content", {}).get("application/json")
    others: list[Json] = []
    if content and body is None:
        assert content.get("examples"), f"{method} {path} has no example of its body"
        body, *others = [example["value"] for example in content["examples"].values()]
    fields = dict(_fields(schema, content["schema"], "")) if content else {}
    parameters = [each["name"] for each in described.get("parameters", ()) if each["in"] == "query"]
    return Operation(method, path, body, fields, (*parameters, "unknown"), tuple(others))


def _fields(schema: Json, at: Json, name: str) -> Iterator[tuple[str, Json]]:
    at = _resolved(schema, at)
    if name:
        yield name, at
    if at.get("type") == "array":
        yield from _fields(schema, at["items"], f"{name}[0]")
    for key, value in at.get("properties", {}).items():
        yield from _fields(schema, value, f"{name}.{key}" if name else key)


def _resolved(schema: Json, at: Json) -> Json:
    while True:
        if len(at.get("allOf", ())) == 1:
            at = at["allOf"][0]
        elif "$ref" in at:
            at = schema["components"]["schemas"][at["$ref"].rpartition("/")[2]]
        else:
            return at


def documents(operation: Operation) -> Iterator[tuple[str, bytes]]:
    """Bodies with one wrong value each, and bodies that are no JSON object of ours."""
    assert operation.body is not None
    for name, at in operation.fields.items():
        for value in WRONG[at.get("type", "")]:
            yield f"{name}={value!r:.30}", encoded(placed(operation, name, value))
    for case, spoil in {**hostile.MALFORMED, **hostile.TOO_LARGE}.items():
        yield case, spoil(operation.body)


def placed(operation: Operation, name: str, value: Any) -> Json:
    """With another value at `name`; a list that the examples leave out is made for its first item."""
    assert operation.body is not None
    for body in (operation.body, *operation.others):
        with suppress(KeyError):
            return hostile.replaced(body, name, value)
    assert name.endswith("[0]"), f"no example has a place for {name}"
    return hostile.replaced(operation.body, name.removesuffix("[0]"), [value])


def encoded(value: Any) -> bytes:
    """Also values that our own encoder refuses."""
    return json.dumps(value, default=float, ensure_ascii=False).encode("utf-8", "surrogatepass")


class Described:
    """What a service's schema describes, and what its tests have to know besides."""

    bodies: Mapping[str, Json] = {}
    "a body by method and path, where the schema's example is of another service"
    known: Mapping[str, str] = {}
    "a value for each parameter in an address"

    @pytest.fixture(autouse=True)
    def demo_mode(self, settings: Settings) -> None:
        settings.DEMO_MODE = True

    @pytest.fixture
    def every(self) -> list[Operation]:
        return list(operations(self.bodies))


@pytest.mark.django_db(transaction=True)
class Corpus(Described):
    """Subclass it in each service."""

    def test_no_route_is_left_out(self, every: list[Operation]) -> None:
        assert {operation.path for operation in every} == set(patterns()) - UNDESCRIBED
        for operation in every:
            assert operation.address(self.known)

    def test_wrong_or_malformed_body_is_refused_and_nothing_is_stored(self, every: list[Operation]) -> None:
        before = snapshot()
        for operation in every:
            if operation.body is not None:
                for case, body in documents(operation):
                    answer = operation.send(operation.address(self.known), body)
                    assert answer.status_code in operation.refused, (operation, case, answer.content)
                    assert answer["Content-Type"] == "application/problem+json"
        assert snapshot() == before

    def test_hostile_text_in_a_field_is_data_or_refused(self, every: list[Operation]) -> None:
        for operation in every:
            for name, at in operation.fields.items():
                if at.get("type") == "string" and operation.body is not None:
                    for case, text in hostile.INJECTIONS.items():
                        body = encoded(placed(operation, name, text))
                        answer = operation.send(operation.address(self.known), body)
                        assert answer.status_code < 500, (operation, name, case, answer.content)

    def test_hostile_query_is_an_answer_and_nothing_is_stored(self, every: list[Operation]) -> None:
        before = snapshot()
        for operation in every:
            if operation.method == "get":
                for name in operation.parameters:
                    for case, text in hostile.TEXTS.items():
                        query = f"{name}={quote(text, safe='', errors='surrogatepass')}"
                        answer = operation.send(f"{operation.address(self.known)}?{query}")
                        assert answer.status_code in (200, 400, 404), (operation, name, case, answer.content)
        assert snapshot() == before

    def test_hostile_part_of_an_address_is_an_answer_and_no_more(self, every: list[Operation]) -> None:
        before = snapshot()
        for operation in every:
            for name in re.findall(r"{(\w+)}", operation.path):
                for case, text in hostile.TEXTS.items():
                    answer = operation.send(operation.address(self.known, **{name: text}))
                    # Some of the texts are valid user ids.
                    assert answer.status_code in (200, 400, 404), (operation, name, case, answer.content)
        assert snapshot() == before

    @pytest.mark.parametrize("header", HEADERS)
    def test_hostile_header_is_an_answer_and_not_repeated(self, every: list[Operation], header: str) -> None:
        for number, operation in enumerate(every):
            # A quarter for each operation: over all of them a header has every text several times.
            for case, text in list(hostile.TEXTS.items())[number % 4 :: 4]:
                answer = operation.send(operation.address(self.known), headers={header: text})
                assert answer.status_code < 500, (operation, case, answer.content)
                assert re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", answer["X-Correlation-ID"])
                assert not answer.has_header("X-Forged")
