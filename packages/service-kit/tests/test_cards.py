"""Card numbers in any dress, and long numbers that are none."""

import secrets
from uuid import UUID, uuid4

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from service_kit import logs
from service_kit.cards import MASK, looks_like_card, masked
from service_kit.testing.hostile import CARD_TEXTS, wide

ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
CARD = "4111111111111111"
CARDS = {
    "slashes": "4111/1111/1111/1111",
    **CARD_TEXTS,
    "dots": "4111.1111.1111.1111",
    "underscores": "4111_1111_1111_1111",
    "each digit by itself": " ".join(CARD),
    "arabic": CARD.translate(ARABIC),
    "arabic, spaced": "4111 1111 1111 1111".translate(ARABIC),
    "full width, dots": wide("4111.1111.1111.1111"),
    "zero width between": "\u200b".join(CARD),
    "words before": f"card {CARD}",
    "words around": "my card is 4111 1111-1111 1111, thanks",
    "touching letters": f"x{CARD}y",
    "in a token": f"tok_{CARD}",
    "in an address": f"/api/bookings/{CARD}/",
    "in a query": f"/trips/?card={CARD}&x=1",
    "after a date": f"2026-11-26 {CARD}",
    "before a year": f"{CARD} 12 2030",
    "amex in words": "amex 3782 822463 10005",
    "mastercard of the 2 series": "pay 2223 0000 4841 0010",
}
OTHERS = {
    "fails the check": "4111111111111112",
    "too short": "411111111111",
    "too long": "4" * 20,
    "telephone in words": "call +4915112345678901",
    "ticket": "ticket 973-2400000001",
    "moment": "2026-11-26T23:15:26.123456+00:00",
    "moment in a key": "order-20261126231526",
    "epoch": "retry at 1764198926123",
    "uuid of digits": "41111111-1111-4111-8111-111111111111",
    "guest": "guest-ab4111111111111111cdef01",
    "amounts": "450.00 62.50 512.50",
    "empty": "",
    "dash": "-",
}


@pytest.mark.parametrize("text", CARDS.values(), ids=CARDS)
def test_a_card_number_is_recognised_and_masked(text: str) -> None:
    assert looks_like_card(text)
    assert MASK in masked(text) and not looks_like_card(masked(text))


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_other_long_numbers_pass(text: str) -> None:
    assert not looks_like_card(text) and masked(text) == text


def test_what_stands_around_a_masked_number_is_kept() -> None:
    text = f"from {CARD} to 5555 5555 5555 4444, booking K7PQ2M"
    assert masked(text) == f"from {MASK} to {MASK}, booking K7PQ2M"


@given(st.uuids())
def test_no_uuid_looks_like_a_card(made: UUID) -> None:
    assert not looks_like_card(str(made)) and not looks_like_card(f"guest {made} and")


def test_ids_of_our_own_making_hardly_ever_look_like_a_card() -> None:
    ids = [f"guest-{secrets.token_hex(12)}" for _ in range(5000)] + [str(uuid4()) for _ in range(5000)]
    assert [each for each in ids if looks_like_card(each)] == []


@pytest.mark.parametrize("made", ["4222222222222abc", "c4222222222222ab"])
def test_id_of_64_bits_is_no_card_whatever_its_prefix(made: str) -> None:
    assert not looks_like_card(made) and not looks_like_card(f"trip{made}")
    assert looks_like_card("trip4222222222222") and looks_like_card("trip4222222222222ab")


def test_no_line_of_the_log_holds_a_card_number() -> None:
    error = ValueError(f"bad {CARD}")
    line: structlog.typing.EventDict = {
        "event": f"card {CARD}",
        "path": f"/trips/{CARD}/",
        "error": error,
        "names": [CARD, "ok"],
        "more": {"a": CARD},
        "ms": 1.5,
        "correlation_id": "41111111-1111-4111-8111-111111111111",
    }
    shown = logs.without_cards(None, "info", dict(line))
    assert CARD not in repr(shown)
    assert shown["correlation_id"] == line["correlation_id"] and shown["ms"] == 1.5
