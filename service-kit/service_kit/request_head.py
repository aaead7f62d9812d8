"""The head of a plain request, understood at a glance; gunicorn's own parser takes whatever is not plain.

What counts as plain is a part of what gunicorn accepts, and is read as gunicorn reads it.
"""

import re
from typing import Any

from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser

PLAIN = re.compile(
    rb"(?P<method>GET|HEAD|POST|PUT|PATCH|DELETE) "
    rb"(?P<target>(?P<path>/(?!/)[\w.~:@!$&'()*+,;=%/-]*)(?:\?(?P<query>[\w.~:@!$&'()*+,;=%/?-]*))?) "
    rb"HTTP/1\.1\r\n(?P<fields>(?:[A-Za-z0-9-]+:[ -~]*\r\n)+)\r\n",
    re.ASCII,
)
LONGEST = 4000
"bytes of a head, below gunicorn's limit for a single line of it"
PARTICULAR = frozenset({"EXPECT", "TRANSFER-ENCODING"})
"with rules of their own"


def trust_nobody(cfg: Any) -> None:
    """Nobody in front of us has a prefix or a scheme to tell, and any caller could send these.

    That everybody may tell us nothing spares a look at each one's address.
    """
    cfg.set("forwarder_headers", "")
    cfg.set("secure_scheme_headers", {})
    cfg.set("forwarded_allow_ips", "*")


class PlainRequest(Request):  # type: ignore[misc]
    def parse(self, unreader: Any) -> bytes:
        """What came after the head."""
        data: bytes = unreader.read()
        head = PLAIN.match(data)
        if head and head.end() <= LONGEST and self._take(head):
            return data[head.end() :]
        unreader.unread(data)
        rest: bytes = super().parse(unreader)
        return rest

    def _take(self, head: re.Match[bytes]) -> bool:
        """Whether it is plain in its fields too: none of them twice, and none that is particular."""
        fields = [line.split(":", 1) for line in head["fields"].decode("ascii").split("\r\n")[:-1]]
        headers = [(name.upper(), value.strip(" ")) for name, value in fields]
        names = {name for name, _ in headers}
        if len(names) < len(headers) or len(names) > self.limit_request_fields or names & PARTICULAR:
            return False
        self.headers, self.version = headers, (1, 1)
        self.method, self.uri = head["method"].decode(), head["target"].decode()
        self.path, self.query, self.fragment = head["path"].decode(), (head["query"] or b"").decode(), ""
        return True


class Parser(RequestParser):  # type: ignore[misc]
    mesg_class = PlainRequest

    def finish_body(self, *args: Any, **kwargs: Any) -> bool:
        """Whether nothing is left to read of the last body: at once where all of it was read."""
        if self.mesg and getattr(self.mesg.body.reader, "length", None) == 0:
            return True
        return bool(super().finish_body(*args, **kwargs))
