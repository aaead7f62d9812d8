"""Sampled stacks summed up by layer: what a service's CPU goes to, as a table beside its flame graph."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

# The innermost known frame decides the layer; the first match wins.
LAYERS = {
    "calls of participants": re.compile(r"requests/|django_sagas/http"),
    "SQL: Django's cursor and the driver": re.compile(r"django/db/|psycopg|sqlite3|django_sagas/database"),
    "log lines": re.compile(r"structlog/|logging/|service_kit/logs"),
    "JSON": re.compile(r"json/|orjson|strict_json|json_text"),
    "Django REST framework": re.compile(r"rest_framework/"),
    "Django's request handling": re.compile(r"django/"),
    "gunicorn": re.compile(r"gunicorn/"),
    "the saga engine and the guard": re.compile(r"django_sagas/"),
    "service kit": re.compile(r"service_kit/"),
    "the service's own code": re.compile(r"\((flight|payment|loyalty)/"),
}
OTHER = "the rest"


def layer(frames: Sequence[str]) -> str:
    for frame in reversed(frames):
        for name, pattern in LAYERS.items():
            if pattern.search(frame):
                return name
    return OTHER


def shares(lines: Iterable[str]) -> dict[str, float]:
    """Per cent by layer, the largest first, of py-spy's raw lines: frames with semicolons, then a count."""
    found: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        found[layer(stack.split(";"))] += int(count)
    return {name: 100 * count / found.total() for name, count in found.most_common()}
