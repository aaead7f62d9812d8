"""Tries a suite that `docker compose up -d --wait` has started: book, kill each container, book again.

    python -m scripts.compose_trial [--again]

With the same environment as `up`; for replicas COMPOSE_ENV_FILES=deploy/scale.env. In demo mode it books at
the backend's API; outside it as a browser at the UI, by the public name and as behind a proxy that ends
TLS. `--again`, for after a restart of the engine, only waits until all is healthy and books.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence

import requests

from scripts.paths import ROOT
from scripts.site import Site, SiteError

COMPOSE = ("docker", "compose")
HEALTHY_WITHIN = 120.0
PROXY, UI, BACKEND = (f"http://127.0.0.1:{port}" for port in (8080, 8000, 8001))
ENDED_WELL = {"state": "exited", "health": "", "code": 0}


class TrialError(Exception):
    """The suite does not do what it should."""


def main(options: Sequence[str]) -> int:
    try:
        wait_until_healthy()
        report("booked", book())
        if "--again" not in options:
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
    answer = requests.post(f"{BACKEND}/api/saga/start-booking/", json=body, timeout=30)
    if answer.status_code == 202:
        return ended(f"{BACKEND}{answer.headers['Location']}")
    return reference_of(answer.json())


def ended(url: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = requests.get(url, timeout=30).json()
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
    found = requests.get(f"{BACKEND}/api/flights/search/", params=query, timeout=30).json()
    return int(found["results"][0]["id"])


def book_as_a_browser() -> str:
    """As the proxy in front asks, which ends TLS."""
    host = os.environ["ALLOWED_HOSTS"].split(",")[0]
    headers = {
        "Host": host,
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "203.0.113.7",
        "Referer": f"https://{host}/",
    }
    return Site(front(), headers).book()


def front() -> str:
    """Where the public's proxy passes requests on to."""
    return PROXY if any("-proxy-" in name for name in running()) else UI


def check_what_the_proxy_hides() -> None:
    if front() == PROXY and (status := requests.get(f"{PROXY}/metrics", timeout=30).status_code) != 404:
        raise TrialError(f"the proxy shows the metrics: {status}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
