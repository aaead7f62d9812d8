"""A participant's own views behind the driver's transport."""

from typing import Any

from django.test import Client
from django_sagas.testing.commits import Commits

from proofs.matrix.inside import wire
from proofs.matrix.inside.watcher import Watcher

client = Client(raise_request_exception=False)


def warm_up() -> None:
    """What every process does with its first request; this one is refused before the database is asked."""
    for path in ("/api/saga/authorize-payment/", "/api/saga/award-miles/"):
        client.post(path, data="{}", content_type="application/json")


def perform(job: dict[str, Any]) -> None:
    headers = {"X-Correlation-ID": job["correlation_id"], "Host": "localhost"}
    with Commits(Watcher()).watched(["default"]):
        answer = client.post(job["path"], data=job["body"], content_type="application/json", headers=headers)
    said = {"status": answer.status_code, "body": answer.content.decode(), "headers": dict(answer.headers)}
    wire.tell(said=said)
