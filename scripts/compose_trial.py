"""Tries a suite that `docker compose up -d --wait` has started: book, kill each container, book again.

    python -m scripts.compose_trial [--again|--while-booking]

With the same environment as `up`; for replicas COMPOSE_ENV_FILES=deploy/scale.env. In demo mode it books at
the backend's API; outside it as a browser at the UI, by the public name and as behind a proxy that ends
TLS. `--again`, for after a restart of the engine, only waits until all is healthy and books.
`--while-booking` kills one backend after the other while browsers book: none is lost, and none made twice.
"""

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import requests

from scripts.paths import ROOT
from scripts.signals import ended_by_signals
from scripts.site import Site, SiteError, patient

COMPOSE = ("docker", "compose")
HEALTHY_WITHIN = 120.0
BROWSERS = 6
PROXY, UI, BACKEND = (
    f"http://127.0.0.1:{os.environ.get(f'{name}_PORT') or usual}"
    for name, usual in (("PROXY", 8080), ("UI", 8000), ("BACKEND", 8001))
)
ENDED_WELL = {"state": "exited", "health": "", "code": 0}


class TrialError(Exception):
    """The suite does not do what it should."""


def main(options: Sequence[str]) -> int:
    try:
        wait_until_healthy()
        report("booked", book())
        if "--while-booking" in options:
            kill_backends_while_booking()
        elif "--again" not in options:
            check_what_the_proxy_hides()
            for name in running():
                kill(name)
                wait_until_healthy()
                report(f"killed {name}; booked", book())
    except (TrialError, SiteError, requests.RequestException) as error:
        print(f"FAILED: {error}", flush=True)
        return 1
    return 0


def report(what: str, reference: str) -> None:
    print(f"{what} {reference}", flush=True)


# Containers


def states() -> dict[str, dict[str, object]]:
    """State, health and exit code of every container, those that have run once too."""
    told = output([*COMPOSE, "ps", "--all", "--format", "json"])
    found = [json.loads(line) for line in told.splitlines()]
    return {
        each["Name"]: {"state": each["State"], "health": each["Health"], "code": each["ExitCode"]}
        for each in found
    }


def running() -> list[str]:
    return sorted(name for name, state in states().items() if state["state"] == "running")


def unwell() -> dict[str, dict[str, object]]:
    return {
        name: state
        for name, state in states().items()
        if state["health"] != "healthy" and state != ENDED_WELL
    }


def wait_until_healthy() -> None:
    deadline = time.monotonic() + HEALTHY_WITHIN
    while wrong := unwell():
        if time.monotonic() > deadline:
            raise TrialError(f"not healthy within {HEALTHY_WITHIN:.0f} s: {wrong}")
        time.sleep(1)
    if not running():
        raise TrialError("nothing runs")


def kill(name: str) -> None:
    """As the kernel would: the engine does not restart what it was asked to kill."""
    began = started_at(name)
    subprocess.run(["docker", "exec", name, "sh", "-c", "kill -9 -1"], capture_output=True, check=False)
    deadline = time.monotonic() + HEALTHY_WITHIN
    while started_at(name) == began:
        if time.monotonic() > deadline:
            raise TrialError(f"{name} was killed and has not come back")
        time.sleep(0.5)


def started_at(name: str) -> str:
    return output(["docker", "inspect", "--format", "{{.State.StartedAt}}", name])


def output(command: Sequence[str]) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


# Bookings


def book() -> str:
    """The booking's reference."""
    return book_by_api() if os.environ.get("DEMO_MODE", "1") == "1" else book_as_a_browser()


def book_by_api() -> str:
    body = {
        "flight_id": a_flight(),
        "user_id": 1,
        "passengers": [{"first_name": "John", "last_name": "Doe"}],
        "contact_info": {"email": "john@example.com", "mobile": "+1234567890"},
    }
    key = {"Idempotency-Key": str(uuid.uuid4())}
    url = f"{BACKEND}/api/saga/start-booking/"
    answer = patient(partial(requests.post, url, json=body, headers=key, timeout=30))
    if answer.status_code == 202:
        return ended(f"{BACKEND}{answer.headers['Location']}")
    return reference_of(answer.json())


def ended(url: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = patient(partial(requests.get, url, timeout=30)).json()
        if status["finished_at"]:
            return reference_of(status["result"])
        time.sleep(0.5)
    raise TrialError(f"{url} has not ended")


def reference_of(result: dict[str, object]) -> str:
    if result.get("success") is not True:
        raise TrialError(f"not booked: {result}")
    return str(result["booking_reference"])


def a_flight() -> int:
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 2 * 86400))
    query = {"origin": "DFW", "destination": "ORD", "depart_date": tomorrow}
    url = f"{BACKEND}/api/flights/search/"
    found = patient(partial(requests.get, url, params=query, timeout=30)).json()
    return int(found["results"][0]["id"])


def book_as_a_browser() -> str:
    return browser().book()


def browser() -> Site:
    """In demo mode as it is; outside it as the proxy in front asks, which ends TLS."""
    if os.environ.get("DEMO_MODE", "1") == "1":
        return Site(front())
    host = os.environ["ALLOWED_HOSTS"].split(",")[0]
    headers = {
        "Host": host,
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "203.0.113.7",
        "Referer": f"https://{host}/",
    }
    return Site(front(), headers)


def kill_backends_while_booking() -> None:
    backends = [name for name in running() if re.search(r"-backend(-more)?-\d+$", name)]
    done = Event()
    with ThreadPoolExecutor(BROWSERS) as pool:
        buyers = [pool.submit(buy, done) for _ in range(BROWSERS)]
        try:
            for name in backends:
                kill(name)
                wait_until_healthy()
        finally:
            done.set()
        references = [reference for buyer in buyers for reference in buyer.result()]
    lost = [reference for reference in references if not browser().has_trip(reference)]
    if lost or len(set(references)) != len(references):
        raise TrialError(f"of {references} these are lost: {lost}")
    report(f"killed {', '.join(backends)}; booked meanwhile", f"{len(references)}, none lost, none twice")


def buy(done: Event) -> list[str]:
    """As somebody who tries again until it is booked: each page of a payment is one booking."""
    site = browser()
    made = []
    while not done.is_set():
        made.append(patiently(partial(site.pay, patiently(site.fill_in))))
    return made


def patiently(ask: Callable[[], str]) -> str:
    deadline = time.monotonic() + HEALTHY_WITHIN
    while True:
        try:
            return ask()
        except (SiteError, requests.RequestException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def front() -> str:
    """Where the public's proxy passes requests on to."""
    return PROXY if any("-proxy-" in name for name in running()) else UI


def check_what_the_proxy_hides() -> None:
    if front() == PROXY and (status := requests.get(f"{PROXY}/metrics", timeout=30).status_code) != 404:
        raise TrialError(f"the proxy shows the metrics: {status}")


if __name__ == "__main__":
    sys.exit(ended_by_signals(lambda: main(sys.argv[1:])))
