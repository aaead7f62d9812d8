from pathlib import Path

import yaml

from scripts import make_secrets
from scripts.paths import ROOT


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_every_secret_of_the_compose_file_is_made_once(tmp_path: Path) -> None:
    make_secrets.main(tmp_path)
    made = files(tmp_path)
    wanted = yaml.safe_load(ROOT.joinpath("docker-compose.yml").read_text())["secrets"]
    assert made.keys() == wanted.keys() == files(ROOT / "deploy" / "demo-secrets").keys()
    assert len(set(made.values())) == len(made)
    make_secrets.main(tmp_path)
    assert files(tmp_path) == made


def test_none_is_weak(tmp_path: Path) -> None:
    make_secrets.main(tmp_path)
    assert min(map(len, files(tmp_path).values())) >= 32
    assert files(tmp_path)["ui_database_url"].startswith("postgres://ui:")
