"""`make restore`: puts a back-up in the place of the databases, while the suite is stopped.

FROM= names the back-up's folder, ONLY=payment,loyalty some of its services. It refuses to replace a database
without OVERWRITE=1. Each database is replaced in one step; after an interruption, again before a start.
Exit codes: 0 restored and checked, 1 not restored, 2 a wrong setting, 3 the suite is running.
"""

import os
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from scripts.backups import manifest, noting, postgres, sqlite
from scripts.backups.backup import FAILED, TROUBLE, WRONG_SETTING, RefusedError
from scripts.backups.manifest import Copy
from scripts.booking_suite import Config, ConfigError
from scripts.claim import Claim, TakenError
from scripts.console import Console
from scripts.signals import ended_by_signals

RUNNING = 3
NEXT = (
    "Start the suite, then settle what the services disagree about: docs/operations.md, Back-up and restore."
)


def main(given: Mapping[str, str] = os.environ) -> int:
    console = Console()
    if not given.get("FROM"):
        return _fail("FROM= names the folder of the back-up.", WRONG_SETTING)
    try:
        only = [name for name in given.get("ONLY", "").split(",") if name]
        folder = Path(given["FROM"]).resolve()
        restore(
            Config.from_environment(), folder, console, only=only, overwrite=given.get("OVERWRITE") == "1"
        )
    except (ConfigError, RefusedError) as error:
        return _fail(str(error), WRONG_SETTING)
    except TakenError as error:
        return _fail(str(error), RUNNING)
    except TROUBLE as error:
        return _fail(f"Not everything is restored: {error}", FAILED)
    except KeyboardInterrupt:
        return _fail("Stopped. Not everything is restored: make it again before a start.", FAILED)
    console.say(NEXT)
    return 0


def restore(
    config: Config,
    folder: Path,
    console: Console,
    *,
    only: Collection[str] = (),
    overwrite: bool = False,
) -> None:
    """Of the services `only`, or of all."""
    if unknown := set(only) - set(manifest.ORDER):
        raise RefusedError(f"There is no service {', '.join(sorted(unknown))}.")
    copies = [copy for copy in manifest.read(folder) if not only or copy.service in only]
    claim = Claim(config.data_dir)
    try:
        for copy in copies:
            _require_place(config, copy, overwrite=overwrite)
        for copy in copies:
            _put(config, folder, copy, console)
    finally:
        claim.release()


def _require_place(config: Config, copy: Copy, *, overwrite: bool) -> None:
    url = config.databases.get(copy.service)
    if (copy.kind == "postgres") != bool(url):
        raise RefusedError(f"The copy of {copy.service} is of {copy.kind}, its database is another.")
    if url and (others := postgres.connected(url)):
        raise RefusedError(f"{others} connections use the database of {copy.service}: stop the suite first.")
    is_free = postgres.is_empty(url) if url else not _file(config, copy).exists()
    if not is_free and not overwrite:
        raise RefusedError(f"{copy.service} has a database; OVERWRITE=1 replaces it.")


def _put(config: Config, folder: Path, copy: Copy, console: Console) -> None:
    told: Callable[[str], None] = lambda text: console.line(copy.service, text)  # noqa: E731
    if url := config.databases.get(copy.service):
        postgres.put(folder / copy.file, url, copy.rows, told)
    else:
        sqlite.put(folder / copy.file, _file(config, copy), copy.rows, told)
    console.line(copy.service, f"{sum(copy.rows.values())} rows of {copy.taken_at}, checked")
    noting.note(config, copy, console)


def _file(config: Config, copy: Copy) -> Path:
    return config.data_dir / copy.file


def _fail(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(ended_by_signals(main))
