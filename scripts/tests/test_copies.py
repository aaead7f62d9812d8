from pathlib import Path

from scripts.copies import copy_tree


def test_copy_holds_what_make_run_needs_and_nothing_that_was_made(tmp_path: Path) -> None:
    folder = copy_tree(tmp_path / "tree")
    for name in ("Makefile", "requirements/runtime.txt", "backend-service/manage.py", "scripts/run.py"):
        assert (folder / name).is_file()
    assert not (folder / ".venv").exists()
    assert not (folder / "var").exists()
