"""What the README and the docs name is there."""

import re
from pathlib import Path

import pytest

from scripts.paths import ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")])
# What a run leaves behind is no part of the repository.
TOP_LEVEL = {path.name for path in ROOT.iterdir()} - {"var", "build", "secrets"}


def named_paths(text: str) -> set[str]:
    """Code spans that begin with a folder or file of the repository, and the targets of links."""
    spans = {span for span in re.findall(r"`([\w./-]+)`", text) if span.split("/")[0] in TOP_LEVEL}
    return spans | {target for target in re.findall(r"\]\(([\w./-]+)", text) if not target.startswith("http")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    missing = [
        name
        for name in named_paths(page.read_text(encoding="utf-8"))
        if not (page.parent / name).exists() and not (ROOT / name).exists()
    ]
    assert missing == []


def test_every_make_target_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"make ([a-z][a-z0-9-]*)", (ROOT / "README.md").read_text(encoding="utf-8")))
    targets = set(
        re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert {"run", "test", "lint"} <= named
    assert named <= targets


def test_every_setting_of_a_service_stands_in_the_operators_table() -> None:
    read = re.compile(r"(?:env\.(?:str|int|float|bool|list)|one_of|secret)\(\s*\x22([A-Z_]+)\x22")
    sources = [*ROOT.glob("*-service/*/*.py"), *ROOT.glob("packages/*/*/*.py")]
    names = {name for path in sources for name in read.findall(path.read_text(encoding="utf-8"))}
    page = ROOT.joinpath("docs", "operations.md").read_text(encoding="utf-8")
    assert {"SECRET_KEY", "SAGA_LEASE"} <= names
    assert sorted(name for name in names if f"`{name}`" not in page) == []


ASKED = (
    "What is it for?",
    "First booking",
    "Add a step",
    "Write a participant",
    "A saga in your project",
    "Take a real payment",
    "Run it in production",
    "How we know",
)


def test_index_answers_in_the_order_in_which_people_ask() -> None:
    text = ROOT.joinpath("docs", "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \*\*(.+?)\*\*", text, re.MULTILINE) == list(ASKED)
    listed = {Path(target).name for target in re.findall(r"\]\(([\w./-]+)", text)}
    assert {path.name for path in ROOT.glob("docs/*.md")} - {"index.md"} <= listed


TUTORIALS = ("README.md", "docs/cookbook.md", "docs/tutorial.md", "examples/hotel/README.md")


@pytest.mark.parametrize("name", TUTORIALS)
def test_tutorial_says_how_long_it_takes_and_so_does_the_index(name: str) -> None:
    says = re.search("In ([a-z]+) minutes", ROOT.joinpath(name).read_text(encoding="utf-8"))
    assert says
    number = {"five": "5", "ten": "10", "fifteen": "15"}[says[1]]
    link = re.escape(name.removeprefix("docs/") if name.startswith("docs/") else f"../{name}")
    row = rf"^.*\({link}[#)].*\| ([^|]*minutes[^|]*) \|$"
    index = ROOT.joinpath("docs", "index.md").read_text(encoding="utf-8")
    (takes,) = re.findall(row, index, re.MULTILINE)
    assert number in re.findall("[0-9]+", takes)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_section_that_a_page_links_to_exists(page: Path) -> None:
    missing = []
    for target, anchor in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", page.read_text(encoding="utf-8")):
        text = (page.parent / target if target else page).read_text(encoding="utf-8")
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        if anchor not in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}:
            missing.append(f"{target}#{anchor}")
    assert missing == []


def test_every_make_target_that_a_page_of_the_docs_names_exists() -> None:
    targets = set(
        re.findall(
            r"^([a-z][a-z0-9-]*)(?:%)?:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    for page in PAGES:
        code = re.findall(
            r"`make ([a-z][a-z0-9-]*)|^ {4,}make ([a-z][a-z0-9-]*)", page.read_text("utf-8"), re.M
        )
        named = {one or other for one, other in code}
        assert {name for name in named if not name.startswith(("test-", "lint-"))} <= targets, page.name
