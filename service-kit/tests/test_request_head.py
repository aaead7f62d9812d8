"""Whatever comes, a PlainRequest is what gunicorn's own request is."""

from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from hypothesis import given
from hypothesis import strategies as st
from service_kit.request_head import LONGEST, PLAIN, PlainRequest, trust_nobody

CALL = (
    b"POST /api/saga/award-miles/ HTTP/1.1\r\nHost: 127.0.0.1:8002\r\nX-Correlation-ID: a-1\r\n"
    b"Authorization: Bearer a.b_c\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
)
READ = b"GET /api/flights/search/?origin=DFW&q=%20x HTTP/1.1\r\nhost:a\r\nAccept: */*;q=0.8 \r\n\r\n"
PLAIN_ONES = {
    "call": CALL,
    "read": READ,
    "one after another": READ + CALL,
    "connection that ends": READ.replace(b"host:a", b"Connection: close"),
    "empty value": READ.replace(b"host:a", b"host:"),
    "colons": READ.replace(b"host:a", b"host::a: b:"),
}
ODD_ONES = {
    "nothing": b"",
    "half": CALL[:100],
    "empty line before": b"\r\n" + READ,
    "no fields": b"GET / HTTP/1.1\r\n\r\n",
    "bare line feed": READ.replace(b"\r\n", b"\n"),
    "one bare line feed": READ.replace(b"host:a\r\n", b"host:a\nx: y\r\n"),
    "folded": READ.replace(b"host:a", b"host:a\r\n b"),
    "space before the colon": READ.replace(b"host:", b"host :"),
    "no name": READ.replace(b"host:", b":"),
    "no colon": READ.replace(b"host:", b"host"),
    "underscore": READ.replace(b"host:", b"x_forwarded_for:"),
    "tab": READ.replace(b"host:a", b"host:\ta\t"),
    "NUL": READ.replace(b"host:a", b"host:a\0b"),
    "not ASCII": READ.replace(b"host:a", b"host:\xc3\xa4"),
    "not ASCII in a name": READ.replace(b"host:a", b"h\xc3\xb6st:a"),
    "two hosts": READ.replace(b"host:a", b"host:a\r\nHost:b"),
    "two lengths": CALL.replace(b"Content-Length: 2", b"Content-Length: 2\r\nContent-Length: 3"),
    "two of anything": READ.replace(b"host:a", b"X-A: 1\r\nx-a: 2"),
    "length that is none": CALL.replace(b"Length: 2", b"Length: +2"),
    "chunks": CALL.replace(
        b"Content-Length: 2\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    ),
    "chunks and a length": CALL.replace(b"Host", b"Transfer-Encoding: chunked\r\nHost"),
    "expects": CALL.replace(b"Host", b"Expect: 200-ok\r\nHost"),
    "scheme": READ.replace(b"host:a", b"X-Forwarded-Proto: https"),
    "other version": READ.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "no version yet": READ.replace(b"HTTP/1.1", b"HTTP/3.0"),
    "whole address": READ.replace(b"/api", b"http://other/api"),
    "two slashes": READ.replace(b"/api", b"//other/api"),
    "fragment": READ.replace(b"%20x", b"x#y"),
    "two spaces": READ.replace(b"GET ", b"GET  "),
    "asterisk": READ.replace(b"/api/flights/search/?origin=DFW&q=%20x", b"*"),
    "small method": READ.replace(b"GET", b"get"),
    "invented method": READ.replace(b"GET", b"BREW"),
    "too many fields": READ.replace(b"host:a", b"\r\n".join(b"x-%d: y" % number for number in range(200))),
    "long": READ.replace(b"host:a", b"host:" + b"a" * LONGEST),
    "too long": READ.replace(b"host:a", b"host:" + b"a" * 9000),
    "long address": READ.replace(b"/search/", b"/" + b"s" * 5000),
}
PIECES = [
    b"\r",
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b":",
    b"\0",
    b"/",
    b"?",
    b"#",
    b"_",
    b"\xff",
    b"Host: b",
    b"x",
    b"HTTP/1.1",
]


CONFIG = Config()
trust_nobody(CONFIG)


def read(kind: type[Any], data: bytes) -> Any:
    try:
        request = kind(CONFIG, IterUnreader(iter([data])), ("127.0.0.1", 1))
        line = (request.method, request.uri, request.path, request.query, request.fragment, request.version)
        return line, request.headers, request.scheme, request.should_close(), request.body.read()
    except Exception as error:  # Which one it is, is the question.
        return type(error), str(error)


@pytest.mark.parametrize("data", PLAIN_ONES.values(), ids=PLAIN_ONES)
def test_plain_request_is_read_at_a_glance_as_gunicorn_reads_it(data: bytes) -> None:
    assert PLAIN.match(data)
    assert read(PlainRequest, data) == read(Request, data)


@pytest.mark.parametrize("data", ODD_ONES.values(), ids=ODD_ONES)
def test_odd_request_is_left_to_gunicorn(data: bytes) -> None:
    assert read(PlainRequest, data) == read(Request, data)


@given(st.sampled_from([CALL, READ]), st.integers(0, 300), st.integers(0, 3), st.sampled_from(PIECES))
def test_request_with_something_put_into_it_is_read_as_gunicorn_reads_it(
    data: bytes, place: int, dropped: int, piece: bytes
) -> None:
    changed = data[:place] + piece + data[place + dropped :]
    assert read(PlainRequest, changed) == read(Request, changed)
