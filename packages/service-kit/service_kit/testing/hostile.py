"""Bodies that every endpoint must refuse, made from a valid one."""

import copy
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django_sagas import json_text

Document = dict[str, Any]
Spoil = Callable[[Document], bytes]
CARD = "4111 1111-1111 1111"


def wide(digits: str) -> str:
    """Full-width digits, which Python's int() would take."""
    return "".join(chr(ord(digit) + 0xFEE0) for digit in digits)


def text_of(valid: Document) -> str:
    return json_text.dumps(valid)


def extra(literal: str, name: str = "extra") -> Spoil:
    """The valid body with one more field, which would be ignored if it were harmless."""
    return lambda valid: f'{text_of(valid)[:-1]},"{name}":{literal}}}'.encode("utf-8", "surrogatepass")


def whole(document: bytes) -> Spoil:
    return lambda valid: document


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


MALFORMED: dict[str, Spoil] = {
    "blank": whole(b" \n"),
    "cut": lambda valid: text_of(valid)[:-1].encode(),
    "two_documents": lambda valid: text_of(valid).encode() * 2,
    "trailing_comma": lambda valid: f"{text_of(valid)[:-1]},}}".encode(),
    "comment": lambda valid: f"{text_of(valid)}//".encode(),
    "single_quotes": lambda valid: text_of(valid).replace('"', "'").encode(),
    "form": whole(b"correlation_id=1&user_id=2"),
    "bom": lambda valid: b"\xef\xbb\xbf" + text_of(valid).encode(),
    "utf16": lambda valid: text_of(valid).encode("utf-16"),
    "latin1": lambda valid: text_of(valid)[:-1].encode() + b',"extra":"\xe9"}',
    "overlong_utf8": lambda valid: text_of(valid)[:-1].encode() + b',"extra":"\xc0\xaf"}',
    "surrogate_bytes": extra('"\ud800"'),
    "scalar_null": whole(b"null"),
    "scalar_number": whole(b"1"),
    "scalar_text": whole(b'"text"'),
    "list": lambda valid: f"[{text_of(valid)}]".encode(),
    "duplicate_key": lambda valid: extra("1", next(iter(valid)))(valid),
    "duplicate_key_within": extra('{"a":1,"a":2}'),
    "nan": extra("NaN"),
    "infinity": extra("Infinity"),
    "minus_infinity": extra("-Infinity"),
    "integer_2_63": extra(str(2**63)),
    "integer_below_int64": extra(str(-(2**63) - 1)),
    "integer_of_5000_digits": extra("9" * 5000),
    "exponent_999999": extra("1E+999999"),
    "exponent_minus_999999": extra("1E-999999"),
    "exponent_of_5000_digits": extra("1e" + "9" * 5000),
    "fraction_of_5000_digits": extra("0." + "1" * 5000),
    "leading_zero": extra("01"),
    "full_width_digits": extra(wide("12")),
    "hexadecimal": extra("0x10"),
    "control_character": extra('"\n"'),
    "nul": extra(r'"a\u0000b"'),
    "nul_in_a_name": extra("1", r"a\u0000b"),
    "lone_surrogate": extra(r'"\ud800"'),
    "lone_surrogate_in_a_name": extra("1", r"\udfff"),
    "depth_9": extra(nested(8)),
    "depth_30000": extra(nested(30_000)),
    "depth_30000_of_objects": extra('{"a":' * 10_000 + "1" + "}" * 10_000),
    "text_over_200": extra(json.dumps("x" * 201)),
    "name_over_200": extra("1", "x" * 201),
}

TOO_LARGE: dict[str, Spoil] = {
    "over_64_kib": extra(json.dumps(["x" * 199] * 400)),
    "depth_100000": extra(nested(100_000)),
    "integer_of_70000_digits": extra("9" * 70_000),
    "100000_passengers": extra(json.dumps([{"first_name": "John", "last_name": "Doe"}] * 100_000)),
    "spaces": lambda valid: text_of(valid).encode() + b" " * 65_536,
}

# Field names of card data.
CARD_NAMES = (
    "card_number",
    "cardNumber",
    "card-number",
    "Card Number",
    "CARDNO",
    "pan",
    "PAN",
    "cardPan",
    "pan_number",
    "cvv",
    "CVV2",
    "cvc",
    "card_cvc",
    "security_code",
    "primaryAccountNumber",
    "primary_account_number",
)
CARD_TEXTS = {
    "visa": "4111111111111111",
    "spaced": "4111 1111 1111 1111",
    "hyphens": "4111-1111-1111-1111",
    "amex": "378282246310005",
    "thirteen_digits": "4222222222222",
    "nineteen_digits": "6304000000000000000",
    "full_width": wide("4111111111111111"),
    "no_break_spaces": "4111\xa01111\xa01111\xa01111",
    "dashes": "4111–1111–1111–1111",
}

NAMES = ["", "   ", "x" * 101, 1, True, None, [], {}, "a\tb", "a\nb", "a\u2028b", "a\x7fb", CARD]
USER_IDS = [
    0,
    -1,
    True,
    Decimal("1.5"),
    None,
    "",
    "a b",
    ".",
    "..",
    "ü",
    wide("1"),
    "x" * 65,
    [],
    {},
    "1\n",
    "'--",
    int(CARD_TEXTS["visa"]),
]
INTEGERS = [0, -1, True, "1", wide("1"), Decimal("1.5"), Decimal("1.0"), None, [], {}]
BAD_VALUES: dict[str, list[Any]] = {
    "correlation_id": [
        None,
        "",
        1,
        True,
        [],
        {},
        "x" * 65,
        "a b",
        ".",
        "..",
        "a/b",
        "ü",
        wide("12"),
        "a\n",
        "<b>",
        CARD_TEXTS["visa"],
    ],
    "step_number": INTEGERS,
    "simulate_failure": [None, 0, 1, "true", "", [], {}],
    "user_id": USER_IDS,
    "flight_id": INTEGERS,
    "flight_fare": [
        *[0, -1, True, "500", wide("500"), None, [], {}, 1_000_001],
        *map(
            Decimal,
            ["0.001", "500.001", "1000000.01", "-0.01", "1E-30", "0.1000000000000000000000000000000001"],
        ),
    ],
    "passengers": [
        [],
        {},
        None,
        "John",
        1,
        ["John"],
        [None],
        [[]],
        [{}],
        [{"first_name": "J", "last_name": "D"}] * 10,
    ],
    "passengers[0].first_name": NAMES,
    "passengers[0].last_name": NAMES,
    "passengers[0].gender": ["", "Male", "x", 1, True, None, []],
    "contact_info": [None, [], "john@example.com", 1],
    "contact_info.email": [
        "",
        "john",
        "john@",
        "@example.com",
        "a b@example.com",
        1,
        None,
        [],
        "a@b.c\n",
        "x" * 190 + "@example.com",
    ],
    "contact_info.mobile": [
        "",
        "+",
        "1234",
        "1" * 21,
        "+12345678901234567890123",
        "12a45",
        wide("123456"),
        12345,
        None,
        [],
        "12345\n",
        "++12345",
        "12345+",
    ],
    "seat_class": ["", "Economy", "steerage", 1, None, [], {}],
    "seat_numbers": [
        None,
        {},
        "12A",
        [1],
        [""],
        ["12a"],
        ["A12"],
        ["0A"],
        ["100A"],
        ["12A", "12A"],
        ["12A"] * 10,
        [None],
        [[]],
        ["1A".replace("1", wide("1"))],
    ],
    "payment": [None, [], "tok_ok", 1],
    "payment.card_token": [
        "",
        None,
        1,
        True,
        [],
        "ok",
        "tok_",
        "TOK_OK",
        "tok_" + "x" * 61,
        "tok_ok\n",
        CARD,
    ],
    "booking_data": [None, [], "x", 1, True],
}

# Texts that must stay data wherever they are shown.
INJECTIONS = {
    "sql": "Robert'); DROP TABLE flight_ticket;--",
    "sql_union": "' OR '1'='1' UNION SELECT 1,2 --",
    "html": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "template": "{{ 7*7 }}{% debug %}${7*7}#{7*7}",
    "format": "%s %n %(x)s {0.__class__}",
    "header": "John%0d%0aSet-Cookie: a=b",
    "log": '","level":"critical","event":"forged',
    "path": "../../../../etc/passwd",
    "formula": "=HYPERLINK(1,2)",
    "backslashes": r"\" \n \u0000 \x00",
    "right_to_left": "\u202eמשה כהן\u202c",
    "arabic": "محمد بن سلمان",
    "emoji": "👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈",
    "combining": "Z̸a̸l̸g̸o̸ e\u0301",
    "beyond_bmp": "𠮷野家",
}

# Further texts for URLs and headers.
ODD = {
    "empty": "",
    "blank": " ",
    "nul": "a\0b",
    "newline": "a\r\nX-Forged: 1",
    "long": "x" * 3000,
    "digits": "9" * 30,
    "negative": "-1",
    "exponent": "1e400",
    "not_a_number": "NaN",
    "full_width": wide("12"),
    "card": CARD_TEXTS["visa"],
    "true": "true",
    "lone_surrogate": "a\ud800b",
}
TEXTS = {**INJECTIONS, **ODD}


def replaced(document: Document, path: str, value: Any) -> Document:
    """A copy with another value at `path`, such as passengers[0].first_name."""
    changed = copy.deepcopy(document)
    target: Any = changed
    *parents, last = [int(part) if part.isdigit() else part for part in re.findall(r"\w+", path)]
    for part in parents:
        target = target[part]
    target[last] = value
    return changed


def name_of(value: Any) -> str:
    """A short id of a test case."""
    return (
        (value if isinstance(value, str) and len(value) < 30 else repr(value)[:30])
        .encode("ascii", "replace")
        .decode()
    )
