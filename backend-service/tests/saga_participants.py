"""Payment and loyalty in memory: the participant record of the rules, and a script of what goes wrong."""

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import requests
from django.db import connections
from django_sagas import json_text
from django_sagas.client import Call
from django_sagas.http import NoReply, Reply
from django_sagas.outcomes import Outcome, Unknown, classify
from service_kit import strict_json

UNDOES = {"CancelPayment": "AuthorizePayment", "ReverseMiles": "AwardMiles", "CancelLounge": "BookLounge"}
"BookLounge moves neither money nor miles: a step that some sagas have and others do not."
PATHS = {
    "AuthorizePayment": "/api/saga/authorize-payment/",
    "CancelPayment": "/api/saga/cancel-payment/",
    "AwardMiles": "/api/saga/award-miles/",
    "ReverseMiles": "/api/saga/reverse-miles/",
    "CapturePayment": "/api/saga/capture-payment/",
    "RefundPayment": "/api/saga/refund-payment/",
    "AdjustMiles": "/api/saga/adjust-miles/",
}
AFTER_THE_PIVOT = ("CapturePayment", "RefundPayment", "AdjustMiles")
MONEY = ("AUTHORIZED", "REFUNDED", "CANCELLED")
MILES = ("AWARD", "ADJUSTED", "REVERSAL")
NAMES = {path: name for name, path in PATHS.items()}
Serve = Callable[[], Reply]
Behaviour = Callable[[Serve], Reply]


def reply(status: int, body: Any, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json_text.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, raw, named)


# What may happen to a call. Each takes the faithful participant and answers in its place.


def answers(status: int, body: Any = b"", **headers: str) -> Behaviour:
    """Nothing takes effect and this comes back."""
    return lambda serve: reply(status, body, **headers)


def never_arrives(serve: Serve) -> Reply:
    raise NoReply("ReadTimeout: it was not delivered")


def loses_its_reply(serve: Serve) -> Reply:
    serve()
    raise NoReply("ReadTimeout: the reply was lost")


def answers_for_another_saga(serve: Serve) -> Reply:
    body = json.loads(serve().body)
    return reply(200, {**body, "correlation_id": "somebody-else"})


def refuses(code: str, error: str = "No.") -> Behaviour:
    """A refusal for good, as the participant's business rules give it."""
    return lambda serve: reply(200, {"success": False, "error": error, "error_code": code})


def meanwhile(happens: Callable[[], object], *, before: bool = False) -> Behaviour:
    """Something else happens while the call is under way."""

    def behave(serve: Serve) -> Reply:
        if before:
            happens()
        answer = serve()
        if not before:
            happens()
        return answer

    return behave


def dies(error: BaseException, *, before: bool) -> Behaviour:
    def happens() -> None:
        raise error

    return meanwhile(happens, before=before)


@dataclass(frozen=True)
class Record:
    state: str
    used: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    correlation_id: str
    kind: str
    account: str
    amount: Decimal
    "what it adds to the money or the miles of the trip"
    trip: str


@dataclass(frozen=True)
class Received:
    name: str
    correlation_id: str
    body: Mapping[str, Any]


class FakeParticipants:
    """Both remote services. It is a seam of the orchestrator by itself, and an HTTP edge by `http`."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], Record] = {}
        self.moves: list[tuple[str, str, str, str]] = []
        self.ledger: list[Entry] = []
        self.captured: dict[str, Decimal] = {}
        "By the correlation id of the payment."
        self.expired: set[str] = set()
        "Payments whose authorisation has run out."
        self.received: list[Received] = []
        self.successes: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.breaches: list[str] = []
        self.watch: Callable[[Received], None] = lambda received: None
        self._next: dict[str, deque[Behaviour]] = defaultdict(deque)
        self._always: dict[str, Behaviour] = {}
        self._lock = threading.RLock()

    # The script

    def then(self, name: str, *behaviours: Behaviour) -> None:
        """What the next calls of `name` meet, one each."""
        self._next[name].extend(behaviours)

    def always(self, name: str, behaviour: Behaviour) -> None:
        self._always[name] = behaviour

    def heal(self) -> None:
        self._next.clear()
        self._always.clear()

    def calls(self, correlation_id: str | None = None) -> list[str]:
        return [one.name for one in self.received if correlation_id in (None, one.correlation_id)]

    def states(self, correlation_id: str) -> dict[str, str]:
        return {step: one.state for (cid, step), one in self.records.items() if cid == correlation_id}

    # Its two edges

    def call(self, call: Call, *, timeout: float) -> Outcome:
        try:
            return classify(
                self.take(call.name, call.body), call.correlation_id, name=call.name, refusals=call.refusals
            )
        except NoReply as error:
            return Unknown(str(error))

    def http(self, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], bytes]:
        """For `responses`: the same participant behind its address."""
        raw = request.body or b""
        try:
            answer = self.take(NAMES[str(request.path_url)], raw if isinstance(raw, str) else raw.decode())
        except NoReply as error:
            raise requests.ReadTimeout(str(error)) from error
        finally:
            connections.close_all()  # The client's thread would keep the one that `watch` has opened.
        return answer.status, answer.headers, answer.body

    def take(self, name: str, raw: str) -> Reply:
        body = strict_json.loads(raw.encode())
        received = Received(name, body["correlation_id"], body)
        self.watch(received)
        with self._lock:
            self.received.append(received)
            queue = self._next[name]
            behave = queue.popleft() if queue else self._always.get(name)
        answer = behave(lambda: self._serve(received)) if behave else self._serve(received)
        return _with_id(answer, received.correlation_id)

    # The participant itself: one record per (correlation id, step)

    def _serve(self, received: Received) -> Reply:
        with self._lock:
            if received.name in UNDOES:
                return self._undo(received, UNDOES[received.name])
            return self._act(received, received.name)

    def _act(self, received: Received, step: str) -> Reply:
        data = received.body["booking_data"]
        key, used = (received.correlation_id, step), {**data, "payment": data.get("payment")}
        record = self.records.get(key)
        if record is None and step == "CapturePayment" and self._waits(data["payment_id"]):
            refusal = {"success": False, "error": "It has expired.", "error_code": "AUTHORIZATION_EXPIRED"}
            return reply(200, refusal)  # Not remembered: it may be authorised again.
        if record is None:
            state, answer = self._effect(received, step, data)
            if state == "REFUSED" and step in AFTER_THE_PIVOT:
                return self._answered(received, answer)  # Not stored: its saga goes only forward.
            self._move(key, replace(Record(state, used, answer)))
            return self._answered(received, answer)
        if record.state == "UNDONE":
            return reply(409, {"code": "ALREADY_COMPENSATED", "detail": f"{step} was compensated before."})
        if record.used != used:
            if step == "CapturePayment" and self._is_over(record, data["payment_id"]):
                return self._answered(received, record.answer)
            return reply(422, {"code": "DIFFERENT_REQUEST", "detail": "Other fields."})
        return self._answered(received, record.answer)

    def _effect(
        self, received: Received, step: str, data: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any]]:
        token = data.get("payment", {}).get("card_token", "tok_ok")
        if received.body.get("simulate_failure"):
            return "REFUSED", {"success": False, "error": "As asked.", "error_code": "SIMULATED_FAILURE"}
        if step == "AuthorizePayment" and token != "tok_ok":
            return "REFUSED", {"success": False, "error": "Declined.", "error_code": "PAYMENT_DECLINED"}
        if step == "BookLounge":
            return "DONE", {"success": True}
        if step in AFTER_THE_PIVOT:
            return self._further(received, step, data)
        fare = Decimal(data["flight_fare"])
        if step == "AuthorizePayment":
            amount = fare + Decimal(data["other_charges"])
            self._book(received, "AUTHORIZED", data["user_id"], amount, trip=data.get("trip_id", ""))
            return "DONE", {"success": True, "authorization_id": "auth-1", "amount": amount}
        miles = Decimal(int(fare))
        self._book(received, "AWARD", data["user_id"], miles)
        return "DONE", {"success": True, "user_id": data["user_id"], "miles_awarded": int(miles)}

    def _is_over(self, record: Record, payment_id: str) -> bool:
        """Nothing was captured before the trip was cancelled, and nothing is to be, of whichever payment."""
        return not record.answer.get("captured") and self._is_cancelled(self._trip_of(payment_id))

    def _capture(self, payment_id: str) -> Mapping[str, Any]:
        payment = self.records.get((payment_id, "AuthorizePayment"))
        if payment is None:
            return {"success": False, "error": "There is none.", "error_code": "PAYMENT_NOT_FOUND"}
        if payment.state == "UNDONE" or self._is_cancelled(self._trip_of(payment_id)):
            status = "EXPIRED" if payment_id in self.expired else "CANCELLED"
            return {"success": True, "status": status, "captured": Decimal(0)}
        self.captured[payment_id] = payment.answer["amount"]
        return {"success": True, "status": "CAPTURED", "captured": payment.answer["amount"]}

    def _further(
        self, received: Received, step: str, data: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any]]:
        """Of a trip that stands; once it was given back, nothing is left to do."""
        if step == "CapturePayment":
            captured = self._capture(data["payment_id"])
            return "DONE" if captured["success"] else "REFUSED", captured
        if step == "RefundPayment":
            amount = min(Decimal(data["amount"]), self.money_of(data["payment_id"]))
            self._book(received, "REFUNDED", "", -amount, trip=data["payment_id"])
            return "DONE", {"success": True, "refunded": amount}
        if ("ReverseMiles", data["trip_id"]) in {(one.name, one.correlation_id) for one in self.received}:
            return "DONE", {"success": True, "miles_adjusted": 0}
        self._book(received, "ADJUSTED", data["user_id"], Decimal(data["miles"]), trip=data["trip_id"])
        return "DONE", {"success": True, "miles_adjusted": data["miles"]}

    def money_of(self, trip: str) -> Decimal:
        """What is authorised or captured and not given back; expired authorisations hold nothing."""
        entries = self._entries(trip, MONEY)
        if not self._is_cancelled(trip):
            entries = [one for one in entries if one.correlation_id not in self.expired]
        return sum((one.amount for one in entries), Decimal(0))

    def _waits(self, payment_id: str) -> bool:
        """Whether a capture of it waits for another authorisation."""
        return payment_id in self.expired and not self._is_cancelled(self._trip_of(payment_id))

    def _trip_of(self, payment_id: str) -> str:
        made = (one.trip for one in self.ledger if one.correlation_id == payment_id)
        return next(made, payment_id)

    def _is_cancelled(self, trip: str) -> bool:
        return any((one.kind, one.correlation_id) == ("CANCELLED", trip) for one in self.ledger)

    def miles_of(self, trip: str) -> Decimal:
        return sum((one.amount for one in self._entries(trip, MILES)), Decimal(0))

    def _entries(self, trip: str, kinds: Collection[str]) -> list[Entry]:
        """Of a trip, or of one change of it."""
        return [one for one in self.ledger if trip in (one.trip, one.correlation_id) and one.kind in kinds]

    def _undo(self, received: Received, step: str) -> Reply:
        key = (received.correlation_id, step)
        record = self.records.get(key)
        if record is None:
            self._move(key, Record("UNDONE"))
        elif record.state == "DONE":
            told = self._book_back(received, key) if step != "BookLounge" else {}
            self._move(key, replace(record, state="UNDONE", answer=told))
        told = self.records[key].answer if self.records[key].state == "UNDONE" else {}
        return self._answered(received, {"success": True, "status": "UNDONE", **told})

    def _book_back(self, received: Received, key: tuple[str, str]) -> Mapping[str, Any]:
        """All that the trip has had since, its changes included; the answer's fields of its own."""
        entry = next(one for one in self.ledger if (one.correlation_id, one.kind) in _opening(key))
        if key[1] == "AwardMiles":
            self._book(received, "REVERSAL", entry.account, -self.miles_of(key[0]))
            return {}
        is_over, held = self._is_cancelled(entry.trip), self.money_of(key[0])
        kept = min(Decimal(received.body.get("booking_data", {}).get("keep", 0)), held)
        money = sum((one.amount for one in self._entries(key[0], MONEY)), Decimal(0))
        if is_over:  # With the whole trip.
            money = held = kept = Decimal(0)
        self._book(received, "CANCELLED", entry.account, kept - money, trip=entry.trip)
        return {"returned": held - kept, "kept": kept}

    def _book(self, received: Received, kind: str, account: str, amount: Decimal, *, trip: str = "") -> None:
        self.ledger.append(
            Entry(received.correlation_id, kind, account, amount, trip or received.correlation_id)
        )

    def _move(self, key: tuple[str, str], record: Record) -> None:
        before = self.records[key].state if key in self.records else "absent"
        self.moves.append((*key, before, record.state))
        self.records[key] = record

    def _answered(self, received: Received, answer: Mapping[str, Any]) -> Reply:
        made = _with_id(reply(200, answer), received.correlation_id)
        if answer["success"]:
            self.successes[received.correlation_id, received.name].add(made.body.decode())
        return made


def _opening(key: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    correlation_id, step = key
    return ((correlation_id, "AUTHORIZED" if step == "AuthorizePayment" else "AWARD"),)


def _with_id(answer: Reply, correlation_id: str) -> Reply:
    """An object of ours carries the saga's id, unless it says another one."""
    try:
        body = strict_json.loads(answer.body)
    except strict_json.InvalidJson:
        return answer
    return replace(answer, body=json_text.dumps({"correlation_id": correlation_id, **body}).encode())
