"""The pages show the sagas as they are defined."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django_sagas.picture import MARKED, redraw

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *ROOT.glob("docs/*.md"))}
DRAWN = {path.name: text for path, text in PAGES.items() if MARKED.search(text)}


@pytest.mark.parametrize("page", DRAWN)
def test_a_page_draws_its_sagas_as_they_are_defined(page: str) -> None:
    assert redraw(DRAWN[page], here="backend") == DRAWN[page], "make pictures"


def test_the_readme_and_the_architecture_draw_the_booking() -> None:
    assert {"README.md", "architecture.md"} <= set(DRAWN)
    for page in ("README.md", "architecture.md"):
        assert "book-trip" in {name for _, name, _, _ in MARKED.findall(DRAWN[page])}


def test_a_page_is_drawn_anew_in_its_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- saga: book-trip -->\n```text\nold\n```\nafter ```code``` and more\n")
    call_command("sagas_picture", page, here="backend")
    picture = MARKED.findall(DRAWN["README.md"])[0][2]
    assert page.read_text() == (
        f"before\n<!-- saga: book-trip -->\n```text\n{picture}```\nafter ```code``` and more\n"
    )
