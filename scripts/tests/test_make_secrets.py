import os
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
    filled = [value for value in made.values() if value]
    assert len(set(filled)) == len(filled) == len(made) - 3
    make_secrets.main(tmp_path)
    assert files(tmp_path) == made


def test_none_is_weak(tmp_path: Path) -> None:
    make_secrets.main(tmp_path)
    made = files(tmp_path)
    for name in ("ui_secret_key_fallbacks", "stripe_secret_key", "email_host_password"):
        assert made.pop(name) == ""
    assert made.pop("alertmanager.yml") == ROOT.joinpath("deploy/demo-secrets/alertmanager.yml").read_text()
    assert min(map(len, made.values())) >= 32
    assert made["ui_database_url"].startswith("postgres://ui:")
    assert made["ui_owner_url"].startswith("postgres://ui_owner:")


def test_containers_can_read_them_and_other_users_of_the_machine_cannot(tmp_path: Path) -> None:
    """Under any umask: a container's user has another number than the one who made them."""
    old = os.umask(0o077)
    try:
        make_secrets.main(tmp_path / "made")
    finally:
        os.umask(old)
    assert tmp_path.joinpath("made").stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.joinpath("made").iterdir()}
    assert modes.pop("alertmanager.yml") == 0o644
    assert set(modes.values()) == {0o444}
