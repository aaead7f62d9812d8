"""Runs in the backend's own environment: fills its tables by SQL, asks it, and shows the plans."""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import django

django.setup()

from django.db import connection, transaction  # noqa: E402  Django has to be set up first
from django_sagas import answers, saga_log, selectors  # noqa: E402
from django_sagas.clock import utc_now  # noqa: E402
from django_sagas.database import db_time, execute, fetch_all  # noqa: E402
from django_sagas.selectors import Filters  # noqa: E402

from flight.models import Flight  # noqa: E402
from flight.operations import overview  # noqa: E402
from flight.saga_booking import BookingSaga  # noqa: E402
from flight.saga_orchestrator_complete import BookTrip  # noqa: E402

TIMES = 150
BATCH = 50_000
NUMBERS = {
    "postgresql": "SELECT n FROM generate_series(%s::int, %s::int) AS n",
    "sqlite": """
        WITH RECURSIVE up(n) AS (SELECT %s UNION ALL SELECT n + 1 FROM up WHERE n < %s) SELECT n FROM up""",
}
SHIFTED = {
    "postgresql": "%s::timestamptz + n * INTERVAL '1 second'",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', %s, '+' || n || ' seconds')",
}
LATER = {
    "postgresql": {
        "departs_on": "departs_on + %s::int",
        "departs_at": "departs_at + make_interval(days => %s)",
        "arrives_at": "arrives_at + make_interval(days => %s)",
    },
    "sqlite": {
        "departs_on": "date(departs_on, '+' || %s || ' days')",
        "departs_at": "datetime(departs_at, '+' || %s || ' days')",
        "arrives_at": "datetime(arrives_at, '+' || %s || ' days')",
    },
}
COMMITS, EVENTS_OF_A_COMMIT = 3, 3
TIMES_OF_A_STEP = {
    "status": "DONE",
    "attempts": 1,
    "started_at": "2026-01-01T00:00:00.000000Z",
    "finished_at": "2026-01-01T00:00:00.100000Z",
}
STEPS = [vars(step.stored) | TIMES_OF_A_STEP for step in BookTrip.steps]
REQUEST = {
    "passengers": [{"first_name": "Jane", "last_name": "Doe", "gender": "female"}],
    "email": "jane@example.com",
    "mobile": "+1234567890",
    "seat_class": "economy",
    "seat_numbers": [],
    "expected_amount": None,
    "simulate": [],
}
DATA = {"flight_id": 1, "request": REQUEST, "flight_fare": 20000, "charges": 5000}
FACTS = {step["name"]: {"answer": "x" * 60} for step in STEPS}


def fill(finished: int, opened: int) -> None:
    """Finished sagas, three of four complete, and open ones, half of them due and a tenth going back."""
    start = utc_now() - timedelta(seconds=finished + opened)
    for low in range(1, finished + 1, BATCH):
        high = min(low + BATCH - 1, finished)
        _insert(low, high, start, "CASE n %% 4 WHEN 0 THEN 'COMPENSATED' ELSE 'COMPLETED' END", due=False)
    _insert_events()
    status = "CASE n %% 10 WHEN 0 THEN 'COMPENSATING' ELSE 'RUNNING' END"
    _insert(finished + 1, finished + opened, start, status, due=True)
    execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _insert_events() -> None:
    sql = f"""
        INSERT INTO sagas_event
            (sequence, correlation_id, event_id, event_type, data, timestamp, following)
        SELECT numbers.n * %s - %s, correlation_id, %s, 'StepSucceeded', '{{}}', created_at, %s
        FROM sagas_saga, ({NUMBERS[connection.vendor]}) AS numbers WHERE finished_at IS NOT NULL"""  # noqa: S608
    others = EVENTS_OF_A_COMMIT - 1
    following = json.dumps([[str(uuid4()), "StepSucceeded", {}]] * others)
    execute(sql, [EVENTS_OF_A_COMMIT, others, str(uuid4()), following, 1, COMMITS])


def _insert(low: int, high: int, start: Any, status: str, *, due: bool) -> None:
    shifted = SHIFTED[connection.vendor]
    known: dict[str, tuple[str, list[Any]]] = {
        "correlation_id": ("'00000000-0000-4000-8000-' || substr('000000000000' || n, -12)", []),
        "status": (status, []),
        "subject": ("CAST(n %% 20000 AS TEXT)", []),
        "due_at": (shifted if due else "NULL", [db_time(start - timedelta(minutes=5))] if due else []),
        "created_at": (shifted, [db_time(start)]),
        "finished_at": ("NULL", []) if due else (shifted, [db_time(start)]),
        "reversible_until": (shifted, [db_time(start + timedelta(days=20))]),
        "idempotency_scope": ("NULL", []),
        "idempotency_key": ("NULL", []),
    }
    if connection.vendor == "postgresql":
        known["correlation_id"] = ("'00000000-0000-4000-8000-' || lpad(n::text, 12, '0')", [])
    constant = {
        "name": BookTrip.name, "version": BookTrip.version, "epoch": 1, "claims": 0,
        "last_sequence": COMMITS * EVENTS_OF_A_COMMIT,
        "data": json.dumps(DATA), "steps": json.dumps(STEPS),
        "facts": json.dumps(FACTS), "result": "" if due else json.dumps({"answer": "x" * 600}),
    }  # fmt: skip
    columns = saga_log.FIXED + saga_log.CHANGING
    parts = [known.get(column, ("%s", [constant.get(column, "")])) for column in columns]
    values = ", ".join(text for text, _ in parts)
    numbers = f"({NUMBERS[connection.vendor]}) AS numbers"
    sql = f"INSERT INTO sagas_saga ({', '.join(columns)}) SELECT {values} FROM {numbers}"  # noqa: S608
    execute(sql, [value for _, some in parts for value in some] + [low, high])


def flights(wanted: int) -> None:
    """So many: the schedule's first of the searched route alone, or the schedule over and over."""
    ((have,),) = fetch_all("SELECT COUNT(*) FROM flight_flight")
    if wanted < have:
        execute(
            """
            DELETE FROM flight_flight WHERE id NOT IN (
                SELECT id FROM flight_flight WHERE origin_id = 'DFW' AND destination_id = 'ORD'
                ORDER BY departs_on, id LIMIT %s)""",
            [wanted],
        )
    for copy in range(1, -(-wanted // have)):
        _copy_flights(days=100 * copy, most=min(have, wanted - copy * have), of=have)
    execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _copy_flights(*, days: int, most: int, of: int) -> None:
    """`most` of the first `of` flights, so many days later."""
    columns = [str(field.column) for field in Flight._meta.concrete_fields if not field.primary_key]
    moved = [LATER[connection.vendor].get(column, column) for column in columns]
    sql = f"""
        INSERT INTO flight_flight ({", ".join(columns)})
        SELECT {", ".join(moved)} FROM (SELECT * FROM flight_flight ORDER BY id LIMIT %s) AS first LIMIT %s"""  # noqa: S608
    execute(sql, [days] * 3 + [of, most])


def close() -> None:
    """Take the open sagas away again."""
    execute("DELETE FROM sagas_saga WHERE due_at IS NOT NULL")


def claim() -> None:
    """As recovery does; rolled back, so that every try finds the same."""
    with transaction.atomic():
        now = utc_now()
        (due, *_) = saga_log.due(now=now, most=8)
        saga_log.claim(
            due, owner="bench", now=now, lease_until=now + timedelta(seconds=10), too_many_claims=10
        )
        transaction.set_rollback(True)


def questions() -> dict[str, Callable[[], object]]:
    some = [
        row[0] for row in fetch_all("SELECT correlation_id FROM sagas_saga ORDER BY created_at LIMIT 1000")
    ]
    _, cursor = selectors.list_sagas(Filters())
    assert cursor is not None
    after = selectors.read_cursor(cursor)

    def status() -> None:
        saga = saga_log.load(random.choice(some))  # noqa: S311  any one will do
        assert isinstance(saga, BookingSaga)
        answers.status(saga)

    return {
        "claim": claim,
        "status answer": status,
        "list, first page": lambda: selectors.list_sagas(Filters()),
        "list, next page": lambda: selectors.list_sagas(Filters(after=after)),
        "list, going back": lambda: selectors.list_sagas(Filters(status="COMPENSATING")),
        "list, needs attention": lambda: selectors.list_sagas(Filters(needs_attention=True)),
        "count for admission": lambda: saga_log.count_running(utc_now()),
        "overview": lambda: overview.overview(utc_now()),
    }


def ask() -> None:
    medians = {}
    for name, question in questions().items():
        question()
        times = []
        for _ in range(TIMES):
            began = time.perf_counter()
            question()
            times.append((time.perf_counter() - began) * 1000)
        medians[name] = statistics.median(times)
    sys.stdout.write(json.dumps(medians))


def plans() -> None:
    explain = "EXPLAIN (COSTS OFF) " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
    asked: list[tuple[str, str, Any]] = []

    def note(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "sagas_saga" in sql and "EXPLAIN" not in sql:
            asked.append((name, sql, params))
        return run(sql, params, many, context)

    made = questions()
    with connection.execute_wrapper(note):
        for name in made:
            made[name]()
    for title, sql, params in asked:
        sys.stdout.write(f"\n{title}: {sql.split()[0]}\n")
        for row in fetch_all(explain + sql, params):
            sys.stdout.write(f"    {row[-1]}\n")


if __name__ == "__main__":
    verb, *numbers = sys.argv[1:]
    verbs: dict[str, Callable[..., None]] = {
        "fill": fill,
        "flights": flights,
        "close": close,
        "ask": ask,
        "plans": plans,
    }
    verbs[verb](*map(int, numbers))
