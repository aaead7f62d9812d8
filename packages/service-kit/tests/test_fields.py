from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_kit import rules
from service_kit.fields import Fields
from service_kit.problems import Problem
from service_kit.testing.hostile import BAD_VALUES, INJECTIONS, NAMES, USER_IDS, name_of

RULES = {"name": rules.NAME, "email": rules.EMAIL, "mobile": rules.MOBILE, "card_token": rules.CARD_TOKEN}


def read_by(reader: str, fields: Fields) -> Any:
    """By the rule of that name, or by the method."""
    return fields.following("field", RULES[reader]) if reader in RULES else getattr(fields, reader)("field")


def errors_of(reader: str, value: Any) -> dict[str, str]:
    fields = Fields({"field": value})
    read_by(reader, fields)
    return fields.errors


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        *[("amount", value) for value in BAD_VALUES["flight_fare"]],
        *[("user_id", value) for value in USER_IDS],
        *[("name", value) for value in NAMES if value != "4111 1111-1111 1111"],
        *[("integer", value) for value in BAD_VALUES["flight_id"]],
        *[("boolean", value) for value in BAD_VALUES["simulate_failure"]],
        *[("email", value) for value in BAD_VALUES["contact_info.email"]],
        *[("mobile", value) for value in BAD_VALUES["contact_info.mobile"]],
        *[("card_token", value) for value in BAD_VALUES["payment.card_token"]],
        *[("object", value) for value in BAD_VALUES["booking_data"]],
        *[("correlation_id", value) for value in BAD_VALUES["correlation_id"][:-1]],
    ],
    ids=name_of,
)
def test_bad_value_is_noted_under_its_name(reader: str, value: Any) -> None:
    assert list(errors_of(reader, value)) == ["field"]


@pytest.mark.parametrize(
    ("reader", "value", "read"),
    [
        ("amount", 500, 50000),
        ("amount", Decimal("0.01"), 1),
        ("amount", Decimal("1000000.00"), 100_000_000),
        ("user_id", 1, "1"),
        ("user_id", "1", "1"),
        ("user_id", 2**63 - 1, str(2**63 - 1)),
        ("user_id", "a.b_c:d@e-f", "a.b_c:d@e-f"),
        ("integer", 1, 1),
        ("boolean", True, True),
        ("boolean", False, False),
        ("name", "x" * 100, "x" * 100),
        ("name", " padded ", " padded "),
        ("name", "123 !!!", "123 !!!"),
        ("mobile", "12345", "12345"),
        ("mobile", "+44 20 7946-0000", "+44 20 7946-0000"),
        ("card_token", "tok_ok", "tok_ok"),
        ("email", "john@example.com", "john@example.com"),
        ("email", "a+b@sub.example.co", "a+b@sub.example.co"),
        ("correlation_id", "A-z_0.9:" * 8, "A-z_0.9:" * 8),
        *[("name", text, text) for text in INJECTIONS.values()],
    ],
    ids=name_of,
)
def test_good_value_is_read(reader: str, value: Any, read: Any) -> None:
    fields = Fields({"field": value})
    assert read_by(reader, fields) == read
    assert fields.errors == {}


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_amount_is_exact_or_an_error(value: Decimal) -> None:
    fields = Fields({"field": value})
    cents = fields.amount("field")
    valid = 0 < value <= 1_000_000 and (value * 100) % 1 == 0 and Decimal(cents) / 100 == value
    assert bool(fields.errors) == (not valid)
    assert fields.errors or 1 <= cents <= 100_000_000


@given(st.integers(1, 100_000_000))
def test_every_amount_of_whole_cents_is_read(cents: int) -> None:
    fields = Fields({"field": Decimal(cents) / 100})
    assert (fields.amount("field"), fields.errors) == (cents, {})


@pytest.mark.parametrize(
    "reader", ["amount", "user_id", "text", "integer", "correlation_id", "object", *RULES]
)
def test_missing_field_is_required(reader: str) -> None:
    fields = Fields({})
    read_by(reader, fields)
    assert fields.errors == {"field": "is required"}


def test_optional_fields_have_their_defaults() -> None:
    fields = Fields({})
    assert fields.choice("a", ["x", "y"], default="x") == "x"
    assert fields.text("b", default="none") == "none"
    assert fields.boolean("c") is False
    assert fields.sequence("d", most=9, required=False) == []
    assert fields.object("e", required=False).has("f") is False
    assert fields.errors == {}


def test_choice_is_one_of_its_values_or_an_error() -> None:
    assert Fields({"a": "y"}).choice("a", ["x", "y"], default="x") == "y"
    fields = Fields({"a": "z"})
    assert fields.choice("a", ["x", "y"], default="x") == "x"
    assert fields.errors == {"a": "must be one of x, y"}


@pytest.mark.parametrize("value", [[], {}, None, "abc", [1] * 10])
def test_list_of_the_wrong_length_or_kind_is_an_error(value: Any) -> None:
    fields = Fields({"a": value})
    assert fields.objects("a", most=9) == []
    assert fields.errors == {"a": "must be a list of 1 to 9"}


def test_empty_list_is_good_where_none_is_meant() -> None:
    fields = Fields({"a": []})
    assert (fields.sequence("a", most=9, fewest=0, required=True), fields.errors) == ([], {})


@pytest.mark.parametrize("name", ["\u200b", " \u200d\ufeff ", "\u00ad"])
def test_invisible_name_is_refused(name: str) -> None:
    fields = Fields({"a": name})
    assert (fields.text("a"), list(fields.errors)) == ("", ["a"])


def test_check_raises_one_problem_that_names_every_field() -> None:
    body = Fields({"a": {"b": "x"}, "list": [{"name": ""}, 1, {"name": "ok"}], "c": []})
    body.object("a").integer("b")
    for one in body.objects("list", most=9):
        one.text("name")
    body.object("c").integer("not_blamed")
    with pytest.raises(Problem) as caught:
        body.check()
    assert (caught.value.status, caught.value.code) == (400, "INVALID")
    assert set(caught.value.errors or {}) == {"a.b", "list[0].name", "list[1]", "c"}


def test_check_passes_when_every_field_was_good() -> None:
    Fields({}).check()


def test_card_number_as_an_integer_user_id_is_refused() -> None:
    assert list(errors_of("user_id", 4111111111111111)) == ["field"]
