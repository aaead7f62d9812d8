"""The way from a chosen flight to its payment, as a browser goes it."""

import re

from django.test import Client

ONE = "flight=1&cabin=economy&passengers=1"
TWO = "flight=1&cabin=economy&passengers=2"
SEATS, PASSENGERS = "/book/seats/", "/book/passengers/"
START = "/api/saga/start-booking/"
ADA = {
    "p0-first_name": "Ada",
    "p0-last_name": "Lovelace",
    "p0-gender": "female",
    "email": "ada@example.com",
    "mobile": "+1 555 0100",
}


def pay_page(client: Client, query: str = f"{ONE}&seats1=7A") -> str:
    return client.post(f"{PASSENGERS}?{query}", ADA)["Location"]


def form_of(client: Client, page: str) -> dict[str, str]:
    """What a browser would send: the hidden key and the first card."""
    text = client.get(page).content.decode()
    key = re.search(r'name="key" value="([^"]+)"', text)
    assert key is not None
    return {"key": key[1], "card_token": "tok_ok"}
