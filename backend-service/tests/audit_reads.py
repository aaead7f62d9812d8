"""The auditor's run, and what payment and loyalty answer it."""

import json
import re
from collections.abc import Callable
from functools import partial
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from django.conf import LazySettings, settings
from django.core.management import call_command
from django_sagas import json_text
from django_sagas.clock import iso, utc_now
from django_sagas.database import execute

from tests.invariants import rows
from tests.saga_participants import MILES
from tests.saga_world import Desk, World

KINDS = {"AUTHORIZED": "AuthorizePayment", "CANCELLED": "AuthorizePayment"}
OF_PAYMENT = ("AuthorizePayment", "CapturePayment", "RefundPayment")
OF_LOYALTY = ("AwardMiles", "AdjustMiles")
NONE: tuple[int, dict[str, str], str] = (404, {}, json.dumps({"code": "NOT_FOUND", "status": 404}))


class Reads:
    """What payment and loyalty would answer from the same ledger that the calls have written."""

    def __init__(self, world: World) -> None:
        self.participants, self.ledger = world.participants, world.participants.ledger
        self.payment_url, self.caller = settings.PAYMENT_URL, "backend"
        self.asked: list[requests.PreparedRequest] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.instead: Any = None
        "what stands between us and payment answers"

    def payment(self, request: requests.PreparedRequest) -> Any:
        self.asked.append(request)
        self.meanwhile()
        if self.instead:
            return self.instead
        cid = str(request.path_url).split("/")[3]
        entries = [one for one in self.ledger if one.correlation_id == cid and one.kind in KINDS]
        if not entries:
            return NONE
        amount, status = entries[0].amount, entries[-1].kind
        if cid in self.participants.captured:
            status = {"AUTHORIZED": "CAPTURED", "CANCELLED": "REFUNDED"}[status]
        found = {"status": status, "amount": amount, "currency": "USD"}
        trip = entries[0].trip
        paid = [one.correlation_id for one in self.ledger if (one.kind, one.trip) == ("AUTHORIZED", trip)]
        standing = [payment for payment in paid if payment not in self.participants.expired]
        if cid in self.participants.expired and status == "AUTHORIZED":
            found["status"] = "EXPIRED"
        # Refunds of a trip are taken to be of its first payment that stands.
        if [cid] == standing[:1]:
            entries += [one for one in self.ledger if one.kind == "REFUNDED" and one.trip == trip]
        # A cancellation is written as of the booking's payment, over everything.
        is_over = any((one.kind, one.trip) == ("CANCELLED", trip) for one in self.ledger)
        has_gone = found["status"] == "EXPIRED" and not is_over
        kept = sum(one.amount for one in entries if not has_gone)
        found["returned"] = amount - kept
        if found["status"] == "REFUNDED" and kept > 0:
            found["status"] = "PARTLY_REFUNDED"
        found["captured"] = self.participants.captured.get(cid, 0)
        return 200, {}, json_text.dumps({"correlation_id": cid, **found})

    def records(self, address: str, request: requests.PreparedRequest) -> Any:
        """Two a page, newest first."""
        owned = OF_PAYMENT if address == self.payment_url else OF_LOYALTY
        names = [
            (cid, step, one.state) for (cid, step), one in self.participants.records.items() if step in owned
        ]
        every: list[dict[str, Any]] = [
            {"id": place, "correlation_id": cid, "step": step, "state": state, "caller": self.caller,
             "created_at": iso(utc_now())}
            for place, (cid, step, state) in enumerate(names, start=1)
        ][::-1]  # fmt: skip
        asked = parse_qs(urlsplit(str(request.url)).query)
        if "correlation_id" in asked:
            every = [one for one in every if [one["correlation_id"]] == asked["correlation_id"]]
        (before,) = asked.get("before", ["999"])
        page = [one for one in every if one["id"] < int(before)]
        following = f"/api/saga/records/?before={page[1]['id']}" if len(page) > 2 else None
        return 200, {}, json_text.dumps({"results": page[:2], "next": following})

    def miles(self, request: requests.PreparedRequest) -> Any:
        self.asked.append(request)
        (cid,) = parse_qs(urlsplit(str(request.url)).query)["correlation_id"]
        entries = [one for one in self.ledger if cid in (one.correlation_id, one.trip) and one.kind in MILES]
        if not entries:
            return NONE
        newest = [
            {"correlation_id": cid, "kind": one.kind, "miles": int(one.amount)} for one in reversed(entries)
        ]
        return 200, {}, json_text.dumps({"user_id": "1", "entries": newest})


@pytest.fixture
def reads(desk: Desk, world: World, settings: LazySettings) -> Reads:
    reads = Reads(world)
    matching = {settings.PAYMENT_URL: ("payments/[^/]+/", reads.payment)}
    matching[settings.LOYALTY_URL] = ("loyalty/1/", reads.miles)
    for address, (path, callback) in matching.items():
        url = re.compile(f"{address}/api/{path}")
        desk.edge.add_callback(responses.GET, url, callback=callback)
        listed = re.compile(f"{address}/api/saga/records/")
        desk.edge.add_callback(responses.GET, listed, callback=partial(reads.records, address))
    return reads


def run(**options: Any) -> tuple[int, list[str]]:
    """Exit code and lines of the command."""
    out = StringIO()
    try:
        call_command("audit_sagas", stdout=out, **{"settled": -3600.0, **options})
    except SystemExit as exit_:
        return int(str(exit_.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def forget(table: str, cids: list[str]) -> list[dict[str, Any]]:
    places = ", ".join(["%s"] * len(cids))
    found = rows(f"SELECT * FROM {table} WHERE correlation_id IN ({places})", *cids)  # noqa: S608
    execute(f"DELETE FROM {table} WHERE correlation_id IN ({places})", cids)  # noqa: S608
    return found


def bring_back(table: str, found: list[dict[str, Any]]) -> None:
    for row in found:
        names, places = ", ".join(row), ", ".join(["%s"] * len(row))
        execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(row.values()))  # noqa: S608
