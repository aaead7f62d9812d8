"""The server's hooks, on its own requests."""

import pytest
from gunicorn.config import Config
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from service_kit import gunicorn_conf
from service_kit.limits import MAX_BODY_BYTES


@pytest.mark.parametrize(
    ("length", "closes"),
    [
        ("Content-Length: 2\r\n", False),
        (f"Content-Length: {MAX_BODY_BYTES}\r\n", False),
        (f"Content-Length: {MAX_BODY_BYTES + 1}\r\n", True),
        ("", False),
    ],
)
def test_connection_is_said_to_close_where_the_body_is_too_large_to_be_drained(
    length: str, closes: bool
) -> None:
    head = f"POST / HTTP/1.1\r\nHost: here\r\n{length}\r\n".encode()
    request = Request(Config(), IterUnreader(iter([head])), ("127.0.0.1", 1))
    gunicorn_conf.pre_request(None, request)
    assert request.should_close() is closes
