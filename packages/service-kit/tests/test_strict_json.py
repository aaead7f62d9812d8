import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django_sagas import json_text
from hypothesis import example, given
from hypothesis import strategies as st
from service_kit import strict_json
from service_kit.strict_json import InvalidJson, loads
from service_kit.testing.hostile import MALFORMED, Spoil

VALID = {"correlation_id": "test-1", "booking_data": {"user_id": 1, "flight_fare": 500}}
numbers = st.integers(-(2**63), 2**63 - 1) | st.decimals(
    -1_000_000, 1_000_000, places=2, allow_nan=False, allow_infinity=False
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
keys = st.text("abdefghij_", max_size=8)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
).filter(lambda value: depth(value) < strict_json.MAX_DEPTH)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(st.dictionaries(keys, values, max_size=4))
def test_what_this_suite_writes_it_reads_back_exactly(document: dict[str, Any]) -> None:
    assert loads(json_text.dumps(document).encode()) == document


@given(st.binary(max_size=60))
@example(b"\xef\xbb\xbf{}")
@example(b'{"a":1}\x00')
def test_any_bytes_are_an_object_or_invalid_json(body: bytes) -> None:
    try:
        read = loads(body)
    except InvalidJson:
        return
    assert list(json.loads(body)) == list(read)


@given(st.text('{}[]",:0123456789.eE+-truefalsn\\ud8 ', max_size=40))
def test_anything_like_json_is_an_object_or_invalid_json(text: str) -> None:
    with suppress(InvalidJson):
        assert isinstance(loads(text.encode()), dict)


@pytest.mark.parametrize("spoil", MALFORMED.values(), ids=MALFORMED)
def test_malformed_document_is_invalid(spoil: Spoil) -> None:
    with pytest.raises(InvalidJson):
        loads(spoil(VALID))


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("500.0", Decimal("500.0")),
        ("5e2", Decimal(500)),
        ("1E-30", Decimal("1E-30")),
        ("0.1", Decimal("0.1")),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("-0", 0),
        ('"\\ud83d\\ude00"', "😀"),
    ],
)
def test_literal_is_read_exactly(literal: str, value: Any) -> None:
    read = loads(f'{{"a":{literal}}}'.encode())["a"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"a": [{"b": "x" * 201}]}, "a[0].b"),
        ({"a": {"cvv": 1}}, "a.cvv"),
        ({"a": ["ok", "4111 1111 1111 1111"]}, "a[1]"),
        ({"a": {"b": "a\0b"}}, "a.b"),
        ({"é": {"pan": 1}}, "\\xe9.pan"),
        ({"a": [[[[[[[[]]]]]]]]}, "a[0][0][0][0][0][0][0]"),
    ],
)
def test_invalid_json_names_the_place_and_keeps_what_was_read(document: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidJson) as caught:
        loads(json.dumps(document).encode())
    assert (list(caught.value.errors), caught.value.document) == ([field], document)


def test_every_bad_field_is_named() -> None:
    document = {"first": "x" * 201, "cvv": 1, "list": ["ok", "a\0b", "x" * 201], "number": 10**30}
    with pytest.raises(InvalidJson) as caught:
        loads(json.dumps(document).encode())
    assert list(caught.value.errors) == ["first", "cvv", "list[1]", "list[2]", "number"]
    assert str(caught.value).startswith("first: longer than 200 characters; cvv: card data")


def test_answer_to_many_bad_fields_stays_small() -> None:
    body = json.dumps({"k" * 40_000: ["x" * 201] * 100}).encode()
    with pytest.raises(InvalidJson) as caught:
        loads(body)
    assert len(caught.value.errors) <= 20
    assert len(str(caught.value)) < 10_000


@pytest.mark.parametrize(
    "name",
    ["card_token", "card", "company", "panel", "expand", "japan", "number", "discard_count", "companion"],
)
def test_harmless_name_is_taken(name: str) -> None:
    assert loads(json.dumps({name: 1}).encode()) == {name: 1}


def test_mobile_may_look_like_a_card_number() -> None:
    body = b'{"contact_info":{"mobile":"4111111111111111"}}'
    assert loads(body)["contact_info"]["mobile"] == "4111111111111111"


def test_depth_of_eight_and_text_of_200_are_taken() -> None:
    body = b'{"a":[[[[[[["' + b"x" * 200 + b'"]]]]]]]}'
    assert depth(loads(body)) == strict_json.MAX_DEPTH


def test_canonical_form_does_not_depend_on_the_order_of_fields() -> None:
    assert json_text.canonical({"b": 1, "a": ("é",)}) == '{"a":["\\u00e9"],"b":1}'


def test_money_is_written_with_its_decimals_and_read_back_as_decimal() -> None:
    text = json_text.dumps({"amount": Decimal("550.00")})
    assert text == '{"amount":550.00}'
    assert json_text.load_stored(text) == {"amount": Decimal("550.00")}


@pytest.mark.parametrize("number", [str(2**63), "9" * 5000, "1E+999999"])
def test_number_out_of_range_names_its_field(number: str) -> None:
    body = f'{{"correlation_id": "test-1", "booking_data": {{"passengers": [{{"age": {number}}}]}}}}'
    with pytest.raises(InvalidJson) as caught:
        loads(body.encode())
    assert list(caught.value.errors) == ["booking_data.passengers[0].age"]
    assert caught.value.document["correlation_id"] == "test-1"
