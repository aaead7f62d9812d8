"""The tutorial's own text, followed word for word against the wheel."""

import json
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests import tutorial
from tests.installed import build_wheel, dependencies, environment
from tests.processes import free_ports

PATIENCE = 240
BASH = shutil.which("bash") or "bash"
MOST_LINES = 40


def follow(folder: Path, env: dict[str, str]) -> tuple[int, str]:
    """Its exit code and what it printed. Everything that it has started ends with it."""
    text = tutorial.script(free_ports("8000", "8001"))
    log = folder.parent / "printed"
    with log.open("w") as output:
        bash = subprocess.Popen(
            [BASH, "-c", text],
            cwd=folder,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = bash.wait(PATIENCE)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(bash.pid, signal.SIGKILL)
            bash.wait()
    return code, log.read_text()


def test_the_tutorial_leads_where_it_says(tmp_path: Path) -> None:
    env = environment(build_wheel(tmp_path), dependencies(tmp_path / "libraries"))
    place = tmp_path / "empty"
    place.mkdir()
    code, output = follow(place, env)
    assert code == 0, output
    printed = tutorial.printed(output)
    shown = [(n, block) for n, block in enumerate(tutorial.blocks()) if block.kind in ("json", "text")]
    assert len(shown) == 5
    for number, block in shown:
        lines = [line for line in printed[number - 1].splitlines() if line]
        if block.kind == "json":
            assert json.loads(lines[-1]) == json.loads(block.text)
        else:
            assert block.text.strip() in lines


def written() -> list[tutorial.Block]:
    return [block for block in tutorial.blocks() if block.path]


@pytest.mark.parametrize("block", written(), ids=lambda block: block.path)
def test_the_example_is_what_the_tutorial_makes(block: tutorial.Block) -> None:
    text = (tutorial.EXAMPLE / block.path).read_text()
    assert text.endswith(block.text)
    assert block.appends or text == block.text


def test_the_users_own_saga_has_few_lines_of_code() -> None:
    saga = tutorial.EXAMPLE / "orders" / "sagas.py"
    assert len([line for line in saga.read_text().splitlines() if line]) <= MOST_LINES
