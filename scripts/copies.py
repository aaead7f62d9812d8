"""A copy of the tree: what is committed, and what is new and not ignored."""

import shutil
import subprocess
from pathlib import Path

from scripts.paths import ROOT


def copy_tree(folder: Path) -> Path:
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder
