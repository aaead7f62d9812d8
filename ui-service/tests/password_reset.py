"""Asking for another password by mail."""

from typing import Any

from django.test import Client

from ui.account import reset_mails

RESET = "/account/reset/"


def ask(client: Client, address: str) -> Any:
    """For another password, and wait until its mail, if there is one, is sent."""
    answer = client.post(RESET, {"email": address})
    reset_mails.sender.submit(int).result(timeout=10)
    return answer
