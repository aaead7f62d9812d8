"""`make backup`: copies of the four databases in a folder, while the suite runs.

TO= names the folder, by default a new one in backups/. DATA_DIR and BACKEND_DATABASE_URL and so on say where
the databases are, as for `make run`. Ctrl-C ends it, and it can be made again.
Exit codes: 0 made and checked, 1 not made, 2 a wrong setting.
"""

import os
import sqlite3
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from scripts.backups import manifest, noting, postgres, sqlite
from scripts.backups.manifest import Copy
from scripts.booking_suite import Config, ConfigError
from scripts.console import Console
from scripts.paths import ROOT
from scripts.signals import ended_by_signals

FAILED, WRONG_SETTING = 1, 2
FOLDER = ROOT / "backups"
TROUBLE = (sqlite.DamagedError, postgres.MissingToolError, sqlite3.Error, psycopg.Error, OSError)


class RefusedError(Exception):
    """Nothing was written; the message says why."""


def main(given: Mapping[str, str] = os.environ) -> int:
    console, now = Console(), datetime.now(UTC)
    try:
        target = Path(given.get("TO") or FOLDER / f"{now:%Y-%m-%dT%H%M%SZ}").resolve()
        back_up(Config.from_environment(), target, console, overwrite=given.get("OVERWRITE") == "1")
    except (ConfigError, RefusedError) as error:
        print(error, file=sys.stderr)
        return WRONG_SETTING
    except TROUBLE as error:
        print(f"No back-up was made: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("Stopped. What is there is no whole back-up.", file=sys.stderr)
        return FAILED
    console.say(
        f"The back-up is in {target}. It holds names and secrets: keep it as private as the databases."
    )
    return 0


def back_up(config: Config, target: Path, console: Console, *, overwrite: bool = False) -> list[Copy]:
    if target.exists() and any(target.iterdir()) and not overwrite:
        raise RefusedError(f"{target} is not empty; OVERWRITE=1 replaces what is there.")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    (target / manifest.NAME).unlink(missing_ok=True)
    copies = [_copy(config, name, target, console) for name in manifest.ORDER]
    manifest.write(target, copies)
    whole = manifest.read(target)
    for copy in whole:
        noting.note(config, copy, console)
    return whole


def _copy(config: Config, name: str, target: Path, console: Console) -> Copy:
    url, taken_at = config.databases.get(name), datetime.now(UTC).isoformat()
    kind, file = ("postgres", f"{name}.dump") if url else ("sqlite", f"{name}.sqlite3")
    draft = target / f"{name}.part"
    draft.unlink(missing_ok=True)
    try:
        if url:
            rows = postgres.dump(url, draft, lambda text: console.line(name, text))
        else:
            source = config.data_dir / file
            rows = sqlite.copy(source, draft, lambda text: console.line(name, text))
        draft.replace(target / file)
    finally:
        draft.unlink(missing_ok=True)
    console.line(name, f"{sum(rows.values())} rows in {len(rows)} tables, checked")
    return manifest.describe(target, name, kind, file, taken_at=taken_at, rows=rows)


if __name__ == "__main__":
    sys.exit(ended_by_signals(main))
