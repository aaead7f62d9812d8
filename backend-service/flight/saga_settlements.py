"""Compensations resolved by hand: listed until their participants are found to agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service_kit.clock import iso
from service_kit.database import db_time, execute, fetch_all, fetch_one, from_db_time

SHOWN = 20
INSERT = """
    INSERT INTO flight_manual_settlement (correlation_id, step, settled_at, agreed_at, seen)
    VALUES (%s, %s, %s, NULL, '') ON CONFLICT (correlation_id, step) DO NOTHING"""
ALL = """
    SELECT id, correlation_id, step FROM flight_manual_settlement WHERE id > %s ORDER BY id LIMIT 200"""
SEEN = """
    UPDATE flight_manual_settlement SET seen = %s, agreed_at = %s WHERE correlation_id = %s AND step = %s"""
OPEN = """
    SELECT correlation_id, step, settled_at, seen FROM flight_manual_settlement
    WHERE agreed_at IS NULL ORDER BY id LIMIT %s"""
COUNT_OPEN = "SELECT COUNT(*) FROM flight_manual_settlement WHERE agreed_at IS NULL"


@dataclass(frozen=True)
class Settlement:
    correlation_id: str
    step: str


def remember(correlation_id: str, step: str, *, now: datetime) -> None:
    execute(INSERT, (correlation_id, step, db_time(now)))


def every() -> Iterator[Settlement]:
    last = 0
    while rows := fetch_all(ALL, (last,)):
        yield from (Settlement(cid, step) for _, cid, step in rows)
        last = rows[-1][0]


def saw(settlement: Settlement, seen: str, *, agrees: bool, now: datetime) -> None:
    agreed_at = db_time(now) if agrees else None
    execute(SEEN, (seen[:200], agreed_at, settlement.correlation_id, settlement.step))


def count_open() -> int:
    row = fetch_one(COUNT_OPEN)
    return int(row[0]) if row else 0


def still_open() -> dict[str, Any]:
    """Those whose participants disagree or were not asked yet, oldest first."""
    return {
        "count": count_open(),
        "oldest": [
            {
                "correlation_id": cid,
                "step": step,
                "settled_at": iso(from_db_time(settled_at)),
                "seen": seen or None,
            }
            for cid, step, settled_at, seen in fetch_all(OPEN, (SHOWN,))
        ],
    }
