"""The file that keeps what the services say."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from logging import LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path

KEPT_BYTES, KEPT_FILES = 20_000_000, 4
"of what is kept in a file, and how many older ones stay beside it"


class KeptLog(RotatingFileHandler):
    """Lines that cannot be written, as on a full disk, are left out, and `say` is told so once. A file that
    was deleted is made again, so that its space is free."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        """Raises OSError if the file cannot be written at the start."""
        self._say = say
        self._error: BaseException | None = None
        super().__init__(
            path, maxBytes=KEPT_BYTES, backupCount=KEPT_FILES, encoding="utf-8", errors="backslashreplace"
        )

    def keep(self, text: str) -> None:
        self.handle(LogRecord("", 0, "", 0, text, None, None))

    def emit(self, record: LogRecord) -> None:
        error_before, self._error = self._error, None
        if self.stream and not self._is_at_its_place():
            self._let_go()
        super().emit(record)
        self._tell(error_before)

    def _tell(self, error_before: BaseException | None) -> None:
        if error_before and not self._error:
            self._say(f"{self.baseFilename} is written again.")
        elif self._error and not error_before:
            self._say(f"{self.baseFilename} cannot be written, and misses lines: {self._error}")

    def handleError(self, record: LogRecord) -> None:  # noqa: N802  the name is logging's
        self._error = sys.exc_info()[1]
        self._let_go()

    def _open(self) -> TextIOWrapper:
        """Private: what the services say may name people."""
        path = Path(self.baseFilename)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
        return super()._open()

    def _is_at_its_place(self) -> bool:
        assert self.stream is not None
        try:
            found, ours = Path(self.baseFilename).stat(), os.fstat(self.stream.fileno())
        except OSError:
            return False
        return os.path.samestat(found, ours)

    def _let_go(self) -> None:
        """The next line opens the file anew. What the full disk did not take is gone."""
        if self.stream:
            with suppress(OSError):
                self.stream.close()
        self.stream = None
