"""Keys as files: made once, and rolled without a moment in which a service refuses another's token."""

import json
import os
import stat
import time
from itertools import pairwise
from pathlib import Path

import pytest
from pytest_django import Settings
from service_kit import key_files, keys, tokens
from service_kit.keys import SigningKey

SERVICES = ("backend", "payment", "ui")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert key_files.main(["make", str(tmp_path), *SERVICES]) == 0
    return tmp_path


def run(verb: str, folder: Path, *services: str) -> int:
    return key_files.main([verb, str(folder), *services])


def signing(folder: Path, service: str = "ui") -> SigningKey:
    return keys.read_private((folder / f"{service}_signing_key").read_text())


def public(folder: Path) -> list[str]:
    return [key.kid for key in keys.read_set((folder / "verifying_keys").read_text())]


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_each_service_has_a_key_of_its_own_and_the_set_has_no_private_one(folder: Path) -> None:
    made = [signing(folder, service) for service in SERVICES]
    assert [key.issuer for key in made] == list(SERVICES)
    assert public(folder) == [key.kid for key in made]
    listed = json.loads((folder / "verifying_keys").read_text())["keys"]
    assert {name for jwk in listed for name in jwk} == {"kty", "crv", "alg", "use", "kid", "iss", "x"}
    assert all(key.to_jwk()["d"] not in (folder / "verifying_keys").read_text() for key in made)
    assert len({key.seed for key in made}) == len(made)


def test_keys_that_exist_are_kept_and_what_is_missing_is_added(folder: Path) -> None:
    before = contents(folder)
    run("make", folder, *SERVICES)
    assert contents(folder) == before
    run("make", folder, *SERVICES, "hotel")
    assert public(folder)[:3] == [signing(folder, service).kid for service in SERVICES]
    assert public(folder)[3:] == [signing(folder, "hotel").kid]


def test_files_are_readable_under_any_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        run("make", tmp_path, "ui")
    finally:
        os.umask(old)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o444}


def deployments(folder: Path) -> list[tuple[SigningKey, tuple[keys.PublicKey, ...]]]:
    """What the UI signs with, and what the others know, after each step of a rolling."""
    found = []
    for verb in ("make", "publish", "sign", "drop"):
        assert run(verb, folder, "ui") == 0
        found.append((signing(folder), keys.read_set((folder / "verifying_keys").read_text())))
    return found


def test_rolled_key_is_known_everywhere_before_it_signs_and_until_its_last_token_has_ended(
    folder: Path, settings: Settings
) -> None:
    """Services restart one by one: each pair of neighbouring deployments has to understand each other."""
    settings.SERVICE_NAME = "backend"
    rolled = deployments(folder)
    for (earlier, known_earlier), (later, known_later) in pairwise(rolled):
        for key, known in ((earlier, known_later), (later, known_earlier)):
            settings.VERIFYING_KEYS = known
            assert tokens.verify(token_of(key)), (key.kid, known)
    first, last = rolled[0][0], rolled[3][0]
    assert first.kid != last.kid
    settings.VERIFYING_KEYS = rolled[3][1]
    assert tokens.verify(token_of(last)) and not tokens.verify(token_of(first))


def token_of(key: SigningKey) -> str:
    now = int(time.time())
    return tokens.sign(key, tokens.OF_SERVICE, subject="ui", audience="backend", issued=now)


def test_keys_of_other_services_stay_when_one_is_rolled(folder: Path) -> None:
    others = {name: text for name, text in contents(folder).items() if name[:2] in ("ba", "pa")}
    deployments(folder)
    assert contents(folder).items() >= others.items()
    assert public(folder) == [signing(folder, service).kid for service in SERVICES]


def test_without_a_name_every_key_is_rolled(folder: Path) -> None:
    before = {signing(folder, service).kid for service in SERVICES}
    for verb in ("publish", "sign", "drop"):
        assert run(verb, folder) == 0
    after = {signing(folder, service).kid for service in SERVICES}
    assert not before & after and sorted(public(folder)) == sorted(after)


def test_step_that_is_repeated_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("publish", "drop"):
        run(verb, folder)
        before = contents(folder)
        assert run(verb, folder) == 0
        assert contents(folder) == before
    run("sign", folder)
    before = contents(folder)
    assert run("sign", folder) == 1
    assert "begin with `publish`" in capsys.readouterr().err
    assert contents(folder) == before


def test_published_key_that_does_not_sign_yet_is_not_dropped(folder: Path) -> None:
    run("publish", folder, "ui")
    before = public(folder)
    run("drop", folder, "ui")
    assert public(folder) == before and len(before) == len(SERVICES) + 1


@pytest.mark.parametrize("verb", ["publish", "sign", "drop"])
def test_service_without_a_key_is_named_and_nothing_is_done(
    folder: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    before = contents(folder)
    assert run(verb, folder, "hotel") == 1
    assert "hotel" in capsys.readouterr().err
    assert contents(folder) == before


def test_file_that_is_no_key_is_refused_without_its_text(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ui_signing_key").chmod(0o644)
    (folder / "ui_signing_key").write_text("first:secret")
    assert run("drop", folder, "ui") == 1
    assert capsys.readouterr().err == "it is not a JSON object\n"
