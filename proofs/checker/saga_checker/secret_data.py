"""Invariant 11: no card number, secret or password in any row or log; the card token only in its place."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from saga_checker.books import Books
from saga_checker.findings import Findings

# Neither inside a word nor inside a longer number, so that hashes and ids are not taken for cards.
DIGITS = re.compile(r"(?<![\w.+-])[0-9](?:[ -]?[0-9]){12,18}(?![\w-])")
CARD_TOKEN = re.compile(r"\b(?:tok|pm)_[A-Za-z0-9_]+")
FORBIDDEN_KEY = re.compile(
    r"^(card_?number|cardnumber|pan|cvv2?|cvc2?|password|passwd|secret|secret_key)$", re.I
)
PASSWORD_HASH = re.compile(r"\b(?:pbkdf2_sha256|argon2id?|bcrypt(?:_sha256)?|scrypt)\$")
# Most texts are innocent at the first glance.
SUSPICIOUS = re.compile(
    r"[0-9](?:[ -]?[0-9]){12}|tok_|pm_|card|cv[vc]|\bpan\b|passw|secret|[$]", re.IGNORECASE
)
# Made from public data before any traveller came.
REFERENCE_DATA = ("flight_airport", "flight_flight")
# A phone number may be as long as a card number.
EXEMPT = ("mobile",)


def no_row_holds_a_secret(books: Books, find: Findings) -> None:
    for database in books.databases.values():
        for table in set(database.tables()).difference(REFERENCE_DATA):
            columns, rows = database.table(table)
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    if isinstance(value, str) and len(value) > 3 and column not in EXEMPT:
                        keeper = "card_token" if (table, column) == ("sagas_saga", "secrets") else ""
                        found = _secret(value, keeper=keeper)
                        text = f"{database.name}: {table}.{column} holds {found}"
                        find.expect(not found, text, _cid(columns, row))


def no_log_line_holds_a_secret(books: Books, find: Findings) -> None:
    for path in books.told.logs:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                start = line.find("{")
                found = _secret(line[start:].strip() if start >= 0 else line)
                find.expect(not found, f"{path.name}, line {number}, holds {found}")


def the_card_token_is_erased(books: Books, find: Findings) -> None:
    """It may be in the saga's row while AuthorizePayment is open, and nowhere else."""
    for saga in books.sagas.values():
        payment = saga.step.get("AuthorizePayment", {"status": "no step of it"})
        waits = payment["status"] in ("PENDING", "STARTED", "UNKNOWN")
        is_open = saga.status in ("PENDING", "RUNNING") and not saga.failed_step and waits
        text = f"the card token still stands in a {saga.status} saga"
        # It is the one secret of a booking: no other may stay either.
        find.expect(not saga.secrets or is_open, text, saga.correlation_id)


def _secret(text: str, *, keeper: str = "") -> str:
    """What is wrong with a text; it may be JSON. Only the field `keeper` may hold a card token.

    What was found is not repeated.
    """
    if not SUSPICIOUS.search(text):
        return ""
    for key, leaf in _leaves(text):
        if FORBIDDEN_KEY.match(key):
            return f"a field called {key}"
        if key in EXEMPT:
            continue
        if any(_passes_luhn(match.group()) for match in DIGITS.finditer(leaf)):
            return "a card number"
        if not (keeper and key == keeper) and CARD_TOKEN.search(leaf):
            return "a card token"
        if PASSWORD_HASH.search(leaf):
            return "a password's hash"
    return ""


def _leaves(text: str) -> Iterator[tuple[str, str]]:
    """The texts of a JSON document with their keys, or the one text that it is."""
    if text[:1] in "{[":
        try:
            yield from _walk("", json.loads(text))
        except ValueError:
            pass
        else:
            return
    yield "", text


def _walk(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(name, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(key, inner)
    else:
        yield key, str(value)


def _passes_luhn(text: str) -> bool:
    digits = [int(digit) for digit in reversed(text) if digit.isdigit()]
    doubled = (digit * (1 + place % 2) for place, digit in enumerate(digits))
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def _cid(columns: Sequence[str], row: Sequence[Any]) -> str:
    return str(row[columns.index("correlation_id")]) if "correlation_id" in columns else ""
