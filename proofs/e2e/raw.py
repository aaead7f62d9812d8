"""Requests that no HTTP library sends: the server's own answers, and no second request smuggled in."""

import re
import socket
from contextlib import closing
from urllib.parse import urlsplit

from proofs.e2e.desk import Desk
from proofs.e2e.scenario import Group

raw = Group("Requests that cannot be read")

SERVICES = ("backend", "loyalty", "payment", "ui")
DATA_SERVICES = SERVICES[:3]
SECONDS = 15.0
STEP = {"backend": "reserve-seat", "loyalty": "award-miles", "payment": "authorize-payment"}
SMUGGLED = b"GET /api/health/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD = b"POST /api/health/ HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
AMBIGUOUS = {
    "two lengths": HEAD + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + SMUGGLED,
    "length and chunks": HEAD
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "folded header": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "space before the colon": HEAD + b"Content-Length : 44\r\n\r\n" + SMUGGLED,
    "signed length": HEAD + b"Content-Length: +44\r\n\r\n" + SMUGGLED,
    "no colon": HEAD + b"nonsense\r\n\r\n" + SMUGGLED,
}
CHUNKS = {"hexadecimal prefix": b"0x2\r\n{}\r\n0\r\n\r\n", "no number": b"zz\r\n{}\r\n0\r\n\r\n"}


def exchange(desk: Desk, service: str, sent: bytes) -> bytes:
    """What comes back until the server closes the connection."""
    address = urlsplit(getattr(desk.addresses, service))
    with closing(socket.create_connection((address.hostname or "", address.port or 80), SECONDS)) as caller:
        caller.sendall(sent)
        return b"".join(iter(lambda: caller.recv(65536), b""))


def statuses(answers: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


@raw.cases(*[(f"{case} at {service}", case, service) for case in AMBIGUOUS for service in SERVICES])
def ambiguous_request_gets_one_refusal(desk: Desk, _: str, case: str, service: str) -> None:
    answers = statuses(exchange(desk, service, AMBIGUOUS[case]))
    assert len(answers) == 1 and answers[0] in (400, 405, 501), answers


@raw.cases(*[(f"{case} at {service}", case, service) for case in CHUNKS for service in DATA_SERVICES])
def malformed_chunk_is_400(desk: Desk, _: str, case: str, service: str) -> None:
    head = f"POST /api/saga/{STEP[service]}/ HTTP/1.1\r\nHost: localhost\r\n".encode()
    typed = b"Connection: close\r\nContent-Type: application/json\r\n" + CHUNKED
    assert statuses(exchange(desk, service, head + typed + CHUNKS[case])) == [400]


@raw.cases(*[(service,) for service in SERVICES])
def prefix_and_scheme_told_by_a_caller_are_ignored(desk: Desk, service: str) -> None:
    told = b"SCRIPT_NAME: /x\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: on\r\n"
    request = b"GET /api/health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + told + b"\r\n"
    assert statuses(exchange(desk, service, request)) == [200]


@raw.cases(*[(service,) for service in SERVICES])
def callers_that_pipeline_and_hang_up_stop_nothing(desk: Desk, service: str) -> None:
    address = urlsplit(getattr(desk.addresses, service))
    for _ in range(24):
        with closing(socket.create_connection((address.hostname or "", address.port or 80), SECONDS)) as one:
            one.sendall(2 * b"GET /api/health/ready/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert desk.get(service, "/api/health/").status == 200
