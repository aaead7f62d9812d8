"""The index of the docs answers what people ask, and says how long each answer takes."""

import re
from pathlib import Path

import pytest

from scripts.paths import ROOT

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
