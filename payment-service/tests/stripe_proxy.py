"""What localstripe lacks of Stripe: idempotency keys, checks of an intent's state, expiry; and lost replies.

It stands between the service and localstripe, which is started as a process of its own.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from scripts.ports import free_ports

PATIENCE = 20.0
KEY = "sk_test_of_localstripe_0123456789"
UNKNOWN_TO_LOCALSTRIPE = ("error_on_requires_action", "created[gte]", "payment_method_data[type]")
TOKEN = "payment_method_data[card][token]"
CARDS = {"tok_visa": "pm_card_visa", "tok_chargecustomerfail": "pm_card_chargeCustomerFail"}
Answer = tuple[int, dict[str, Any]]


class Stripe:
    """localstripe as the service sees it, and what tests do to it."""

    def __init__(self, upstream: str) -> None:
        self.lose_replies = 0
        self.address = ""
        self._upstream = upstream
        self._lock = threading.Lock()
        self._answers: dict[str, tuple[Any, Answer]] = {}
        self._expired: set[str] = set()

    def expire(self, reference: str) -> None:
        self._expired.add(reference)

    def books(self, reference: str) -> tuple[int, int, int]:
        """Cents that are held, captured and refunded."""
        intent = self._retrieve(reference)
        held = intent["amount"] if intent["status"] == "requires_capture" else 0
        return held, intent["amount_received"], self._refunded(reference, intent)

    def held(self) -> int:
        """Cents held of all intents."""
        found = self._ask("GET", "/v1/payment_intents", {"limit": 100})[1]["data"]
        held = (
            one for one in found if one["status"] == "requires_capture" and one["id"] not in self._expired
        )
        return sum(one["amount"] for one in held)

    def forget(self) -> None:
        requests.delete(f"{self._upstream}/_config/data", timeout=PATIENCE)
        self._answers.clear()
        self._expired.clear()
        self.lose_replies = 0

    # -- what the service asks

    def answer(self, method: str, path: str, params: dict[str, str], key: str) -> Answer:
        with self._lock:
            asked = (method, path, params)
            if method != "POST" or not key:
                return self._perform(*asked)
            if key in self._answers:
                earlier, answer = self._answers[key]
                return answer if earlier == asked else _error(400, "idempotency_error", "other parameters")
            answer = self._perform(*asked)
            # As Stripe does it: what fails validation uses no key up.
            if answer[0] != 400:
                self._answers[key] = (asked, answer)
            return answer

    def _perform(self, method: str, path: str, params: dict[str, str]) -> Answer:
        collection, reference, action = _parts(path)
        if refused := self._refusal(collection, reference, action, params):
            return refused
        status, body = self._ask(method, path, self._translated(params))
        if status == 200 and body.get("object") == "payment_intent":
            body = self._completed(body)
        if status == 200 and body.get("object") == "list":
            body["data"] = [
                self._completed(one) if one["object"] == "payment_intent" else one for one in body["data"]
            ]
        return status, body

    def _refusal(self, collection: str, reference: str, action: str, params: dict[str, str]) -> Answer | None:
        """The checks that localstripe does not make."""
        unexpected = "payment_intent_unexpected_state"
        if collection == "payment_intents" and action in ("capture", "cancel"):
            intent = self._retrieve(reference)
            if intent["status"] in ("canceled", "succeeded"):
                return _error(400, "invalid_request_error", "The intent is " + intent["status"], unexpected)
        if collection == "refunds" and "amount" in params:
            _, captured, refunded = self.books(params["payment_intent"])
            if int(params["amount"]) > captured - refunded:
                return _error(400, "invalid_request_error", "More than was captured", "amount_too_large")
        return None

    def _translated(self, params: dict[str, str]) -> dict[str, str]:
        known = {name: value for name, value in params.items() if name not in UNKNOWN_TO_LOCALSTRIPE}
        if token := known.pop(TOKEN, ""):
            known["payment_method"] = CARDS[token]
        return known

    def _completed(self, intent: dict[str, Any]) -> dict[str, Any]:
        """With the fields that localstripe leaves out; a part that is not captured is no refund."""
        charge = intent["latest_charge"] or {}
        captured = charge.get("captured") and intent["status"] == "succeeded"
        released = sum(one["amount"] for one in self._refunds(charge) if not one["metadata"])
        received = charge["amount"] - released if captured else 0
        status = "canceled" if intent["id"] in self._expired else intent["status"]
        return {**intent, "status": status, "amount_received": received, "latest_charge": charge.get("id")}

    def _refunds(self, charge: dict[str, Any]) -> list[dict[str, Any]]:
        if not charge:
            return []
        found: list[dict[str, Any]] = self._ask("GET", "/v1/refunds", {"charge": charge["id"]})[1]["data"]
        return found

    def _refunded(self, reference: str, intent: dict[str, Any]) -> int:
        charge = {"id": intent["latest_charge"]} if intent["latest_charge"] else {}
        return sum(one["amount"] for one in self._refunds(charge) if one["metadata"])

    def _retrieve(self, reference: str) -> dict[str, Any]:
        return self._completed(self._ask("GET", f"/v1/payment_intents/{reference}", {})[1])

    def _ask(self, method: str, path: str, params: dict[str, Any]) -> Answer:
        place = {"params": params} if method == "GET" else {"data": params}
        headers = {"Authorization": f"Bearer {KEY}"}
        reply = requests.request(method, self._upstream + path, headers=headers, timeout=PATIENCE, **place)  # type: ignore[arg-type]
        return reply.status_code, reply.json()


def _parts(path: str) -> tuple[str, str, str]:
    """Collection, reference and action of /v1/payment_intents/pi_1/capture."""
    _, collection, *rest = path.strip("/").split("/")
    reference, action = (*rest, "", "")[:2]
    return collection, reference, action


def _error(status: int, kind: str, message: str, code: str = "") -> Answer:
    error = {"type": kind, "message": message, **({"code": code} if code else {})}
    return status, {"error": error}


def _handler(stripe: Stripe) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            address = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            asked = self.rfile.read(length).decode() if length else address.query
            params = dict(parse_qsl(asked, keep_blank_values=True))
            key = self.headers.get("Idempotency-Key", "")
            status, body = stripe.answer(self.command, address.path, params, key)
            if self.command == "POST" and stripe.lose_replies:
                stripe.lose_replies -= 1
                self.close_connection = True
                return
            encoded = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *args: Any) -> None:
            """Silent."""

    return Handler


@contextmanager
def running(folder: Path) -> Iterator[Stripe]:
    """localstripe in a process of its own, behind the proxy."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
    with (folder / "localstripe.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)  # noqa: S603
    try:
        upstream = f"http://127.0.0.1:{port}"
        _await(upstream, process)
        stripe = Stripe(upstream)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stripe))
        stripe.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield stripe
        finally:
            server.shutdown()
            server.server_close()
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _await(address: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            requests.get(f"{address}/v1/refunds", timeout=1)
        except requests.ConnectionError:
            time.sleep(0.05)  # Another process starts; there is nothing to wait on.
        else:
            return
    raise AssertionError("localstripe did not start")
