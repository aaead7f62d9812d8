"""The tutorial as a script: its files are written and its commands run in the order in which they stand."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TUTORIAL = ROOT / "docs" / "tutorial.md"
EXAMPLE = ROOT / "examples" / "shop"
BLOCK = re.compile(
    r"(?:^(?P<verb>Write|Append to) `(?P<path>[^`]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```", re.M | re.S
)
AFTER = "after block"


@dataclass(frozen=True)
class Block:
    kind: str
    text: str
    path: str = ""
    appends: bool = False


def blocks() -> list[Block]:
    found = BLOCK.finditer(TUTORIAL.read_text(encoding="utf-8"))
    return [Block(one["kind"], one["text"], one["path"] or "", one["verb"] == "Append to") for one in found]


def script(ports: dict[str, int]) -> str:
    """For bash. After each block it says so, to tell what each has printed."""
    lines = ["set -eu"]
    for number, block in enumerate(blocks()):
        text = block.text
        for written, free in ports.items():
            text = text.replace(written, str(free))
        if block.path:
            arrow = ">>" if block.appends else ">"
            lines.append(f"printf '%s' {shlex.quote(text)} {arrow} {block.path}")
        elif block.kind == "bash":
            lines.append(text)
        lines.append(f"echo; echo {AFTER} {number}")
    return "\n".join(lines)


def printed(output: str) -> list[str]:
    """What each block has printed."""
    return re.split(rf"^{AFTER} \d+\n", output, flags=re.M)
