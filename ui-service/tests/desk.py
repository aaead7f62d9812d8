"""The other services as the contract describes them, standing at the HTTP edge."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import responses
from requests import PreparedRequest
from responses import matchers

BACKEND, LOYALTY, PAYMENT = (f"http://127.0.0.1:{port}" for port in (8001, 8002, 8003))
SAGA = "0b54a8b7-6a4c-4a86-8b6b-0f6f0f4f9d11"
RETURN = "flight=1&flight=2&cabin=economy&passengers=1&seats1=7A&seats2=8B"
"a trip of `flight` and `turned`, each with a seat"
STEPS = ("ReserveSeat", "AuthorizePayment", "AwardMiles", "ConfirmBooking")
TITLES = {
    "ReserveSeat": {"PENDING": "Hold your seats", "DONE": "Seats held", "UNDONE": "Seats given back"},
    "AuthorizePayment": {"STARTED": "Asking your bank", "UNDOING": "Cancelling the payment"},
    "ConfirmBooking": {"PENDING": "Issue the tickets"},
}
UNDOES = ("CancelSeat", "CancelPayment", "ReverseMiles", "CancelBooking")
Json = dict[str, Any]


def airport(code: str, city: str, zone: str = "America/Chicago", **changes: Any) -> Json:
    return {
        "code": code,
        "name": f"{city} Airport",
        "city": city,
        "region": "",
        "country": "US",
        "time_zone": zone,
        "served": True,
        **changes,
    }


def turned(number: int, **changes: Any) -> Json:
    """The way back of `flight`, a week later."""
    back = {"departs_local": "2099-12-15T10:00:00-06:00", "arrives_local": "2099-12-15T12:20:00-06:00"}
    ends = {"origin": airport("ORD", "Chicago"), "destination": airport("DFW", "Dallas")}
    return flight(number, **{**ends, **back, **changes})


def onward(number: int, **changes: Any) -> Json:
    """From where `flight` arrives, 95 minutes later."""
    ends = {"origin": airport("ORD", "Chicago"), "destination": airport("JFK", "New York")}
    times = {"departs_local": "2099-12-08T02:40:00-06:00", "arrives_local": "2099-12-08T05:50:00-05:00"}
    return flight(number, **{**ends, **times, "distance_miles": 740, "duration_minutes": 130, **changes})


def flight(number: int = 1, **changes: Any) -> Json:
    classes = [("economy", 161.41, 156, 12), ("business", 480.00, 16, 0)]
    return {
        "id": number,
        "flight_number": f"ZZ10{number}",
        "origin": airport("DFW", "Dallas"),
        "destination": airport("ORD", "Chicago"),
        "departs_local": "2099-12-07T22:45:00-06:00",
        "arrives_local": "2099-12-08T01:05:00-06:00",
        "distance_miles": 802,
        "duration_minutes": 140,
        "aircraft": "737-800",
        "aircraft_name": "Boeing 737-800",
        "seat_classes": [
            {"seat_class": name, "fare": fare, "seats": seats, "seats_left": left}
            for name, fare, seats, left in classes
        ],
        "other_charges": 50.00,
        "bookable": True,
        **changes,
    }


def seat_map() -> Json:
    def seat(number: str, seat_class: str, status: str) -> Json:
        return {
            "seat_number": number,
            "seat_class": seat_class,
            "status": status,
            "position": "window",
            "exit_row": False,
        }

    economy = [seat(f"{row}{letter}", "economy", "free") for row in (7, 8) for letter in "ABCDEF"]
    economy[1]["status"], economy[2]["status"] = "held", "sold"
    business = [seat(f"1{letter}", "business", "free") for letter in "ABEF"]
    cabins = [
        {"seat_class": "business", "rows": [1], "groups": ["AB", "EF"], "exit_rows": []},
        {"seat_class": "economy", "rows": [7, 8], "groups": ["ABC", "DEF"], "exit_rows": [8]},
    ]
    return {"seats": [*business, *economy], "cabins": cabins}


def booking(**changes: Any) -> Json:
    ticket = {
        "ticket_number": "973-1234567890",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "seat_number": "7A",
    }
    return {
        "booking_reference": "ABC234",
        "correlation_id": SAGA,
        "user_id": "demo",
        "status": "CONFIRMED",
        "amount": 211.41,
        "flight_fare": 161.41,
        "other_charges": 50.00,
        "currency": "USD",
        "contact_info": {"email": "ada@example.com", "mobile": "+15550100"},
        "created_at": "2026-11-23T02:00:00Z",
        "cancelled_at": None,
        "flight": {**flight(), "seat_classes": []},
        "tickets": [{**ticket, "gender": "female", "seat_class": "economy"}],
        **changes,
    }


def return_booking(**changes: Any) -> Json:
    """There with one flight and back with another."""
    (ticket,) = booking()["tickets"]
    back = {**ticket, "ticket_number": "973-0987654321", "seat_number": "8B"}
    flights = [{**flight(1), "tickets": [ticket]}, {**turned(2), "tickets": [back]}]
    amounts = {"amount": 372.82, "flight_fare": 322.82}
    return booking(**{"flights": flights, "tickets": [ticket, back], **amounts, **changes})


QUOTE = "7d0f2a54-0b8e-4c52-9d3a-5f6f0c6c1b11"


def cancel_quote(**changes: Any) -> Json:
    return {
        "quote_id": QUOTE,
        "booking_reference": "ABC234",
        "correlation_id": SAGA,
        "amount": 211.41,
        "refund": 161.41,
        "fee": 50.00,
        "miles": 161,
        "currency": "USD",
        "expires_at": "2026-11-23T02:15:00Z",
        **changes,
    }


def saga(status: str, states: str, **changes: Any) -> Json:
    """`states` has a word for each step, such as "DONE REFUSED PENDING PENDING"."""
    steps = [
        {
            "name": name,
            "compensation": undo,
            "status": state,
            "attempts": 1,
            "compensation_attempts": 1 if state in ("UNDOING", "UNDONE") else 0,
            "error": "The card was declined." if state == "REFUSED" else None,
            "error_code": "PAYMENT_DECLINED" if state == "REFUSED" else None,
            "title": TITLES.get(name, {}).get(state, name),
            "icon": "armchair",
        }
        for name, undo, state in zip(STEPS, UNDOES, states.split(), strict=True)
    ]
    return {
        "correlation_id": SAGA,
        "status": status,
        "reason": None,
        "needs_attention": False,
        "booking_reference": "ABC234" if status == "COMPLETED" else None,
        "user_id": "demo",
        "flight_id": 1,
        "amount": 211.41,
        "created_at": "2026-11-23T02:00:00.000000Z",
        "finished_at": "2026-11-23T02:00:00.250000Z",
        "next_attempt_at": None,
        "steps": steps,
        **changes,
    }


COMPLETED = saga("COMPLETED", "DONE DONE DONE DONE")
RUNNING = saga("RUNNING", "DONE STARTED PENDING PENDING", finished_at=None)
DECLINED = saga(
    "COMPENSATED",
    "UNDONE REFUSED PENDING PENDING",
    reason="PAYMENT_DECLINED",
    result={"error": "The card was declined.", "error_code": "PAYMENT_DECLINED"},
)
SEAT_LOST = saga(
    "COMPENSATED",
    "REFUSED PENDING PENDING PENDING",
    reason="SEAT_UNAVAILABLE",
    result={"error": "Seat 7A is taken.", "error_code": "SEAT_UNAVAILABLE"},
)


def event(sequence: int, event_type: str, **data: Any) -> Json:
    return {
        "event_id": f"e{sequence}",
        "event_type": event_type,
        "correlation_id": SAGA,
        "sequence": sequence,
        "timestamp": f"2026-11-23T02:00:00.{sequence:03d}000Z",
        "data": data,
    }


EVENTS = [
    event(1, "SAGA_STARTED", flight_id=1),
    event(2, "SAGA_STEP_STARTED", step="ReserveSeat", attempt=1),
    event(3, "SAGA_STEP_COMPLETED", step="ReserveSeat"),
    event(4, "SAGA_COMPLETED"),
]


def overview(**changes: Any) -> Json:
    counts = {"PENDING": 0, "RUNNING": 3, "COMPENSATING": 1, "COMPLETED": 98412, "COMPENSATED": 1571}
    return {
        "counts": counts,
        "needs_attention": 0,
        "oldest_open": {"correlation_id": SAGA, "created_at": "2026-11-23T02:00:00Z"},
        "failures": {"since": "2026-11-22T02:00:00Z", "ended": 800, "failed": 12},
        "incidents": [],
        "next_tries": [{"correlation_id": SAGA, "status": "RUNNING", "due_at": "2026-11-23T02:00:05Z"}],
        "seats_held": {"by_sagas": 4, "by_direct_calls": 0, "next_expiry": None},
        "settled_by_hand": {"count": 0, "oldest": []},
        "engine": {
            "name": "local",
            "workers": [{"name": "host:7", "beat_at": "2026-11-23T02:00:00Z"}],
            "jobs_waiting": None,
        },
        "definitions": [{"name": "book-trip", "version": 1, "open": 4}],
        **changes,
    }


HOURS = [
    {"at": f"2026-11-22T{hour:02d}:00:00Z", "started": 40 + hour, "failed": hour % 2, "stuck": int(hour == 3)}
    for hour in range(24)
]


def audit_row(**changes: Any) -> Json:
    return {
        "id": 7,
        "created_at": "2026-11-23T02:00:00Z",
        "kind": "operator",
        "actor": "demo",
        "address": "",
        "action": "retry",
        "correlation_id": SAGA,
        "reason": "payment is back",
        "evidence": "",
        **changes,
    }


PARTICIPANTS = (None, "payment", "loyalty", None)
DEFINITIONS: Json = {
    "results": [
        {
            "name": "book-trip",
            "version": 1,
            "steps": [
                {
                    "name": name,
                    "compensation": undo,
                    "participant": participant,
                    "kind": "compensatable",
                    "refusals": [],
                    "title": TITLES.get(name, {}).get("PENDING", f"Do {name}"),
                    "undone": f"{name} undone",
                    "icon": "armchair",
                }
                for name, undo, participant in zip(STEPS, UNDOES, PARTICIPANTS, strict=True)
            ],
        }
    ]
}


class Desk:
    """Answers calls, and keeps them for the tests to look at."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self._mock = mock
        self.told: list[Any] = []
        "what it answers to reads"

    @property
    def edge(self) -> responses.RequestsMock:
        """For an answer of a test's own."""
        return self._mock

    @property
    def calls(self) -> list[PreparedRequest]:
        return [call.request for call in self._mock.calls]

    def sent_to(self, path: str) -> list[PreparedRequest]:
        return [each for each in self.calls if urlsplit(str(each.url)).path == path]

    def body(self, request: PreparedRequest) -> Json:
        found: Json = json.loads(request.body or b"{}")
        return found

    def query(self, path: str) -> dict[str, str]:
        """The query of the only call to `path`."""
        (request,) = self.sent_to(path)
        return {name: values[0] for name, values in parse_qs(urlsplit(str(request.url)).query).items()}

    def answers(
        self,
        path: str,
        body: Any,
        *,
        status: int = 200,
        method: str = "GET",
        base: str = BACKEND,
        query: dict[str, str] | None = None,
    ) -> None:
        """With `query`, only where the address has these parameters."""
        self.told.append(body)
        address = re.compile(re.escape(base + path) + r"(\?.*)?$")
        if query is None:
            self._mock.upsert(method, address, json=body, status=status)
        else:
            asked = matchers.query_param_matcher(query, strict_match=False)
            self._mock.add(method, address, json=body, status=status, match=[asked])

    def answers_once(self, path: str, body: Any) -> None:
        """To a POST; several follow each other."""
        self._mock.add("POST", BACKEND + path, json=body, status=200)

    def asked(self, path: str) -> list[dict[str, str]]:
        """The query of each call to `path`."""
        queries = [parse_qs(urlsplit(str(call.url)).query) for call in self.sent_to(path)]
        return [{name: values[0] for name, values in query.items()} for query in queries]

    def knows_nothing_else(self) -> None:
        """No booking and no saga of any id."""
        problem = {"status": 404, "code": "NOT_FOUND", "detail": "There is no such thing."}
        for prefix in ("/api/bookings/", "/api/saga/status/"):
            self._mock.add("GET", re.compile(re.escape(BACKEND + prefix)), json=problem, status=404)

    def finds(
        self,
        *flights: Json,
        connections: list[list[Json]] | None = None,
        nearest: list[str] | None = None,
        query: dict[str, str] | None = None,
    ) -> "Desk":
        """What a search answers; a connection by its flights."""
        changing = [{"flights": each} for each in connections or []]
        body = {"results": list(flights), "connections": changing, "nearest_dates": nearest or []}
        self.answers("/api/flights/search/", body, query=query)
        return self

    def answers_anything(self, prefix: str) -> None:
        """Whatever is asked below `prefix`, there is nothing in it."""
        self._mock.add(
            "GET", re.compile(re.escape(BACKEND + prefix)), json={"results": [], "next": None, "counts": {}}
        )

    def sells(self, *flights: Json) -> "Desk":
        """Search, one flight and seats, for the given flights."""
        offered = flights or (flight(),)
        self.answers("/api/places/search/", {"results": [airport("DFW", "Dallas")]})
        self.answers("/api/flights/search/", {"results": list(offered), "nearest_dates": []})
        for each in offered:
            self.answers(f"/api/flights/{each['id']}/", each)
            self.answers(f"/api/flights/{each['id']}/seats/", seat_map())
        return self

    def quotes_a_cancellation(self, **changes: Any) -> None:
        self.answers("/api/bookings/ABC234/cancel-quote/", cancel_quote(**changes))

    def lists_trips(self, user_id: str, *trips: Json, following: str | None = None) -> None:
        counts = {"upcoming": 71, "past": 1, "cancelled": 1}
        body = {"results": list(trips), "next": following, "counts": counts}
        self.answers(f"/api/tickets/user/{user_id}/trips/", body)

    def lists(self, *sagas: Json, following: str | None = None, **changes: Any) -> None:
        """The saga list and the overview."""
        self.answers("/api/saga/", {"results": list(sagas), "next": following})
        self.answers("/api/saga/overview/", overview(**changes))
        self.answers("/api/saga/history/", {"results": HOURS})
        self.answers("/api/saga/definitions/", DEFINITIONS)

    def audits(self, *rows: Json, following: str | None = None) -> None:
        self.answers("/api/audit/", {"results": list(rows), "next": following})

    def starts(self, *ids: str) -> None:
        """Start-booking answers 202 with these sagas, one after the other."""
        for each in ids or (SAGA,):
            body = {"success": True, "correlation_id": each, "status": "RUNNING"}
            self._mock.add("POST", f"{BACKEND}/api/saga/start-booking/", json=body, status=202)

    def then_refuses(self, path: str, status: int, code: str, detail: str) -> None:
        """The answer after those that were set before."""
        body = {"status": status, "code": code, "detail": detail}
        self._mock.add("POST", BACKEND + path, json=body, status=status)

    def tells(self, status: Json, events: list[Json] | None = None) -> None:
        self.answers(f"/api/saga/status/{status['correlation_id']}/", status)
        found = {"correlation_id": status["correlation_id"], "events": EVENTS if events is None else events}
        self.answers(f"/api/saga/events/{status['correlation_id']}/", found)

    def knows_nothing(self) -> None:
        """Whatever is asked, there is no such thing."""
        problem = {"status": 404, "code": "NOT_FOUND", "detail": "There is no such thing."}
        for method in ("GET", "POST", "PUT", "DELETE"):
            self._mock.add(method, re.compile(".*"), json=problem, status=404)

    def puts_off(self, path: str, *, method: str, seconds: int) -> None:
        """One of the backend's limits is used up."""
        problem = {"status": 429, "code": "TOO_MANY_REQUESTS", "detail": "Too many requests."}
        wait = {"Retry-After": str(seconds)}
        self._mock.add(method, BACKEND + path, json=problem, status=429, headers=wait)

    def refuses(
        self,
        path: str,
        status: int,
        code: str,
        detail: str,
        *,
        method: str = "POST",
        base: str = BACKEND,
        **extra: Any,
    ) -> None:
        body = {"status": status, "code": code, "detail": detail, **extra}
        self.answers(path, body, status=status, method=method, base=base)

    def passes_on(self, url: str) -> None:
        """What is asked there goes over a socket."""
        self._mock.add_passthru(url)

    def when_asked(self, path: str, body: Json, look: Callable[[], None]) -> None:
        """`look` is called in the middle of the call."""

        def answer(_: PreparedRequest) -> tuple[int, dict[str, str], str]:
            look()
            return 200, {}, json.dumps(body)

        self._mock.add_callback("GET", BACKEND + path, callback=answer)
