"""The simulated bank as another company: its books stay as they were, whatever payment is restored to."""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg

from saga_checker.books import Books, Told
from saga_checker.invariants import check

COLUMNS = "key, kind, hold, amount, currency, text, created_at"
TITLES = ("the ledger is what the bank says", "a hold belongs to a payment")
HOLD = re.compile(r"hold-[0-9a-f-]+")
SHOWN = re.compile(
    r"(\d+\.\d\d) live; the provider: (no such hold|held (\S+), taken (\S+), given back (\S+))"
)
Rows = Sequence[Sequence[Any]]


def read(address: str) -> Rows:
    query = f"SELECT {COLUMNS} FROM bank_movement ORDER BY id"  # noqa: S608  our own words
    if address.startswith("postgres"):
        with psycopg.connect(address) as connection:
            return connection.execute(query).fetchall()
    with closing(sqlite3.connect(address)) as lite:
        return lite.execute(query).fetchall()


def put_back(address: str, rows: Rows) -> None:
    """In the place of the books that came with the back-up."""
    postgres = address.startswith("postgres")
    places = ", ".join(["%s" if postgres else "?"] * len(COLUMNS.split(", ")))
    insert = f"INSERT INTO bank_movement ({COLUMNS}) VALUES ({places})"  # noqa: S608
    if postgres:
        with psycopg.connect(address) as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM bank_movement")
            cursor.executemany(insert, rows)
        return
    with closing(sqlite3.connect(address)) as lite, lite:
        lite.execute("DELETE FROM bank_movement")
        lite.executemany(insert, rows)


def contradicted(addresses: Mapping[str, str]) -> dict[str, str]:
    """What the checker finds between ledger and bank: the text by the payment or the hold."""
    with Books(addresses, Told()) as books:
        found = [result for result in check(books, snapshot=True) if result.invariant.title in TITLES]
        violations = [one for result in found for one in result.findings.violations]
    return {one.correlation_id or _hold(one.text): one.text for one in violations}


def _hold(text: str) -> str:
    found = HOLD.search(text)
    assert found is not None, text
    return found[0]


def directions(lines: Sequence[str]) -> tuple[int, int]:
    """Of what `settle_provider` names: money that the provider has and payment does not know, and money that
    payment believes in and the provider does not have."""
    more = sum("which no payment names" in line and not line.startswith("NOTE") for line in lines)
    less = 0
    for line in lines:
        if found := SHOWN.search(line):
            theirs = 0.0 if found[3] is None else float(found[3]) + float(found[4]) - float(found[5])
            more += theirs > float(found[1])
            less += theirs < float(found[1])
    return more, less
