"""What localstripe lacks of Stripe: idempotency keys, checks of an intent's state, expiry; and a bad network.

It stands between the service and localstripe, which is started as a process of its own.
"""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from scripts.ports import free_ports

PATIENCE = 20.0
KEY = "sk_test_of_localstripe_0123456789"
UNKNOWN_TO_LOCALSTRIPE = ("error_on_requires_action", "created[gte]", "payment_method_data[type]")
CARD_FIELD = "payment_method_data[card][token]"
GOOD, BAD = "pm_card_visa", "pm_card_chargeCustomerFail"
CARDS = {
    "tok_visa": GOOD,
    "tok_chargecustomerfail": BAD,
    # The suite's own test cards.
    "tok_ok": GOOD,
    "tok_declined": BAD,
    "tok_insufficient_funds": BAD,
}
PAGE = 100
Answer = tuple[int, dict[str, Any]]


class Trouble(StrEnum):
    """What a call meets on its way."""

    LOST = "lost"
    "it never arrives"
    UNANSWERED = "unanswered"
    "it is done, and its answer is lost"
    DOUBLED = "doubled"
    "it arrives twice at once"
    LATE = "late"
    "it arrives after its caller has given up"


class Stripe:
    """localstripe as the service sees it, and what tests do to it."""

    def __init__(self, upstream: str) -> None:
        self.lose_replies = 0
        self.trouble: Callable[[], Trouble | None] = lambda: None
        "What the next call meets."
        self.late_by = 0.0
        "Seconds that a late call takes."
        self.calm = threading.Event()
        "Set: nothing goes wrong any more, and what is late arrives now."
        self.met: Counter[str] = Counter()
        "How many calls came, and how many of them met which trouble."
        self.moved: Counter[tuple[str, str]] = Counter()
        "How often an intent was really captured or cancelled, by action and reference."
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
        found = self._ask("GET", "/v1/payment_intents", {"limit": PAGE})[1]["data"]
        held = (
            one for one in found if one["status"] == "requires_capture" and one["id"] not in self._expired
        )
        return sum(one["amount"] for one in held)

    def intents(self) -> Iterator[str]:
        """The references of all that were ever made."""
        after: dict[str, str] = {}
        while True:
            page = self._ask("GET", "/v1/payment_intents", {"limit": PAGE, **after})[1]
            yield from (one["id"] for one in page["data"])
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def forget(self) -> None:
        requests.delete(f"{self._upstream}/_config/data", timeout=PATIENCE)
        self._answers.clear()
        self._expired.clear()
        self.moved.clear()
        self.lose_replies = 0

    # -- what the service asks

    def note(self, what: str) -> None:
        with self._lock:
            self.met[what] += 1

    def meet(self) -> Trouble | None:
        with self._lock:
            trouble = None if self.calm.is_set() else self.trouble()
            self.met.update(["calls", *([trouble.value] if trouble else [])])
            return trouble

    def answer(self, method: str, path: str, params: dict[str, str], key: str) -> Answer:
        asked = (method, path, params)
        if method != "POST" or not key:
            return self._perform(*asked)
        with self._lock:
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
        if status == 200 and action:
            self.moved[action, reference] += 1
        if status == 200 and body.get("object") == "payment_intent":
            body = self._completed(body)
        if status == 200 and body.get("object") == "list":
            # What is freed by a capture in part is a refund to localstripe, and none to Stripe.
            moved = [one for one in body["data"] if one["object"] != "refund" or one["metadata"]]
            body["data"] = [self._listed(one) for one in moved]
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
        if token := known.pop(CARD_FIELD, ""):
            known["payment_method"] = CARDS[token]
        return known

    def _listed(self, one: dict[str, Any]) -> dict[str, Any]:
        """Without the amounts that have to be asked for one by one."""
        return {**one, "status": "canceled"} if one["id"] in self._expired else one

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


Call = tuple[str, str, dict[str, str], str]
"Method, path, parameters and key."
NO_ANSWER: Answer = (0, {})
GIVEN_UP = "given up"
"Counted too: a call whose answer came after its caller had gone."


def _carry_out(stripe: Stripe, call: Call) -> Answer:
    """Status 0: no answer comes."""
    trouble = stripe.meet()
    if trouble is Trouble.LOST:
        return NO_ANSWER
    if trouble is Trouble.LATE:
        stripe.calm.wait(stripe.late_by)
    if trouble is Trouble.DOUBLED:
        twin = threading.Thread(target=stripe.answer, args=call)
        twin.start()
        answer = stripe.answer(*call)
        twin.join()
    else:
        answer = stripe.answer(*call)
    if call[0] == "POST" and stripe.lose_replies:
        stripe.lose_replies -= 1
        return NO_ANSWER
    return NO_ANSWER if trouble in (Trouble.UNANSWERED, Trouble.LATE) else answer


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
            status, body = _carry_out(stripe, (self.command, address.path, params, key))
            if not status:
                self.close_connection = True
                return
            encoded = json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(encoded)))
                self.end_headers()
                self.wfile.write(encoded)
            except ConnectionError:  # Its caller has given up.
                stripe.note(GIVEN_UP)
                self.close_connection = True

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
