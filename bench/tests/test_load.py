import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from bench.load import Load, is_booked, is_whole

BOOKED = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"success":true}'
REFUSED = b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"success":false}'


@pytest.mark.parametrize(
    ("reply", "whole"),
    [
        (b"", False),
        (b"HTTP/1.1 200 OK\r\n", False),
        (BOOKED[:-1], False),
        (BOOKED, True),
        (b"HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", True),
    ],
)
def test_reply_is_whole_when_its_last_byte_has_come(reply: bytes, whole: bool) -> None:
    assert is_whole(reply) is whole


def test_reply_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="Content-Length"):
        is_whole(b"HTTP/1.1 200 OK\r\n\r\n{}")


@pytest.mark.parametrize(
    ("reply", "booked"),
    [
        (BOOKED, True),
        (BOOKED.replace(b":true", b": true"), True),
        (REFUSED, False),
        (b"HTTP/1.1 503 ", False),
    ],
)
def test_only_a_success_is_a_booking(reply: bytes, booked: bool) -> None:
    assert is_booked(reply) is booked


@pytest.fixture
def server() -> Iterator[str]:
    """Answers every second request of a connection with a refusal."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection:
            for reply in itertools.cycle((BOOKED, REFUSED)):
                if not connection.recv(65536):
                    return
                connection.sendall(reply)

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def test_load_sends_as_many_as_asked_for_and_tells_bookings_from_the_rest(server: str) -> None:
    with closing(Load(server, 2, itertools.repeat(b"POST / HTTP/1.1\r\n\r\n"))) as load:
        result = load.run(seconds=60, most=10)
    assert len(result.latencies) + result.failed == 10
    assert result.failed >= 4
    assert '"success":false' in result.example
