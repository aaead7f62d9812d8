"""Reading a body: by its length, and chunked, where the server says that it ends the stream itself."""

from io import BytesIO
from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.request import Request
from service_kit.api import read_json, read_optional_json
from service_kit.problems import Problem
from service_kit.strict_json import MAX_BODY_BYTES


def chunked(body: bytes) -> Request:
    """As gunicorn passes a chunked request on."""
    stream = BytesIO(body)
    http = RequestFactory().generic("POST", "/", content_type="application/json")
    http.META.update({"wsgi.input": stream, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""})
    http.content_type = "application/json"
    return Request(http)


def with_length(length: str) -> Request:
    return Request(RequestFactory().post("/", b'{"a":1}', "application/json", CONTENT_LENGTH=length))


def test_chunked_body_is_read() -> None:
    assert read_json(chunked(b'{"a":1}')) == {"a": 1}


def test_chunked_body_is_read_no_further_than_its_limit() -> None:
    request = chunked(b" " * 10 * MAX_BODY_BYTES)
    with pytest.raises(Problem) as caught:
        read_json(request)
    assert caught.value.status == 413
    assert request.META["wsgi.input"].tell() == MAX_BODY_BYTES + 1


class BrokenStream(BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise ConnectionResetError


@pytest.mark.parametrize("length", ["", "7"])
def test_body_that_breaks_off_is_400(length: str) -> None:
    request = chunked(b"")
    request._request.META.update({"wsgi.input": BrokenStream(), "CONTENT_LENGTH": length})
    request._request._stream = BrokenStream()
    with pytest.raises(Problem) as caught:
        read_json(request)
    assert (caught.value.status, caught.value.code) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("length", "status"),
    [
        ("-1", 400),
        ("1e3", 400),
        (chr(0xFF11), 400),
        (str(MAX_BODY_BYTES + 1), 413),
        ("9" * 5000, 413),
        ("9" * 18, 413),
    ],
)
def test_length_is_judged_before_the_body(length: str, status: int) -> None:
    with pytest.raises(Problem) as caught:
        read_json(with_length(length))
    assert caught.value.status == status


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=UTF-8", "APPLICATION/JSON"]
)
def test_json_is_taken_under_its_names(content_type: str) -> None:
    http: Any = RequestFactory().post("/", b'{"a":1}', content_type)
    assert read_json(Request(http)) == {"a": 1}


def test_optional_body_that_is_left_out_is_an_empty_object() -> None:
    assert read_optional_json(Request(RequestFactory().generic("POST", "/"))) == {}


def test_optional_chunked_body_is_read() -> None:
    request = chunked(b'{"reason":"because"}')
    request._request.META["HTTP_TRANSFER_ENCODING"] = "chunked"
    assert read_optional_json(request) == {"reason": "because"}
