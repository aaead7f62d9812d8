"""The Python files of this repository."""

from pathlib import Path

from scripts.paths import ROOT

LEFT_OUT = (".venv", "node_modules", ".mypy_cache")


def own_files() -> list[Path]:
    return [path for path in ROOT.rglob("*.py") if not set(LEFT_OUT) & set(path.relative_to(ROOT).parts)]
