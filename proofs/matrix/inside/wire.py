"""JSON lines to the driver and back; written at once, since the writer may die in the next moment."""

import json
import os
from typing import Any

IN, OUT = 0, 1


def tell(**message: Any) -> None:
    os.write(OUT, json.dumps(message).encode() + b"\n")


def hear() -> dict[str, Any] | None:
    """The driver's next line; None when there will be no more."""
    line = _line()
    return json.loads(line) if line else None


def _line() -> bytes:
    # Byte by byte: a buffer would keep lines that belong to the parent after this fork.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(IN, 1)
        if not byte:
            return b""
        line += byte
    return line
