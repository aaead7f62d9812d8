"""A browser without scripts at the pages of a suite that is deployed somewhere."""

import base64
import html
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

import requests
from django_otp.oath import totp

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
TRIP = re.compile(r"/trips/([A-Z2-9]{6})/")
SECRET = re.compile(r">((?:[A-Z2-7]{4} ?){8})<")
RECOVERY_CODE = re.compile(r"\b(?:[a-z2-7]{4} ){5}[a-z2-7]{4}\b")
ENDS_WITHIN = 60.0
SURNAME = "Lovelace"
TRY_AGAIN = 503
LOGIN_CODE = "/account/login/code/"


class SiteError(Exception):
    """A page is not what it should be."""


class Site:
    """`headers` are those that a proxy adds, where this stands behind none; `verify` is requests' own.

    A page that says 503, and so to try again, is asked for again for `patience` seconds.
    """

    def __init__(
        self,
        address: str,
        headers: Mapping[str, str] | None = None,
        *,
        verify: str | bool = True,
        patience: float = 10.0,
    ) -> None:
        self.address, self._verify, self._patience = address, verify, patience
        self._headers = {"Referer": f"{address}/", **(headers or {})}
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> requests.Response:
        return self._ask("GET", path, {}, 200)

    def submit(self, path: str, **fields: str) -> str:
        """Send the form of that page; the path that it leads to."""
        led = self._send(path, fields, 302).headers["Location"]
        return urlsplit(led)._replace(scheme="", netloc="").geturl()

    def _send(self, path: str, fields: Mapping[str, str], *statuses: int) -> requests.Response:
        form = {name: html.unescape(value) for name, value in HIDDEN.findall(self.get(path).text)}
        return self._ask("POST", path, {**form, **fields}, *statuses)

    def _ask(self, method: str, path: str, form: Mapping[str, str], *statuses: int) -> requests.Response:
        # Not those of a session: cookies are Secure, and behind the proxy this is HTTP.
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        answer = patient(
            partial(
                requests.request,
                method,
                self.address + path,
                data=dict(form) or None,
                headers={**self._headers, **({"Cookie": cookies} if cookies else {})},
                verify=self._verify,
                allow_redirects=False,
                timeout=30,
            ),
            self._patience,
        )
        self._cookies.update(answer.cookies.get_dict())
        if answer.status_code not in statuses:
            raise SiteError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer

    def register(self, name: str, password: str) -> None:
        self.submit("/account/register/", username=name, email=f"{name}@example.com", password=password)

    def set_up_second_factor(self, password: str) -> list[str]:
        """The recovery codes."""
        self.submit("/account/factor/", password=password, action="app")
        shown = SECRET.search(self.get("/account/factor/app/").text)
        if shown is None:
            raise SiteError("the page of the app shows no secret")
        code = f"{totp(base64.b32decode(shown[1].replace(' ', ''))):06d}"
        return RECOVERY_CODE.findall(self._send("/account/factor/app/", {"code": code}, 200).text)

    def log_in(self, name: str, password: str, recovery_code: str) -> None:
        """To an account with a second factor; neither half alone opens it."""
        led = self.submit("/account/login/", username=name, password=password)
        if led != LOGIN_CODE or self.leads_to("/account/") is None:
            raise SiteError(f"the password alone leads to {led}")
        self.submit(led, code=recovery_code)

    def is_refused(self, path: str) -> None:
        self._ask("GET", path, {}, 403)

    def leads_to(self, path: str) -> str | None:
        """Where that page leads instead of being shown."""
        return self._ask("GET", path, {}, 200, 302).headers.get("Location")

    def book(self) -> str:
        """The reference of a trip that is booked and paid."""
        return self.pay(self.fill_in())

    def fill_in(self) -> str:
        """The page on which one booking is paid for, however often that is tried."""
        day = (datetime.now(UTC) + timedelta(days=2)).date()
        results = self.get(f"/flights/?origin=DFW&destination=ORD&depart={day}&passengers=1&cabin=economy")
        found = re.search(r"flight=(\d+)&", html.unescape(results.text))
        if found is None:
            raise SiteError(f"no flight can be chosen: {results.text[:300]}")
        return self.submit(
            f"/book/passengers/?flight={found[1]}&passengers=1&cabin=economy",
            **{"p0-first_name": "Ada", "p0-last_name": SURNAME, "p0-gender": "female"},
            email="ada@example.com",
            mobile="+1 555 0100",
        )

    def pay(self, page: str) -> str:
        led = self.leads_to(page) or self.submit(page, card_token="tok_ok")  # noqa: S106  of the simulated provider
        return self._booked(led) if "/progress/" in led else _reference(led)

    def _booked(self, progress: str) -> str:
        deadline = time.monotonic() + ENDS_WITHIN
        while time.monotonic() < deadline:
            shown = self.get(f"{urlsplit(progress).path}part/").text
            if TRIP.search(shown):
                return _reference(shown)
            time.sleep(0.5)
        raise SiteError(f"{progress} has not ended: {shown[:300]}")

    def cancel(self, reference: str) -> None:
        self.submit(f"/trips/{reference}/cancel/")

    def has_trip(self, reference: str) -> bool:
        """As for somebody who knows the reference and the last name."""
        fields = {"reference": reference, "surname": SURNAME}
        return self._send("/trips/find/", fields, 302, 422).status_code == 302


def patient(ask: Callable[[], requests.Response], seconds: float = 10.0) -> requests.Response:
    """The first answer that is not to try again later, such as of a service whose database was killed."""
    deadline = time.monotonic() + seconds
    while (answer := ask()).status_code == TRY_AGAIN and time.monotonic() < deadline:
        time.sleep(0.5)
    return answer


def _reference(text: str) -> str:
    found = TRIP.search(text)
    if found is None:
        raise SiteError(f"not booked: {text[:300]}")
    return found[1]
