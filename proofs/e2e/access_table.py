"""Access outside demo mode: every URL of the four services, by GET and by POST.

A URL that is in no row fails the test: add its row here, and in the table of docs/security.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Method = Literal["GET", "POST"]
METHODS: tuple[Method, ...] = ("GET", "POST")

# At the browser. The finder knows the reference and the last name of the trip, and nothing else of its owner.
NOBODY, GUEST, OTHER_GUEST, FINDER = "nobody", "guest", "other guest", "finder"
USER, OWNER, OPERATOR, AUDITOR = "other user", "owner", "operator", "auditor"
LOGGED_IN = (USER, OWNER, OPERATOR, AUDITOR)
BROWSERS = (NOBODY, GUEST, OTHER_GUEST, FINDER, *LOGGED_IN)

# At an API: people with a token, and a service without a user, with one, or with a role and no user.
SERVICE, UNNAMED_OPERATOR = "service for nobody", "service for an operator without a name"
FOR_OWNER, FOR_USER = "service for the owner", "service for the other user"
FOR_OPERATOR, FOR_AUDITOR = "service for an operator", "service for an auditor"
SERVICES = (SERVICE, UNNAMED_OPERATOR, FOR_OWNER, FOR_USER, FOR_OPERATOR, FOR_AUDITOR)
CALLERS = (NOBODY, *LOGGED_IN, *SERVICES)

OF_OWNER, OF_STAFF = (OWNER, FOR_OWNER), (OPERATOR, AUDITOR, FOR_OPERATOR, FOR_AUDITOR)
OF_OPERATOR = (OPERATOR, FOR_OPERATOR)

LOGIN = "login"
"A redirect to the login page."
CHANGES = "changes"
"Allowed, and it would change what the others are asked about: left to the end of the test."
Outcome = int | str


@dataclass(frozen=True)
class Row:
    """The answers of each method by role; MINE: the owner of the trip, finders included."""

    get: Mapping[str, Outcome]
    post: Mapping[str, Outcome]
    query: str = ""
    form: Mapping[str, object] = field(default_factory=dict)

    def outcome(self, method: Method, person: str, *, mine: bool) -> Outcome:
        rules = self.get if method == "GET" else self.post
        if mine and MINE in rules:
            return rules[MINE]
        return rules[person] if person in rules else rules[ELSE]


MINE, ELSE = "mine", "everybody else"


def all_get(outcome: Outcome) -> dict[str, Outcome]:
    return {ELSE: outcome}


def some(people: tuple[str, ...], outcome: Outcome, otherwise: Outcome) -> dict[str, Outcome]:
    return {**dict.fromkeys(people, outcome), ELSE: otherwise}


def mine(outcome: Outcome, otherwise: Outcome = 404) -> dict[str, Outcome]:
    return {MINE: outcome, ELSE: otherwise}


NO = all_get(405)
OPEN, GONE = Row(all_get(200), NO), Row(all_get(404), all_get(404))
TRIP = Row(mine(200), NO)
ACCOUNT = Row(some(LOGGED_IN, 200, LOGIN), some(LOGGED_IN, 422, LOGIN))
STAFF = some((OPERATOR, AUDITOR), 200, 403)
CONSOLE = Row(STAFF, NO)
ACT = Row(NO, some((OPERATOR,), 302, 403))
ROUTE = "origin=X+(DFW)&destination=X+(ORD)"

UI: Mapping[str, Row] = {
    "": OPEN,
    "flights/": Row(all_get(200), NO, query=f"{ROUTE}&depart={{day}}"),
    "flights/fares/": Row(all_get(200), NO, query="from=DFW&to=ORD&day={day}"),
    "flights/calendar/": Row(all_get(200), NO, query=ROUTE),
    "places/": Row(all_get(200), NO, query="origin=Dal"),
    "where/": OPEN,
    "book/seats/": Row(all_get(200), NO, query="flight=1"),
    "book/passengers/": Row(all_get(200), all_get(422), query="flight=1"),
    "book/<slug:draft>/pay/": Row(mine(200, 302), mine(422, 302)),
    # Without the query it leads to the trip.
    "progress/<str:correlation_id>/": Row(mine(200), NO, query="how=1"),
    "progress/<str:correlation_id>/part/": TRIP,
    # It says that it is too late.
    "progress/<str:correlation_id>/stop/": Row(NO, mine(302)),
    "api/saga/stream/<str:correlation_id>/": Row({**mine(200), OPERATOR: 200, AUDITOR: 200}, NO),
    "trips/": OPEN,
    "trips/find/": Row(all_get(200), all_get(422), form={"reference": "{reference}", "surname": "Nobodyson"}),
    "trips/<slug:reference>/": TRIP,
    "trips/<slug:reference>/ticket/": TRIP,
    "trips/<slug:reference>/ticket.pdf": TRIP,
    "trips/<slug:reference>/calendar.ics": TRIP,
    "trips/<slug:reference>/cancel/": Row(mine(200), mine(CHANGES)),
    "trips/<slug:reference>/change/": Row(mine(200), mine(CHANGES)),
    "trips/<slug:reference>/change/confirm/": Row(NO, mine(CHANGES)),
    "miles/": OPEN,
    "account/": Row(some(LOGGED_IN, 200, LOGIN), some(LOGGED_IN, 200, LOGIN)),
    "account/login/": Row(some(LOGGED_IN, 302, 200), some(LOGGED_IN, 302, 422)),
    # Nobody has just given the password of an account that asks for a code.
    "account/login/code/": Row(all_get(LOGIN), all_get(LOGIN)),
    "account/logout/": Row(NO, all_get(CHANGES)),
    "account/logout/everywhere/": Row(some(LOGGED_IN, 405, LOGIN), some(LOGGED_IN, CHANGES, LOGIN)),
    "account/register/": Row(all_get(200), all_get(422)),
    # Another address needs the password.
    "account/profile/": ACCOUNT,
    "account/factor/": ACCOUNT,
    # No app is being set up.
    "account/factor/app/": Row(some(LOGGED_IN, 302, LOGIN), some(LOGGED_IN, 302, LOGIN)),
    "account/data/": ACCOUNT,
    "account/data/export/": Row(some(LOGGED_IN, 405, LOGIN), some(LOGGED_IN, 200, LOGIN)),
    "account/password/": ACCOUNT,
    "account/reset/": Row(all_get(200), all_get(422)),
    "account/reset/sent/": OPEN,
    # No such account, so no such link.
    "account/reset/<uidb64>/<token>/": Row(all_get(200), all_get(200)),
    "outbox/": Row(all_get(404), NO),
    "theme/": Row(NO, all_get(302)),
    "console/": CONSOLE,
    "console/audit/": CONSOLE,
    "console/people/": Row(some((OPERATOR,), 200, 403), some((OPERATOR,), 302, 403)),
    "console/by-hand/": CONSOLE,
    "console/group/": Row(some((OPERATOR,), 200, 403), some((OPERATOR,), 422, 403)),
    # Nothing is ticked, and no reason given.
    "console/act/": Row(NO, some((OPERATOR,), 422, 403)),
    "console/<str:correlation_id>/": CONSOLE,
    "console/<str:correlation_id>/part/": CONSOLE,
    "console/<str:correlation_id>/export.json": CONSOLE,
    "console/<str:correlation_id>/act/": ACT,
    "faults/": GONE,
    "how-it-works/": OPEN,
    "try/": Row(all_get(302), NO),
    "learn/": OPEN,
    # Lessons are run in demo mode only.
    "learn/run/": Row(NO, all_get(404), form={"lesson": "success"}),
    "learn/<slug:slug>/<str:correlation_id>/": Row(all_get(404), NO),
    "learn/<slug:slug>/<str:correlation_id>/part/": Row(all_get(404), NO),
    "learn/<slug:slug>/<str:correlation_id>/act/": Row(NO, all_get(404)),
    "pages/<slug:name>/": OPEN,
    "api/health/": OPEN,
    "api/health/ready/": OPEN,
    "metrics": OPEN,
}

# An empty body: permitted callers get a 400 that names what is missing, and nothing happens.
STEP = Row(NO, some(SERVICES, 400, 401))
OWN = Row({**some(OF_OWNER, 200, 404), **dict.fromkeys(OF_STAFF, 200)}, NO)
OVERSEER = Row({**some(OF_STAFF, 200, 403), NOBODY: 401}, NO)
OPERATORS = Row(NO, {**some(OF_OPERATOR, 400, 403), NOBODY: 401})
COMMON: Mapping[str, Row] = {
    "": OPEN,
    "api/": OPEN,
    "api/demo/faults/": Row(all_get(403), all_get(403)),
    "api/health/": OPEN,
    "api/health/ready/": OPEN,
    "metrics": OPEN,
    "api/audit/": OVERSEER,
    "api/tokens/end/": STEP,
    "api/schema/": OPEN,
    "api/docs/": OPEN,
}
START = {
    "flight_id": 999_999_999,
    "user_id": "{user_id}",
    "passengers": [{"first_name": "A", "last_name": "B"}],
    "contact_info": {"email": "a@example.com", "mobile": "+15550100"},
    "payment": {"card_token": "tok_ok"},
}
# An empty body; auditors look and change nothing.
CHANGE = Row(NO, {**some((*OF_OWNER, *OF_OPERATOR), 400, 404), **dict.fromkeys((AUDITOR, FOR_AUDITOR), 403)})
BACKEND: Mapping[str, Row] = {
    **COMMON,
    # There is no such flight: 404 for permitted callers.
    "api/saga/start-booking/": Row(
        NO,
        {**some(OF_OWNER, 404, 403), **dict.fromkeys((NOBODY, SERVICE, UNNAMED_OPERATOR), 401)},
        form=START,
    ),
    "api/saga/reserve-seat/": STEP,
    "api/saga/confirm-booking/": STEP,
    "api/saga/cancel-seat/": STEP,
    "api/saga/cancel-booking/": STEP,
    "api/saga/status/<str:correlation_id>/": OWN,
    "api/saga/events/<str:correlation_id>/": OWN,
    "api/saga/": Row({**OWN.get, NOBODY: 401}, NO, query="user_id={user_id}"),
    "api/saga/definitions/": OPEN,
    "api/saga/overview/": OVERSEER,
    "api/saga/history/": OVERSEER,
    "api/saga/settlements/": OVERSEER,
    "api/saga/bulk/": OPERATORS,
    "api/saga/<str:correlation_id>/export/": OVERSEER,
    "api/saga/<str:correlation_id>/retry/": OPERATORS,
    "api/saga/<str:correlation_id>/cancel/": OPERATORS,
    # The saga has ended.
    "api/saga/<str:correlation_id>/withdraw/": Row(
        NO, {**some(OF_OWNER, 409, 404), **dict.fromkeys(OF_STAFF, 403)}
    ),
    "api/saga/<str:correlation_id>/authorize-again/": OPERATORS,
    "api/saga/<str:correlation_id>/resolve/": OPERATORS,
    "api/bookings/<str:booking_reference>/cancel-quote/": OWN,
    "api/bookings/<str:booking_reference>/cancel/": Row(
        NO,
        {
            **some(OF_OWNER, CHANGES, 404),
            **dict.fromkeys(OF_OPERATOR, 400),
            **dict.fromkeys((AUDITOR, FOR_AUDITOR), 403),
        },
    ),
    "api/bookings/<str:booking_reference>/change-quote/": CHANGE,
    "api/bookings/<str:booking_reference>/change/": CHANGE,
    "api/people/<str:user_id>/": OWN,
    "api/people/<str:user_id>/erase/": Row(
        NO,
        {
            **some(OF_OWNER, CHANGES, 404),
            **dict.fromkeys(OF_OPERATOR, 400),
            **dict.fromkeys((AUDITOR, FOR_AUDITOR), 403),
        },
    ),
    "api/bookings/find/": Row(
        # By GET it is the address of a booking, and no reference.
        all_get(405),
        some(SERVICES, 404, 401),
        form={"booking_reference": "{reference}", "surname": "Nobodyson"},
    ),
    "api/bookings/<str:reference>/": OWN,
    "api/demo/outbox/": Row(all_get(404), NO),
    "api/tickets/user/<str:user_id>/": OWN,
    "api/tickets/user/<str:user_id>/trips/": OWN,
    "api/places/search/": OPEN,
    "api/places/destinations/": Row(all_get(200), NO, query="origin=DFW"),
    "api/flights/search/": Row(all_get(200), NO, query="origin=DFW&destination=ORD&depart_date={day}"),
    "api/flights/fares/": Row(all_get(200), NO, query="origin=DFW&destination=ORD&from={day}&to={day}"),
    "api/flights/lowest/": Row(all_get(200), NO, query="routes=DFW-ORD&from={day}&to={day}"),
    "api/flights/<int:flight_id>/": OPEN,
    "api/flights/<int:flight_id>/seats/": OPEN,
}
PAYMENT: Mapping[str, Row] = {
    **COMMON,
    "api/saga/authorize-payment/": STEP,
    "api/saga/cancel-payment/": STEP,
    "api/saga/capture-payment/": STEP,
    "api/saga/refund-payment/": STEP,
    "api/saga/records/": OVERSEER,
    "api/payments/<str:correlation_id>/": OWN,
}
LOYALTY: Mapping[str, Row] = {
    **COMMON,
    "api/saga/award-miles/": STEP,
    "api/saga/reverse-miles/": STEP,
    "api/saga/adjust-miles/": STEP,
    "api/saga/records/": OVERSEER,
    "api/loyalty/<str:user_id>/": OWN,
}
TABLE: Mapping[str, Mapping[str, Row]] = {
    "ui": UI,
    "backend": BACKEND,
    "payment": PAYMENT,
    "loyalty": LOYALTY,
}
