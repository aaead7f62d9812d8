"""A client of the suite, as any other: HTTP and nothing else."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import requests

Body = dict[str, Any]
Result = TypeVar("Result")
TERMINAL = ("COMPLETED", "COMPENSATED")
OPEN = ("PENDING", "RUNNING", "COMPENSATING")
PAID, GIVEN_BACK = ("AUTHORIZED", "CAPTURED"), ("CANCELLED", "REFUNDED")
"Statuses of a live booking's payment, and of a cancelled one's: before and after its money was captured."
POLL = 0.05
PATIENCE = 60.0


@dataclass(frozen=True)
class Addresses:
    ui: str = "http://127.0.0.1:8000"
    backend: str = "http://127.0.0.1:8001"
    loyalty: str = "http://127.0.0.1:8002"
    payment: str = "http://127.0.0.1:8003"


class Processes(Protocol):
    """What can be done to a suite of one's own."""

    def kill(self, name: str) -> None: ...

    def kill_all(self) -> None: ...

    def start(self) -> None: ...

    def wait_ready(self) -> None: ...


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str
    raw: requests.Response

    @property
    def body(self) -> Body:
        body: Body = self.raw.json(parse_float=Decimal)
        return body

    def expect(self, status: int) -> Body:
        """The body of an answer that must have this status; an error must be a problem document."""
        assert self.status == status, f"{self.raw.request.method} {self.raw.url}: {self.status} {self.text}"
        if status >= 400:
            assert self.headers["Content-Type"].startswith("application/problem+json"), self.headers
        return self.body

    def refuse(self, status: int, code: str) -> Body:
        body = self.expect(status)
        assert body["code"] == code, body
        return body


class Books(Protocol):
    """The checker of the three databases."""

    def check(self, clients: Sequence[str], *, snapshot: bool) -> None: ...


class Desk:
    def __init__(
        self, addresses: Addresses, processes: Processes | None = None, books: Books | None = None
    ) -> None:
        self.addresses, self.processes, self._books = addresses, processes, books
        self.accepted: list[str] = []
        "every correlation id that start-booking has answered"
        self._local = threading.local()
        self._flights: list[int] = []
        self._turn = count()

    # -- HTTP

    def get(self, service: str, path: str) -> Answer:
        return self.call("GET", service, path)

    def post(self, service: str, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("POST", service, path, json=body, headers=headers)

    def call(self, method: str, service: str, path: str, **options: Any) -> Answer:
        """Redirects are no answer of the suite's; a cut connection raises."""
        url = getattr(self.addresses, service) + path
        got = self._session().request(method, url, timeout=30, allow_redirects=False, **options)
        return Answer(got.status_code, got.headers, got.text, got)

    def _session(self) -> requests.Session:
        """One for each thread: a session is not made to be shared."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        return session

    # -- steps

    def step(self, name: str, correlation_id: str, booking: Body | None = None, **more: Any) -> Answer:
        """Call a step's or a compensation's endpoint directly."""
        body: Body = {"correlation_id": correlation_id, **more}
        if booking is not None:
            body["booking_data"] = booking
        service = {"authorize-payment": "payment", "cancel-payment": "payment"}.get(name, "backend")
        service = "loyalty" if name.endswith("-miles") else service
        return self.post(service, f"/api/saga/{name}/", body)

    # -- bookings

    def start(self, booking: Body, **headers: str) -> Answer:
        answer = self.post("backend", "/api/saga/start-booking/", booking, **headers)
        if answer.status in (200, 202):
            self.accepted.append(answer.body["correlation_id"])
        return answer

    def book(self, booking: Body, **headers: str) -> Body:
        """The answer of a booking that runs to its end, whichever."""
        return self.start(booking, **headers).expect(200)

    def status(self, correlation_id: str) -> Body:
        return self.get("backend", f"/api/saga/status/{correlation_id}/").expect(200)

    def events(self, correlation_id: str, *, after: int = 0) -> list[Body]:
        path = f"/api/saga/events/{correlation_id}/?after={after}"
        events: list[Body] = self.get("backend", path).expect(200)["events"]
        return events

    def ended(self, correlation_id: str, within: float = PATIENCE) -> Body:
        """The status of a saga once it has ended."""

        def look() -> Body | None:
            status = self.status(correlation_id)
            return status if status["status"] in TERMINAL else None

        return wait(look, f"saga {correlation_id} has ended", within)

    def open_sagas(self) -> list[str]:
        pages = (self.get("backend", f"/api/saga/?status={status}").expect(200) for status in OPEN)
        return [saga["correlation_id"] for page in pages for saga in page["results"]]

    # -- flights

    def flight(self) -> int:
        """A flight with free seats in economy; another one each time, so that scenarios do not meet."""
        if not self._flights:
            found = self.search("economy")
            self._flights = [one["id"] for one in found if one["bookable"]]
        return self._flights[next(self._turn) % len(self._flights)]

    def flight_back(self) -> int:
        """The way back of `flight`, a week later."""
        found = self.search("economy", "origin=ORD&destination=DFW", days=21)
        return next(int(one["id"]) for one in found if one["bookable"])

    def search(
        self, seat_class: str, route: str = "origin=DFW&destination=ORD", days: int = 14
    ) -> list[Body]:
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86_400))
        path = f"/api/flights/search/?{route}&depart_date={day}&seat_class={seat_class}"
        results: list[Body] = self.get("backend", path).expect(200)["results"]
        return results

    def charges(self, flight_id: int) -> Decimal:
        """What a booking costs beside its fare."""
        body = self.get("backend", f"/api/flights/{flight_id}/").expect(200)
        return Decimal(body["other_charges"])

    def fare(self, flight_id: int) -> Decimal:
        """Of one passenger in economy."""
        body = self.get("backend", f"/api/flights/{flight_id}/").expect(200)
        return next(Decimal(each["fare"]) for each in body["seat_classes"] if each["seat_class"] == "economy")

    def seats(self, flight_id: int) -> dict[str, str]:
        """Free, held or sold, by seat number."""
        body = self.get("backend", f"/api/flights/{flight_id}/seats/").expect(200)
        return {seat["seat_number"]: seat["status"] for seat in body["seats"]}

    def free_seat(self, flight_id: int) -> str:
        """From the back of the aircraft, where no seat is assigned automatically."""
        return next(seat for seat, status in reversed(self.seats(flight_id).items()) if status == "free")

    # -- money and miles

    def payment(self, correlation_id: str) -> str:
        """Its status, or "" where there is none."""
        answer = self.get("payment", f"/api/payments/{correlation_id}/")
        return "" if answer.status == 404 else str(answer.expect(200)["status"])

    def balance(self, user_id: str) -> int:
        answer = self.get("loyalty", f"/api/loyalty/{user_id}/")
        return 0 if answer.status == 404 else int(answer.expect(200)["balance"])

    # -- the whole

    def check_books(self, *, snapshot: bool) -> None:
        """Every invariant, where the databases can be read; with `snapshot` while sagas may be running."""
        if self._books:
            self._books.check(self.accepted, snapshot=snapshot)

    def close_the_books(self) -> None:
        """At the end, when every saga has ended."""
        wait(lambda: not self.open_sagas(), "no saga is open any more")
        self.check_books(snapshot=False)


def wait(look: Callable[[], Result | None], what: str, within: float = PATIENCE) -> Result:
    """Look until there is something to see."""
    deadline = time.monotonic() + within
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"waited {within:.0f} s in vain: {what}"
        time.sleep(POLL)


def new_id(kind: str = "e2e") -> str:
    return f"{kind}-{uuid4().hex[:12]}"


def booking(flight_id: int, **more: Any) -> Body:
    """A body of start-booking, by default of a new traveller."""
    return {"flight_id": flight_id, **_of_a_new_traveller(), **more}


def trip(*flights: int | Body, **more: Any) -> Body:
    """The same for several flights, each by its id or with its seats."""
    asked = [flight if isinstance(flight, dict) else {"flight_id": flight} for flight in flights]
    return {"flights": asked, **_of_a_new_traveller(), **more}


def _of_a_new_traveller() -> Body:
    return {
        "user_id": new_id("traveller"),
        "passengers": [{"first_name": "Ada", "last_name": "Lovelace", "gender": "female"}],
        "contact_info": {"email": "ada@example.com", "mobile": "+44 20 7946 0000"},
    }
