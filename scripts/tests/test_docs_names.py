"""What the README and the docs name is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

from scripts.paths import ROOT

PAGES = sorted(
    [
        *(page for page in ROOT.glob("*.md") if page.name != "CHANGELOG.md"),  # It names what is gone.
        *ROOT.glob("docs/*.md"),
        ROOT / "proofs" / "README.md",
        *ROOT.glob("packages/*/README.md"),
        *ROOT.glob("examples/*/README.md"),
    ]
)
by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
# What a run leaves behind is no part of the repository.
MADE = {"var", "build", "secrets", ".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
TOP_LEVEL = {path.name for path in ROOT.iterdir()} - MADE
KINDS = "py|md|yml|yaml|sh|env|html|toml|js|css|tla|patch|svg|png|json|conf"
MADE_BY_A_RUN = {"manifest.json", "secrets/alertmanager.yml"}
DJANGOS_COMMANDS = set(get_commands())
OTHERS_MODULES = {"django", "granian", "pip", "pytest", "venv"}
# Of OpenTelemetry and of glibc; LIMIT_READS is put together from the limit's name.
OTHERS_SETTINGS = ("BUILDX_", "OTEL_", "MALLOC_", "LIMIT_")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def files() -> Iterator[Path]:
    for name in TOP_LEVEL:
        path = ROOT / name
        yield from [path] if path.is_file() else (each for each in path.rglob("*") if each.is_file())


@pytest.fixture(scope="module")
def paths() -> set[str]:
    """Of every file, and of every end of a path: a/b/c.py, b/c.py and c.py."""
    parts = [path.relative_to(ROOT).parts for path in files()]
    return {"/".join(each[place:]) for each in parts for place in range(len(each))}


@pytest.fixture(scope="module")
def settings() -> set[str]:
    """Words in capitals of everything that is no page."""
    written = {".py", ".yml", ".sh", ".env", ".conf", ".toml", ""}
    texts = (path.read_text("utf-8", "replace") for path in files() if path.suffix in written)
    return {word for text in texts for word in re.findall(r"\b[A-Z][A-Z0-9_]+\b", text)}


@pytest.fixture(scope="module")
def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z0-9-]*)%?:", read(ROOT / "Makefile"), re.MULTILINE))


def named_paths(text: str) -> set[str]:
    """Code spans that begin with a folder or file of the repository, and the targets of links."""
    spans = {span for span in re.findall(r"`([\w./-]+)`", text) if span.split("/")[0] in TOP_LEVEL}
    return spans | {target for target in re.findall(r"\]\(([\w./-]+)", text) if not target.startswith("http")}


@by_page
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    missing = [
        name
        for name in named_paths(read(page))
        if not (page.parent / name).exists() and not (ROOT / name).exists()
    ]
    assert missing == []


@by_page
def test_every_file_that_a_page_names_exists_somewhere(page: Path, paths: set[str]) -> None:
    named = set(re.findall(rf"`((?:[\w-]+/)*[\w.-]+\.(?:{KINDS}))`", read(page)))
    assert sorted(named - paths - MADE_BY_A_RUN) == []


@by_page
def test_every_make_target_that_a_page_names_exists(page: Path, targets: set[str]) -> None:
    code = re.findall(r"`make ([a-z][a-z0-9-]*)|^ {4,}make ([a-z][a-z0-9-]*)", read(page), re.MULTILINE)
    named = {one or other for one, other in code}
    assert sorted(name for name in named - targets if not name.startswith(("test-", "lint-"))) == []


@by_page
def test_every_command_that_a_page_names_exists(page: Path, paths: set[str]) -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", read(page))) - DJANGOS_COMMANDS
    assert sorted(name for name in named if f"management/commands/{name}.py" not in paths) == []


@by_page
def test_every_module_that_a_page_runs_exists(page: Path, paths: set[str]) -> None:
    named = {name.replace(".", "/") for name in re.findall(r"-m ([a-z_][a-z_.]*[a-z_])", read(page))}
    missing = {name for name in named if not {f"{name}.py", f"{name}/__main__.py"} & paths}
    assert sorted(missing - OTHERS_MODULES) == []


@by_page
def test_every_setting_that_a_page_names_is_read(page: Path, settings: set[str]) -> None:
    named = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)[`=]", read(page)))
    assert sorted(name for name in named - settings if not name.startswith(OTHERS_SETTINGS)) == []


@by_page
def test_every_section_that_a_page_links_to_exists(page: Path) -> None:
    missing = []
    for target, anchor in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", read(page)):
        titles = re.findall(r"^#+ (.+)$", read(page.parent / target if target else page), re.MULTILINE)
        if anchor not in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}:
            missing.append(f"{target}#{anchor}")
    assert missing == []


def test_every_setting_of_a_service_stands_in_the_operators_table() -> None:
    readers = "text|text_or_file|words|flag|whole|seconds|address|one_of|named|secret"
    read = re.compile(rf"\b(?:{readers})\(\s*\x22([A-Z_]+)\x22")
    sources = [*ROOT.glob("*-service/*/*.py"), *ROOT.glob("packages/*/*/*.py")]
    names = {name for path in sources for name in read.findall(path.read_text(encoding="utf-8"))}
    page = ROOT.joinpath("docs", "operations.md").read_text(encoding="utf-8")
    assert {"SECRET_KEY", "SAGA_LEASE", "DATABASE_URL", "PAYMENT_GATEWAY"} <= names
    assert sorted(name for name in names if f"`{name}`" not in page) == []
