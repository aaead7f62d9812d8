"""Tells a service's metrics when its database was last backed up: the alarm BackupOld looks at that.

A database of an earlier release has no place for it, and is left as it is.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from scripts.backups.manifest import Copy
from scripts.booking_suite import Config
from scripts.console import Console

NOTE = """
    INSERT INTO security_newest_backup (id, made_at) VALUES (1, {at})
    ON CONFLICT (id) DO UPDATE SET made_at = excluded.made_at
    WHERE excluded.made_at > security_newest_backup.made_at"""
IN_SQLITE = "SELECT 1 FROM sqlite_master WHERE name = 'security_newest_backup'"
IN_POSTGRESQL = "SELECT to_regclass('public.security_newest_backup') IS NOT NULL"


def note(config: Config, copy: Copy, console: Console) -> None:
    """Whether or not it can be told, the back-up is made."""
    made_at = datetime.fromisoformat(copy.taken_at).astimezone(UTC)
    try:
        if url := config.databases.get(copy.service):
            _in_postgresql(url, made_at)
        else:
            _in_sqlite(config.data_dir / copy.file, made_at)
    except (sqlite3.Error, psycopg.Error) as error:
        console.line(copy.service, f"its metrics were not told of the back-up: {error}")


def _in_sqlite(database: Path, made_at: datetime) -> None:
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        if connection.execute(IN_SQLITE).fetchone():
            # As Django writes a moment.
            connection.execute(NOTE.format(at="?"), [made_at.replace(tzinfo=None).isoformat(" ")])
            connection.commit()


def _in_postgresql(url: str, made_at: datetime) -> None:
    with psycopg.connect(url) as connection:
        if connection.execute(IN_POSTGRESQL).fetchone() == (True,):
            connection.execute(NOTE.format(at="%s"), [made_at])
