"""Reading a body: by its length, and chunked, where the server says that it ends the stream itself."""

from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory
from rest_framework.request import Request
from service_kit.api import ServiceView, read_json
from service_kit.limits import MAX_BODY_BYTES
from service_kit.parsers import JsonOrFormParser, OptionalJsonParser, StrictJsonParser
from service_kit.problems import Problem


def request(
    stream: BytesIO, *, length: str, parser: type[StrictJsonParser] = StrictJsonParser, **environ: Any
) -> Request:
    """As gunicorn passes it on; without a length it came chunked, and gunicorn ends the stream."""
    made = RequestFactory().generic("POST", "/", content_type="application/json").environ
    made |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": length, "wsgi.input": stream}
    made |= {"wsgi.input_terminated": True}
    return ServiceView(parser_classes=[parser]).initialize_request(WSGIRequest({**made, **environ}))


def refusal(asked: Request) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        read_json(asked)
    return caught.value.status, caught.value.code


def test_chunked_body_is_read() -> None:
    assert read_json(request(BytesIO(b'{"a":1}'), length="")) == {"a": 1}


def test_chunked_body_is_read_no_further_than_its_limit() -> None:
    stream = BytesIO(b" " * 10 * MAX_BODY_BYTES)
    assert refusal(request(stream, length="")) == (413, "BODY_TOO_LARGE")
    assert stream.tell() == MAX_BODY_BYTES + 1


class BrokenStream(BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise ConnectionResetError


@pytest.mark.parametrize("length", ["", "7"])
def test_body_that_breaks_off_is_400(length: str) -> None:
    assert refusal(request(BrokenStream(), length=length)) == (400, "BAD_REQUEST")


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
    stream = BytesIO(b'{"a":1}')
    assert refusal(request(stream, length=length))[0] == status
    assert stream.tell() == 0


def test_body_of_no_length_is_no_json() -> None:
    assert refusal(request(BytesIO(), length="0")) == (400, "INVALID_JSON")


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=UTF-8", "APPLICATION/JSON"]
)
def test_json_is_taken_under_its_names(content_type: str) -> None:
    asked = request(BytesIO(b'{"a":1}'), length="7", CONTENT_TYPE=content_type)
    assert read_json(asked) == {"a": 1}


@pytest.mark.parametrize(
    ("environ", "refused"),
    [
        ({"CONTENT_TYPE": ""}, (415, "UNSUPPORTED_MEDIA_TYPE")),
        ({"CONTENT_TYPE": "text/plain"}, (415, "UNSUPPORTED_MEDIA_TYPE")),
        ({"CONTENT_TYPE": "multipart/form-data; boundary=x"}, (415, "UNSUPPORTED_MEDIA_TYPE")),
        ({"CONTENT_TYPE": "application/json; charset=latin-1"}, (400, "UNSUPPORTED_CHARSET")),
        ({"HTTP_CONTENT_ENCODING": "gzip"}, (415, "UNSUPPORTED_ENCODING")),
    ],
)
def test_what_is_no_plain_json_is_refused(environ: dict[str, Any], refused: tuple[int, str]) -> None:
    assert refusal(request(BytesIO(b'{"a":1}'), length="7", **environ)) == refused


def test_optional_body_that_is_left_out_is_an_empty_object() -> None:
    for length in ("", "0"):
        asked = request(BytesIO(), length=length, parser=OptionalJsonParser, CONTENT_TYPE="")
        assert read_json(asked) == {}


def test_optional_body_that_comes_chunked_is_read() -> None:
    stream = BytesIO(b'{"reason":"because"}')
    asked = request(stream, length="", parser=OptionalJsonParser, HTTP_TRANSFER_ENCODING="chunked")
    assert read_json(asked) == {"reason": "because"}


@pytest.mark.parametrize(
    ("kind", "empty", "with_a_field"),
    [
        ("application/x-www-form-urlencoded", b" ", b"quote_id=1"),
        (
            "multipart/form-data; boundary=XX",
            b"--XX--\r\n",
            b'--XX\r\nContent-Disposition: form-data; name="quote_id"\r\n\r\n1\r\n--XX--\r\n',
        ),
    ],
)
def test_form_is_no_body_only_where_one_is_expected_and_it_has_no_field(
    kind: str, empty: bytes, with_a_field: bytes
) -> None:
    def form(body: bytes, parser: type[StrictJsonParser]) -> Request:
        return request(BytesIO(body), length=str(len(body)), parser=parser, CONTENT_TYPE=kind)

    assert read_json(form(empty, JsonOrFormParser)) == {}
    assert refusal(form(empty, OptionalJsonParser)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert refusal(form(with_a_field, JsonOrFormParser)) == (415, "UNSUPPORTED_MEDIA_TYPE")
