"""A suite outside demo mode, with secrets made for the run, and the people at its doors."""

import base64
import html
import json
import re
import secrets
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from django_otp.oath import totp
from service_kit import keys, tokens

from scripts.booking_suite import SERVERS, Config, folder, settings_of
from scripts.paths import VENV_PYTHON

WITHIN = 20.0
PASSWORD = "correct horse battery 9"  # noqa: S105  of accounts that live as long as the test
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
SECRET = re.compile(r">((?:[A-Z2-7]{4} ?){8})<")
ROUTES = """
import django, json
django.setup()
from django.urls import get_resolver
def walk(patterns, before=""):
    for each in patterns:
        route = before + str(each.pattern)
        yield from walk(each.url_patterns, route) if hasattr(each, "url_patterns") else [route]
print(json.dumps(sorted(walk(get_resolver().url_patterns))))
"""


def guarded(data_dir: Path) -> Config:
    """Free ports and real secrets; TLS ends at a proxy, which the test is."""
    made = {name: keys.new(name) for name, _, _ in SERVERS}
    config = Config.beside(
        data_dir,
        DEMO_MODE="0",
        VERIFYING_KEYS=keys.write_set(key.public for key in made.values()),
        PAYMENT_GATEWAY="simulated",
        BEHIND_TLS_PROXY="1",
        # One address asks for all of them, and no refusal may be missing from the audit trail.
        LIMIT_READS="0/0/60",
        LIMIT_LOGINS="0/0/60",
        LIMIT_REFUSALS="0/0/60",
        LIMIT_FINDS="0/0/60",
        LIMIT_REGISTRATIONS="0/0/60",
        LIMIT_ACTIONS="0/0/60",
        LIMIT_STARTS="0/0/60",
        # What nobody changed must look as before; a settlement would change the payment.
        SETTLE_AFTER_SECONDS="86400",
        # The page of the progress names the saga.
        AT_ONCE_SECONDS="0",
    )
    own = {
        name: {"SECRET_KEY": secrets.token_urlsafe(48), "SIGNING_KEY": json.dumps(key.to_jwk())}
        for name, key in made.items()
    }
    return replace(config, own_secrets=own)


def run_in(config: Config, name: str, *command: str) -> str:
    """The last line of a service's output."""
    package = {server: package for server, package, _ in SERVERS}[name]
    done = subprocess.run(  # noqa: S603  our own programs
        [str(VENV_PYTHON), *command],
        cwd=folder(name),
        env=settings_of(config, name, package),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip().splitlines()[-1]


def routes(config: Config, name: str) -> list[str]:
    """Every URL that the service's resolver knows."""
    found: list[str] = json.loads(run_in(config, name, "-c", ROUTES))
    return found


@dataclass(frozen=True)
class Signer:
    """Credentials that a service's key signs."""

    key: keys.SigningKey

    @classmethod
    def of(cls, config: Config, name: str) -> "Signer":
        return cls(keys.read_private(config.own_secrets[name]["SIGNING_KEY"]))

    def bearer(self, audience: str) -> str:
        return self._sign(tokens.OF_SERVICE, subject=self.key.issuer, audience=audience)

    def person(self, audience: str, *, user_id: str, role: str) -> str:
        return self._sign(tokens.OF_USER, subject=user_id, audience=audience, role=role)

    def _sign(self, kind: str, **claims: str) -> str:
        return "Bearer " + tokens.sign(self.key, kind, issued=int(time.time()), **claims)


@dataclass
class Trip:
    """A booking, and what other users must not learn of it."""

    name: str
    last_name: str
    email: str
    mobile: str
    correlation_id: str = ""
    reference: str = ""
    user_id: str = ""
    unpaid: str = ""
    "the id of a booking that is filled in and not paid"

    @property
    def secrets(self) -> tuple[str, ...]:
        known = (self.name, self.last_name, self.email, self.mobile, self.reference)
        return tuple(each for each in known if each)


@dataclass
class Browser:
    """What a browser keeps: cookies and, once it has seen a page, the token of its forms."""

    ui: str
    session: requests.Session = field(default_factory=requests.Session)
    token: str = ""

    def __post_init__(self) -> None:
        address = urlsplit(self.ui)
        self.session.headers.update({"X-Forwarded-Proto": "https", "Origin": f"https://{address.netloc}"})

    def get(self, path: str) -> requests.Response:
        return self._send("GET", path)

    def post(self, path: str, form: Mapping[str, object]) -> requests.Response:
        if not self.token:
            self.token = self.hidden("/")["csrfmiddlewaretoken"]
        sent = {"csrfmiddlewaretoken": self.token, **form}
        return self._send("POST", path, data=sent)

    def _send(self, method: str, path: str, **more: Any) -> requests.Response:
        # The cookies are Secure, and requests sends none of those where the proxy that ends TLS is this test.
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.session.cookies)
        headers = {"Cookie": cookies} if cookies else {}
        url = self.ui + path
        return self.session.request(
            method, url, headers=headers, timeout=WITHIN, allow_redirects=False, **more
        )

    def hidden(self, path: str) -> dict[str, str]:
        page = self.get(path)
        assert page.status_code == 200, (path, page.status_code)
        return {name: html.unescape(value) for name, value in HIDDEN.findall(page.text)}

    def submit(self, path: str, **form: str) -> str:
        """Send the form of that page; where it leads."""
        answer = self.post(path, {**self.hidden(path), **form})
        assert answer.status_code == 302, (path, answer.status_code, answer.text)
        return answer.headers["Location"]

    def register(self, name: str) -> None:
        form = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        self.submit("/account/register/", **form)
        self.token = ""  # A login makes another one.

    def set_up_second_factor(self) -> None:
        self.submit("/account/factor/", password=PASSWORD, action="app")
        secret = SECRET.search(self.get("/account/factor/app/").text)
        assert secret
        code = f"{totp(base64.b32decode(secret[1].replace(' ', ''))):06d}"
        assert self.post("/account/factor/app/", {"code": code}).status_code == 200

    def api_token(self) -> str:
        page = self.post("/account/", {})
        found = re.search(r"Authorization: (Bearer [^<]+)<", page.text)
        assert found, page.text
        return html.unescape(found[1])

    def fill_in(self, trip: Trip) -> str:
        """The address of the payment page."""
        person = {"p0-first_name": trip.name, "p0-last_name": trip.last_name}
        contact = {"email": trip.email, "mobile": trip.mobile}
        return self.submit("/book/passengers/?flight=1&cabin=economy&passengers=1", **person, **contact)

    def book(self, trip: Trip) -> None:
        progress = self.submit(self.fill_in(trip), card_token="tok_ok")  # noqa: S106  of the simulated gateway
        trip.correlation_id = urlsplit(progress).path.split("/")[2]
        trip.unpaid = self.fill_in(trip).split("/")[2]

    def find(self, trip: Trip) -> None:
        self.submit("/trips/find/", reference=trip.reference, surname=trip.last_name)


def api(url: str, path: str, headers: Mapping[str, str], body: Any = None) -> requests.Response:
    method = "GET" if body is None else "POST"
    return requests.request(method, url + path, json=body, headers=dict(headers), timeout=WITHIN)
