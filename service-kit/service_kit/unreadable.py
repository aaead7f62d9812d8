"""What a server says to whom it cannot understand: a problem, where gunicorn has a page."""

import socket

from gunicorn import util

from service_kit import strict_json
from service_kit.ids import random_uuid

HEAD = (
    "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\nX-Correlation-ID: %s\r\n"
    "Connection: close\r\nContent-Length: %d\r\n\r\n"
)


def write_problem(sock: socket.socket, status: int, reason: str, detail: str) -> None:
    """In the place of gunicorn's `write_error`; the request was not read, so its own id is not known."""
    cid = random_uuid()
    body = strict_json.dumps(
        {
            "type": "about:blank",
            "title": reason,
            "status": status,
            "code": reason.upper().replace(" ", "_"),
            "detail": detail.encode("ascii", "backslashreplace").decode()[: strict_json.MAX_TEXT],
            "correlation_id": cid,
        }
    )
    util.write_nonblock(sock, (HEAD % (status, reason, cid, len(body)) + body).encode())
