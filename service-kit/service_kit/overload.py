"""What a server says to whom it has no time for. It is said very often then, so it costs little."""

import re

from prometheus_client import Counter

from service_kit.cards import looks_like_card
from service_kit.ids import random_uuid
from service_kit.settings import env

MAX_WAITING_REQUESTS = env.int("MAX_WAITING_REQUESTS", default=256)
TURNED_AWAY = Counter("http_requests_turned_away_total", "Requests answered 503 because too many waited.")
PROBES = (b"GET /api/health/", b"GET /metrics")
"Whoever asks how we are has to hear it above all when there is much to do."
END_OF_HEAD = b"\r\n\r\n"
LENGTH = re.compile(rb"(?i)\r\ncontent-length:[ \t]*(\d+)")
CORRELATION_ID = re.compile(
    rb"(?i)\r\nx-correlation-id:[ \t]*(?!\.{1,2}[ \t]*(?:\r|$))([a-z0-9._:-]{1,64})[ \t]*(?:\r|$)"
)
BODY = (
    '{"type": "about:blank", "title": "Try again", "status": 503, "code": "OVERLOADED",'
    ' "detail": "Too many requests are waiting.", "correlation_id": "%s"}'
)
ANSWER = (
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n"
    "X-Correlation-ID: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
)


def overloaded(request: bytes) -> bytes:
    """The whole answer; nothing was done for the request, and its sender may repeat it."""
    TURNED_AWAY.inc()
    given = CORRELATION_ID.search(request.partition(END_OF_HEAD)[0])
    cid = given[1].decode() if given else ""
    if not cid or looks_like_card(cid):
        cid = random_uuid()
    body = BODY % cid
    return (ANSWER % (cid, len(body), body)).encode()


def is_whole(request: bytes) -> bool:
    """Whether nothing more of it will come, so that its connection can be closed without a reset."""
    head, end, body = request.partition(END_OF_HEAD)
    length = LENGTH.search(head)
    return bool(end) and len(body) == int(length[1] if length else 0)
