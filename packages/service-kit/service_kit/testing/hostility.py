"""What every endpoint that takes a body must refuse, as tests for any of them."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_django import Settings
from structlog.testing import capture_logs

from service_kit.testing import hostile
from service_kit.testing.calls import client, post, snapshot

BODY_100_MB = 100 * 1024 * 1024


@dataclass(frozen=True)
class Target:
    """An endpoint, a body that it takes, and the field within that its own fields stand in."""

    url: str
    valid: dict[str, Any]
    within: str = ""

    def path(self, field: str) -> str:
        own = field.startswith(("correlation_id", "step_number", "simulate_failure", "booking_data"))
        return field if own or not self.within else f"{self.within}.{field}"

    def with_value(self, field: str, value: Any) -> dict[str, Any]:
        return hostile.replaced(self.valid, self.path(field), value)


def assert_refused(answer: Any, status: int, case: str = "") -> dict[str, Any]:
    assert answer.status_code == status, (case, answer.content)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["X-Correlation-ID"]
    body: dict[str, Any] = answer.json()
    assert body["code"] and body["detail"] and "Traceback" not in answer.content.decode()
    return body


@pytest.mark.django_db
class Hostility:
    """Subclass it with a `target` fixture."""

    @pytest.fixture(autouse=True)
    def demo_mode(self, settings: Settings) -> None:
        settings.DEMO_MODE = True

    def test_malformed_body_is_400_and_nothing_is_stored(self, target: Target) -> None:
        before = snapshot()
        for case, spoil in hostile.MALFORMED.items():
            assert_refused(post(target.url, spoil(target.valid)), 400, case)
        assert snapshot() == before

    def test_large_body_is_413_and_nothing_is_stored(self, target: Target) -> None:
        before = snapshot()
        for case, spoil in hostile.TOO_LARGE.items():
            assert_refused(post(target.url, spoil(target.valid)), 413, case)
        assert snapshot() == before

    @pytest.mark.parametrize("length", [str(BODY_100_MB), "9" * 5000])
    def test_body_is_refused_by_its_length_before_it_is_read(self, target: Target, length: str) -> None:
        answer = client().generic("POST", target.url, b"{}", "application/json", CONTENT_LENGTH=length)
        assert assert_refused(answer, 413)["code"] == "BODY_TOO_LARGE"

    @pytest.mark.parametrize(
        "content_type",
        ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json"],
    )
    def test_other_content_type_is_415(self, target: Target, content_type: str) -> None:
        before = snapshot()
        body = json.dumps(target.valid, default=float)
        answer = client().generic("POST", target.url, body, content_type)
        assert assert_refused(answer, 415)["code"] == "UNSUPPORTED_MEDIA_TYPE"
        assert snapshot() == before

    @pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity"])
    def test_packed_body_is_415(self, target: Target, encoding: str) -> None:
        before = snapshot()
        body = gzip.compress(json.dumps(target.valid, default=float).encode())
        headers = {"Content-Encoding": encoding}
        answer = client().generic("POST", target.url, body, "application/json", headers=headers)
        assert assert_refused(answer, 415)["code"] == "UNSUPPORTED_ENCODING"
        assert answer["Accept-Encoding"] == "identity"
        assert snapshot() == before

    @pytest.mark.parametrize("charset", ["utf-16", "latin-1", "utf-7", "no-such"])
    def test_other_charset_is_400(self, target: Target, charset: str) -> None:
        body = json.dumps(target.valid, default=float).encode()
        content_type = f"application/json; charset={charset}"
        answer = client().generic("POST", target.url, body, content_type)
        assert_refused(answer, 400)

    def test_field_named_like_card_data_is_400_at_any_depth(self, target: Target) -> None:
        before = snapshot()
        for name in hostile.CARD_NAMES:
            for value in ({name: "123"}, {"a": [{"b": {name: 1}}]}):
                body = assert_refused(post(target.url, {**target.valid, "extra": value}), 400, name)
                assert next(iter(body["errors"])).endswith(name)
        assert snapshot() == before

    def test_text_like_a_card_number_is_400_and_neither_repeated_nor_logged(self, target: Target) -> None:
        before = snapshot()
        with capture_logs() as lines:
            for case, card in hostile.CARD_TEXTS.items():
                for value in (card, {"a": [card]}, {card: 1}):
                    body = assert_refused(post(target.url, {**target.valid, "extra": value}), 400, case)
                    assert card not in repr(body)
        assert len(lines) == 3 * len(hostile.CARD_TEXTS)
        assert not any(card in repr(lines) for card in hostile.CARD_TEXTS.values())
        assert snapshot() == before

    @pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
    def test_other_method_is_405_with_allow(self, target: Target, method: str) -> None:
        answer = getattr(client(), method)(target.url)
        assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")

    def test_other_host_is_400(self, target: Target) -> None:
        assert_refused(post(target.url, target.valid, Host="evil.example"), 400)


def assert_bad_values_are_named(target: Target, field: str, values: Sequence[Any] = ()) -> None:
    """For each a 400 whose `errors` names the field, or one within it, and nothing stored."""
    before = snapshot()
    for value in values or hostile.BAD_VALUES[field]:
        body = assert_refused(post(target.url, target.with_value(field, value)), 400, repr(value))
        assert any(name.startswith(target.path(field)) for name in body["errors"]), (value, body)
    assert snapshot() == before
