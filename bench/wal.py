"""What a stretch of a private PostgreSQL server's write-ahead log is made of, by pg_waldump."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping

from scripts.postgres import Server

RECORD = re.compile(r"rmgr: \S+ +len \(rec/tot\): +\d+/ *(\d+),")
FILE = re.compile(r"blkref #0: rel \d+/(\d+/\d+)")
REST = "commits, catalogues and the rest"
# Each file of a database, the table that it belongs to, and whether it is one of its indexes.
FILES = """
    SELECT d.oid || '/' || c.relfilenode, coalesce(i.indrelid, c.oid)::regclass::text,
        i.indexrelid IS NOT NULL
    FROM pg_database d, pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
    WHERE d.datname = current_database() AND c.relfilenode <> 0
        AND c.relnamespace = 'public'::regnamespace"""


def records(server: Server, since: int, until: int) -> list[str]:
    """Between two positions. Raises CalledProcessError if the server has dropped the first meanwhile."""
    where = ["-p", str(server.data / "pg_wal"), "-s", _position(since), "-e", _position(until)]
    command = [str(server.binaries / "pg_waldump"), *where]
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout.splitlines()


def by_part(lines: Iterable[str], names: Mapping[str, str]) -> Counter[str]:
    """Bytes by what `names` calls the file that a record changes first."""
    found: Counter[str] = Counter()
    for line in lines:
        if record := RECORD.match(line):
            file = FILE.search(line)
            found[names.get(file[1], REST) if file else REST] += int(record[1])
    return found


def _position(byte: int) -> str:
    return f"{byte >> 32:X}/{byte & 0xFFFFFFFF:X}"
