"""A participant of eighty lines in memory, sound by itself, with defects that can be switched on."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, Any], bool]
USED = ("booking_data", "simulate_failure")


class Problem(Exception):
    def __init__(self, status: int, code: str, cid: str | None = None) -> None:
        super().__init__(code)
        self.status, self.body = status, {"code": code} | ({"correlation_id": cid} if cid else {})


class Tiny:
    def __init__(self, *defects: str) -> None:
        self.defects = defects
        self.records: dict[str, dict[str, Any]] = {}
        self.effects = 0
        self.lock = threading.Lock()
        self.arrived: dict[str, threading.Event] = {}
        self.racing: set[str] = set()

    def act(self, cid: str, body: dict[str, Any]) -> Answer:
        used = {name: body.get(name) for name in USED}
        if "everything is compared" in self.defects:
            used = body
        if "get-then-create" in self.defects and cid not in self.records:
            self._wait_for_another(cid)
            return 200, self._first(cid, used), False
        with self.lock:
            record = self.records.get(cid)
            if record is None:
                return 200, self._first(cid, used), False
            if record["state"] == "UNDONE":
                raise Problem(409, "ALREADY_COMPENSATED", cid)
            if record["used"] != used and "any request" not in self.defects:
                raise Problem(422, "DIFFERENT_REQUEST", cid)
            again = {"again": True} if "new body" in self.defects else {}
            return 200, record["answer"] | again, True

    def _wait_for_another(self, cid: str) -> None:
        """Until a call of the same id stands here too, so that the race is certain; not for ever."""
        with self.lock:
            others = self.arrived.setdefault(cid, threading.Event())
            first = cid not in self.racing
            self.racing.add(cid)
        if first:
            others.wait(2)
        else:
            others.set()

    def _first(self, cid: str, used: dict[str, Any]) -> dict[str, Any]:
        self.effects += 1
        colour = "red" if "another colour" in self.defects else "blue"
        answer: dict[str, Any] = {"success": True, "correlation_id": cid, "number": self.effects}
        answer["colour"] = colour
        if used.get("simulate_failure"):
            answer = {
                "success": False,
                "correlation_id": cid,
                "error": "No.",
                "error_code": "SIMULATED_FAILURE",
            }
        if "foreign refusal" in self.defects:
            answer = answer | {"error_code": "WHATEVER"}
        if answer["success"] or "refusal not stored" not in self.defects:
            state = "DONE" if answer["success"] else "REFUSED"
            self.records[cid] = {"state": state, "used": used, "answer": answer}
        return answer

    def undo(self, cid: str) -> Answer:
        with self.lock:
            record = self.records.get(cid, {"state": "NONE"})
            if record["state"] == "UNDONE" and "undo forgets" not in self.defects:
                return 200, record["undone"], True
            self.effects += 1
            undone: dict[str, Any] = {"success": True, "correlation_id": cid}
            undone |= (
                {"number": self.effects} if record["state"] == "DONE" else {"message": "Nothing to undo."}
            )
            kept = record["state"] == "REFUSED" and "refusal forgotten" not in self.defects
            if not kept and (record["state"] != "NONE" or "no tombstone" not in self.defects):
                self.records[cid] = {"state": "UNDONE", "undone": undone}
            return 200, undone, False


class Handler(BaseHTTPRequestHandler):
    tiny: Tiny

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            status, answer, replayed = self._answer(raw)
        except Problem as problem:
            return self._send(problem.status, problem.body, kind="application/problem+json")
        marked = {"Idempotent-Replayed": "true"} if replayed else {}
        return self._send(status, answer, **marked)

    def do_GET(self) -> None:
        status = 200 if "any method" in self.tiny.defects else 405
        self._send(status, {"code": "METHOD_NOT_ALLOWED"}, kind="application/problem+json", Allow="POST")

    def do_DELETE(self) -> None:
        """A restart."""
        if "memory only" in self.tiny.defects:
            self.tiny.records.clear()
        self._send(200, {})

    def _answer(self, raw: bytes) -> Answer:
        if self.path not in ("/act/", "/undo/"):
            raise Problem(404, "NOT_FOUND")
        if self.headers["Content-Type"] != "application/json":
            raise Problem(415, "UNSUPPORTED_MEDIA_TYPE")
        try:
            body = json.loads(raw)
            cid = body["correlation_id"]
            assert isinstance(cid, str) and 1 <= len(cid) <= 64 and " " not in cid
            assert self.path == "/undo/" or "booking_data" in body
        except (ValueError, TypeError, KeyError, AssertionError) as error:
            if "bad input stored" in self.tiny.defects and b'"correlation_id"' in raw:
                self.tiny.records.setdefault(str(cid), {"state": "UNDONE", "undone": {}})
            raise Problem(400, "INVALID") from error
        return self.tiny.act(cid, body) if self.path == "/act/" else self.tiny.undo(cid)

    def _send(
        self, status: int, body: dict[str, Any], kind: str = "application/json", **headers: str
    ) -> None:
        raw = json.dumps(body).encode()
        if "name twice" in self.tiny.defects:
            raw = raw.replace(b'"success"', b'"success": false, "success"')
        self.send_response(status)
        plain = "plain errors" in self.tiny.defects
        self.send_header("Content-Type", "application/json" if plain else kind)
        self.send_header("Content-Length", str(len(raw)))
        if (trace := self.headers.get("X-Correlation-ID")) and "trace lost" not in self.tiny.defects:
            self.send_header("X-Correlation-ID", trace)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: object) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    request_queue_size = 64


@contextmanager
def serving(tiny: Tiny) -> Iterator[str]:
    with Server(("127.0.0.1", 0), type("Bound", (Handler,), {"tiny": tiny})) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
