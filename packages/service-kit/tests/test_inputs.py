from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, create_model
from service_kit import booking_data, inputs
from service_kit.inputs import Input, items
from service_kit.problems import Problem
from service_kit.testing.hostile import BAD_VALUES, INJECTIONS, NAMES, USER_IDS, name_of

Flag = bool
NUMBERS = BAD_VALUES["flight_fare"]


def model_of(kind: Any) -> type[Input]:
    return create_model("Model", __base__=Input, field=(kind, ...))


def read(kind: Any, value: Any) -> Any:
    return model_of(kind).read({"field": value}).field  # type: ignore[attr-defined]


def errors_of(kind: Any, source: dict[str, Any]) -> dict[str, str]:
    try:
        model_of(kind).read(source)
    except Problem as problem:
        return dict(problem.errors or {})
    return {}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[(booking_data.Amount, value) for value in NUMBERS],
        *[(booking_data.Charges, value) for value in NUMBERS if value != 0 or value is False],
        *[(inputs.UserId, value) for value in USER_IDS],
        *[(booking_data.Name, value) for value in NAMES if value != "4111 1111-1111 1111"],
        *[(booking_data.Name, value) for value in ("\u200b", " \u200d\ufeff ", "\u00ad")],
        *[(inputs.Positive, value) for value in BAD_VALUES["flight_id"]],
        *[(Flag, value) for value in BAD_VALUES["simulate_failure"]],
        *[(booking_data.Email, value) for value in BAD_VALUES["contact_info.email"]],
        *[(booking_data.Mobile, value) for value in BAD_VALUES["contact_info.mobile"]],
        *[(booking_data.CardToken, value) for value in BAD_VALUES["payment.card_token"]],
        *[(booking_data.Card, value) for value in BAD_VALUES["payment"]],
        *[(dict[str, Any], value) for value in BAD_VALUES["booking_data"]],
        *[(inputs.CorrelationId, value) for value in BAD_VALUES["correlation_id"][:-1]],
    ],
    ids=name_of,
)
def test_bad_value_is_named(kind: Any, value: Any) -> None:
    assert list(errors_of(kind, {"field": value})) == ["field"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (booking_data.Amount, 500, 50000),
        (booking_data.Amount, Decimal("0.01"), 1),
        (booking_data.Amount, Decimal("1000000.00"), 100_000_000),
        (booking_data.Charges, 0, 0),
        (inputs.UserId, 1, "1"),
        (inputs.UserId, "1", "1"),
        (inputs.UserId, 2**63 - 1, str(2**63 - 1)),
        (inputs.UserId, "a.b_c:d@e-f", "a.b_c:d@e-f"),
        (inputs.Positive, 1, 1),
        (Flag, True, True),
        (Flag, False, False),
        (booking_data.Name, "x" * 100, "x" * 100),
        (booking_data.Name, " padded ", " padded "),
        (booking_data.Name, "123 !!!", "123 !!!"),
        (booking_data.Mobile, "12345", "12345"),
        (booking_data.Mobile, "+44 20 7946-0000", "+44 20 7946-0000"),
        (booking_data.CardToken, "tok_ok", "tok_ok"),
        (booking_data.Email, "john@example.com", "john@example.com"),
        (booking_data.Email, "a+b@sub.example.co", "a+b@sub.example.co"),
        (inputs.CorrelationId, "A-z_0.9:" * 8, "A-z_0.9:" * 8),
        *[(booking_data.Name, text, text) for text in INJECTIONS.values()],
    ],
    ids=name_of,
)
def test_good_value_is_read(kind: Any, value: Any, expected: Any) -> None:
    assert read(kind, value) == expected


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_amount_is_exact_or_an_error(value: Decimal) -> None:
    valid = 0 < value <= 1_000_000 and (value * 100) % 1 == 0
    if valid:
        assert Decimal(read(booking_data.Amount, value)) / 100 == value
    else:
        assert list(errors_of(booking_data.Amount, {"field": value})) == ["field"]


@given(st.integers(1, 100_000_000))
def test_every_amount_of_whole_cents_is_read(cents: int) -> None:
    assert read(booking_data.Amount, Decimal(cents) / 100) == cents


@pytest.mark.parametrize(
    "kind", [booking_data.Amount, inputs.UserId, booking_data.Name, inputs.Positive, Flag, booking_data.Card]
)
def test_missing_field_is_required(kind: Any) -> None:
    assert errors_of(kind, {}) == {"field": "is required"}


def test_choice_is_one_of_its_values() -> None:
    kind = Literal["x", "y"]
    assert read(kind, "y") == "y"
    assert errors_of(kind, {"field": "z"}) == {"field": "must be one of 'x' or 'y'"}


@pytest.mark.parametrize("value", [[], {}, None, "abc", [1] * 10, [None] * 10_000])
def test_list_of_the_wrong_length_or_kind_is_one_error(value: Any) -> None:
    kind = Annotated[tuple[inputs.Positive, ...], *items(1, 9)]
    assert errors_of(kind, {"field": value}) == {"field": "must be a list of 1 to 9"}


def test_empty_list_is_good_where_none_is_meant() -> None:
    assert read(Annotated[tuple[int, ...], *items(0, 9)], []) == ()


class Person(Input):
    name: booking_data.Name


class Whole(Input):
    one: Person
    people: Annotated[tuple[Person, ...], *items(1, 9)]
    other: Person


def test_one_problem_names_every_field_by_its_path() -> None:
    with pytest.raises(Problem) as caught:
        Whole.read({"one": {"name": 1}, "people": [{"name": ""}, 1, {"name": "ok"}], "other": []})
    errors = caught.value.errors or {}
    assert (caught.value.status, caught.value.code) == (400, "INVALID")
    assert set(errors) == {"one.name", "people[0].name", "people[1]", "other"}
    assert errors["people[1]"] == errors["other"] == "must be an object"
    assert caught.value.detail == "; ".join(f"{name}: {words}" for name, words in errors.items())


def test_card_number_as_an_integer_user_id_is_refused() -> None:
    assert list(errors_of(inputs.UserId, {"field": 4111111111111111})) == ["field"]


@pytest.mark.parametrize("source", [{}, {"field": {}}])
def test_card_that_is_left_out_is_the_default_in_demo_mode_only(
    source: dict[str, Any], settings: LazySettings
) -> None:
    settings.DEMO_MODE = True
    assert model_of(booking_data.Payment).read(source).field.card_token == "tok_ok"  # type: ignore[attr-defined]
    settings.DEMO_MODE = False
    (message,) = errors_of(booking_data.Payment, source).values()
    assert message == "is required"


def test_error_of_a_kind_without_words_of_ours_keeps_pydantics() -> None:
    assert errors_of(Annotated[str, Field(min_length=3)], {"field": "no"}) == {
        "field": "String should have at least 3 characters"
    }


@pytest.mark.parametrize(
    "kind", [booking_data.Amount, inputs.UserId, booking_data.Name, booking_data.Mobile, booking_data.Email]
)
def test_description_is_the_one_of_the_rule_that_validates(kind: Any) -> None:
    described = TypeAdapter(kind).json_schema(mode="serialization")
    model = model_of(kind).model_json_schema(mode="serialization")
    assert model["properties"] == {"field": described} and model["required"] == ["field"]
