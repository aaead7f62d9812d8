"""Travellers of the pages, between whose visits back-ups are made, and what they see after a restore."""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import requests

from proofs.e2e.desk import Desk, wait

HIDDEN = re.compile(r'name="(csrfmiddlewaretoken|key)" value="([^"]+)"')
REFERENCE = re.compile(r"/trips/([A-Z0-9]{6})/")
ADA = {
    "p0-first_name": "Ada",
    "p0-last_name": "Lovelace",
    "p0-gender": "female",
    "email": "ada@example.com",
    "mobile": "+1 555 0100",
}
ENTERED = "correct horse 9"
SECONDS = 30


class Browser:
    def __init__(self, url: str) -> None:
        self._url, self._session = url, requests.Session()
        self._session.trust_env = False
        self.name = f"ada-{secrets.token_hex(4)}"

    def cookies(self) -> dict[str, str]:
        return self._session.cookies.get_dict()

    def come_back(self, name: str, cookies: dict[str, str]) -> None:
        """As it was left."""
        self.name = name
        self._session.cookies.clear()
        self._session.cookies.update(cookies)

    def get(self, path: str) -> requests.Response:
        return self._session.get(self._url + path, timeout=SECONDS)

    def fill_in(self, path: str, **fields: str) -> requests.Response:
        """Send the form of a page; the answer itself, not where it leads."""
        form = {**dict(HIDDEN.findall(self.get(path).text)), **fields}
        return self._session.post(self._url + path, form, timeout=SECONDS, allow_redirects=False)

    def register(self) -> None:
        email = f"{self.name}@example.com"
        answer = self.fill_in("/account/register/", username=self.name, email=email, password=ENTERED)
        assert answer.status_code == 302, answer.text

    def log_in(self) -> bool:
        return self.fill_in("/account/login/", username=self.name, password=ENTERED).status_code == 302

    def is_logged_in(self) -> bool:
        answer = self._session.get(self._url + "/account/", timeout=SECONDS, allow_redirects=False)
        return answer.status_code == 200

    def log_out_everywhere(self) -> None:
        """By another browser of the same person: this one keeps its cookies."""
        other = Browser(self._url)
        other.name = self.name
        assert other.log_in()
        token = dict(HIDDEN.findall(other.get("/account/").text))
        answer = other._session.post(self._url + "/account/logout/everywhere/", token, timeout=SECONDS)
        assert answer.status_code == 200, answer.text

    def fill_in_draft(self, flight: int) -> str:
        """The address of its payment page."""
        path = f"/book/passengers/?flight={flight}&cabin=economy&passengers=1"
        answer = self.fill_in(path, **ADA)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def pay(self, page: str) -> str:
        """Where the payment leads, the form sent or already led away from."""
        shown = self._session.get(self._url + page, timeout=SECONDS, allow_redirects=False)
        if shown.status_code == 302:
            return shown.headers["Location"]
        answer = self.fill_in(page, card_token="tok_ok")  # noqa: S106  of the simulated gateway
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def trips(self) -> set[str]:
        return set(REFERENCE.findall(self.get("/trips/").text))


@dataclass
class Pages:
    """`visit` between the back-ups; `untrue` after a restore says what is not as it has to be."""

    desk: Desk
    manage: Callable[..., str]
    "the documented commands of the pages' service"
    flights: list[int] = field(default_factory=list)

    def before_the_first(self) -> None:
        self.account, self.guest, self.payer = (Browser(self.desk.addresses.ui) for _ in range(3))
        self.account.register()
        self.of_account = self._book(self.account)
        self.of_guest = self._book(self.guest)
        self.draft = self.payer.fill_in_draft(self.desk.flight())

    def before_the_last(self) -> None:
        self.of_payer = self._reference(self.payer.pay(self.draft))
        self.guest.register()  # Claims the guest's trip.
        assert self.guest.trips() == {self.of_guest}
        self.account.log_out_everywhere()
        self._kept = [(one, one.name, one.cookies()) for one in (self.account, self.guest, self.payer)]
        self.owner = {trip: self._owner(trip) for trip in (self.of_account, self.of_guest, self.of_payer)}

    def _book(self, browser: Browser) -> str:
        return self._reference(browser.pay(browser.fill_in_draft(self.desk.flight())))

    def _reference(self, location: str) -> str:
        """Of the trip to which a payment leads, by way of its progress."""
        if found := REFERENCE.search(location):
            return found[1]
        cid = location.split("/")[2]
        reference: str = self.desk.ended(cid)["result"]["booking_reference"]
        return reference

    def _owner(self, reference: str) -> str:
        owner: str = self.desk.get("backend", f"/api/bookings/{reference}/").expect(200)["user_id"]
        return owner

    def _there(self, reference: str) -> bool:
        return self.desk.get("backend", f"/api/bookings/{reference}/").status == 200

    def _booked_by(self, user_id: str) -> set[str]:
        found = self.desk.get("backend", f"/api/tickets/user/{user_id}/").expect(200)["results"]
        return {each["booking_reference"] for each in found}

    # -- after a restore

    def untrue(self, *, came_back: bool) -> Iterator[str]:
        """`came_back`: whether the restore has brought back a session that was ended after the back-up."""
        for browser, name, cookies in self._kept:
            browser.come_back(name, cookies)
        if self.account.is_logged_in() != came_back:
            yield f"the session that was ended {'did not come' if came_back else 'came'} back"
        self.manage("end_every_session", "--reason", "the drill")
        if self.account.is_logged_in():
            yield "a session that had been ended is alive"
        yield from self._of_accounts()
        yield from self._of_guest()
        yield from self._of_payer()

    def _of_accounts(self) -> Iterator[str]:
        """The account was made before both back-ups."""
        if not self.account.log_in():
            yield "an account of the back-up cannot log in"
        yield from self._shows(self.account, self.owner[self.of_account])

    def _of_guest(self) -> Iterator[str]:
        """Whose account the older back-up does not have, nor the claim of the guest's trip."""
        owner = self.owner[self.of_guest]
        if not self.guest.log_in():
            self.guest.register()
            if self.guest.trips():
                yield "a new account shows trips that nobody gave it"
            self.manage("give_trips", self.guest.name, owner, "--reason", "the drill")
        yield from self._shows(self.guest, owner)

    def _of_payer(self) -> Iterator[str]:
        """Who pays again, for a draft that the older back-up does not know to be paid."""
        owner, before = self.owner[self.of_payer], self._booked_by(self.owner[self.of_payer])
        location = self.payer.pay(self.draft)
        if self._there(self.of_payer) and self._reference(location) != self.of_payer:
            yield f"the draft is booked, and leads to {location}"
        wait(lambda: not self.desk.open_sagas(), "the payment has ended")
        if more := self._booked_by(owner) - before - {self.of_payer}:
            if before:
                yield f"the draft was booked twice: {before} and {more}"
        yield from self._shows(self.payer, owner)

    def _shows(self, browser: Browser, owner: str) -> Iterator[str]:
        shown, there = browser.trips(), self._booked_by(owner)
        if shown != there:
            yield f"the trips of {owner} are shown as {sorted(shown)}, and are {sorted(there)}"
        for reference in (self.of_account, self.of_guest, self.of_payer):
            if not self._there(reference) and browser.get(f"/trips/{reference}/").status_code != 404:
                yield f"{reference} is shown, and is no trip"
