import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from service_kit import keys
from service_kit import settings as kit

STRONG = "b7Qx-93mZ_kLw2!vR8sTdY5@hNcE1uJp"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside demo mode, with nothing set."""
    monkeypatch.setattr(kit, "DEMO_MODE", False)
    for name in ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "SIGNING_KEY", "VERIFYING_KEYS", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "required"),
        ("short", "at least 32"),
        ("x" * 60, "at least 32 varied"),
        ("abcabc" * 10, "varied"),
        ("django-insecure-" + STRONG, "well-known"),
        ("ChangeMe" + STRONG, "well-known"),
        (kit.DEMO_SECRET, "well-known"),
    ],
)
def test_weak_secret_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str, reason: str) -> None:
    monkeypatch.setenv("SECRET_KEY", value)
    with pytest.raises(ImproperlyConfigured, match=reason) as caught:
        kit.secret("SECRET_KEY")
    assert "SECRET_KEY" in str(caught.value)
    assert not value or value not in str(caught.value)


def test_strong_secret_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", STRONG)
    assert kit.secret("SECRET_KEY") == STRONG


def test_secret_is_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{STRONG}\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(file))
    assert kit.secret("SECRET_KEY") == STRONG


def test_secret_file_that_is_missing_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY_FILE cannot be read.*none"):
        kit.secret("SECRET_KEY")


def test_demo_mode_brings_its_own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "DEMO_MODE", True)
    assert kit.secret("SECRET_KEY") == kit.DEMO_SECRET
    own, known = kit.service_keys("payment")
    assert own == keys.demo("payment")
    assert known == (keys.demo("ui").public, keys.demo("backend").public)


OWN, OTHER = keys.new("payment"), keys.new("backend")
KNOWN = keys.write_set([OWN.public, OTHER.public, keys.new("loyalty").public])


def give(monkeypatch: pytest.MonkeyPatch, signing: str, verifying: str) -> None:
    monkeypatch.setenv("SIGNING_KEY", signing)
    monkeypatch.setenv("VERIFYING_KEYS", verifying)


@pytest.mark.parametrize("demo_mode", [False, True])
def test_service_takes_its_own_key_and_those_of_its_callers(
    monkeypatch: pytest.MonkeyPatch, demo_mode: bool
) -> None:
    monkeypatch.setattr(kit, "DEMO_MODE", demo_mode)
    give(monkeypatch, json.dumps(OWN.to_jwk()), KNOWN)
    assert kit.service_keys("payment") == (OWN, (OTHER.public,))


def test_private_key_is_in_no_representation_of_the_setting() -> None:
    assert repr(OWN) == f"SigningKey(kid='{OWN.kid}', issuer='payment')"


JWK = OWN.to_jwk()
DEMO = keys.demo("payment")


@pytest.mark.parametrize(
    ("signing", "verifying", "message"),
    [
        ({}, KNOWN, "SIGNING_KEY or SIGNING_KEY_FILE is required"),
        (JWK, "", "VERIFYING_KEYS or VERIFYING_KEYS_FILE is required"),
        ("a:secret", KNOWN, "SIGNING_KEY cannot be used: it is not a JSON object"),
        ({**JWK, "kty": "oct"}, KNOWN, "SIGNING_KEY cannot be used: it has a key that is not Ed25519"),
        ({**JWK, "crv": "Ed448"}, KNOWN, "SIGNING_KEY cannot be used: it has a key that is not Ed25519"),
        ({**JWK, "d": "AAAA"}, KNOWN, "SIGNING_KEY cannot be used: its d is not 32 bytes"),
        ({**JWK, "d": OTHER.to_jwk()["d"]}, KNOWN, "SIGNING_KEY cannot be used: its x is not of its d"),
        (keys.public_jwk(OWN.public), KNOWN, "SIGNING_KEY cannot be used: its d is not 32 bytes"),
        ({**JWK, "kid": ""}, KNOWN, "SIGNING_KEY cannot be used: it has a key without a kid or"),
        (
            {**JWK, "iss": None},
            KNOWN,
            "SIGNING_KEY cannot be used: it has a key without a kid or",
        ),
        (OTHER.to_jwk(), KNOWN, "SIGNING_KEY is of backend, not of payment"),
        (keys.new("payment").to_jwk(), KNOWN, "public half of SIGNING_KEY is not among VERIFYING_KEYS"),
        (JWK, "first:secret", "VERIFYING_KEYS cannot be used: it is not a JSON object"),
        (JWK, json.dumps(JWK), "VERIFYING_KEYS cannot be used: it has no list of keys"),
        (JWK, json.dumps({"keys": [JWK]}), "VERIFYING_KEYS cannot be used: it has a private key"),
        (JWK, keys.write_set([OWN.public, OWN.public]), "VERIFYING_KEYS cannot be used: two of its keys"),
        (DEMO.to_jwk(), keys.write_set([DEMO.public]), "well-known key"),
        (JWK, keys.write_set([OWN.public, keys.demo("ui").public]), "well-known key"),
    ],
)
def test_bad_service_keys_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, signing: Any, verifying: str, message: str
) -> None:
    text = signing if isinstance(signing, str) else json.dumps(signing) if signing else ""
    give(monkeypatch, text, verifying)
    with pytest.raises(ImproperlyConfigured, match=message) as caught:
        kit.service_keys("payment")
    assert JWK["d"] not in str(caught.value) and "secret" not in str(caught.value)


@pytest.mark.parametrize(("text", "cents"), [("50.00", 5000), ("62.5", 6250), ("0", 0), ("1000000", 10**8)])
def test_amount_of_money_is_read_as_cents(monkeypatch: pytest.MonkeyPatch, text: str, cents: int) -> None:
    monkeypatch.setenv("AN_AMOUNT", text)
    assert kit.cents("AN_AMOUNT", default="1") == cents


@pytest.mark.parametrize("text", ["-1", "fifty", "1.001", "NaN", "Infinity", "1000000.01", "1e99", ""])
def test_what_is_no_amount_of_money_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("AN_AMOUNT", text)
    with pytest.raises(ImproperlyConfigured, match="AN_AMOUNT must be an amount"):
        kit.cents("AN_AMOUNT", default="1")


def test_earlier_secret_keys_are_read_one_a_line_or_with_commas(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert kit.secret_key_fallbacks() == []
    monkeypatch.setenv("SECRET_KEY_FALLBACKS", f"{STRONG},{STRONG[::-1]}")
    assert kit.secret_key_fallbacks() == [STRONG, STRONG[::-1]]
    file = tmp_path / "fallbacks"
    file.write_text(f"{STRONG}\n\n{STRONG[::-1]}\n")
    monkeypatch.setenv("SECRET_KEY_FALLBACKS_FILE", str(file))
    assert kit.secret_key_fallbacks() == [STRONG, STRONG[::-1]]
    file.write_text("")
    assert kit.secret_key_fallbacks() == []


@pytest.mark.parametrize("weak", ["short", "django-insecure-" + STRONG])
def test_weak_earlier_secret_key_stops_the_start(monkeypatch: pytest.MonkeyPatch, weak: str) -> None:
    monkeypatch.setenv("SECRET_KEY_FALLBACKS", f"{STRONG},{weak}")
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FALLBACKS"):
        kit.secret_key_fallbacks()


@pytest.mark.parametrize("public", ["", "book.example.com", "book.example.com,www.example.com"])
def test_public_hosts_are_added_to_loopback_and_the_internal_names(
    monkeypatch: pytest.MonkeyPatch, public: str
) -> None:
    monkeypatch.setenv("INTERNAL_HOSTS", "backend,proxy")
    monkeypatch.setenv("ALLOWED_HOSTS", public)
    always = ["localhost", "127.0.0.1", "[::1]", "backend", "proxy"]
    assert kit.allowed_hosts() == always + [name for name in public.split(",") if name]


@pytest.mark.parametrize(
    "url",
    [
        "flights",
        "mysql://host/flights",
        "postgres://me:hush@host:99999x/flights",  # pragma: allowlist secret
        "://",
    ],
)
def test_what_is_no_database_stops_the_start_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must name") as caught:
        kit.databases("payment")
    assert "hush" not in str(caught.value)


def test_data_folder_that_cannot_be_made_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.joinpath("file").touch()
    monkeypatch.setattr(kit, "DATA_DIR", tmp_path / "file" / "data")
    with pytest.raises(ImproperlyConfigured, match="DATA_DIR"):
        kit.databases("payment")


def test_sqlite_is_the_default_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kit, "DATA_DIR", tmp_path / "new" / "folder")
    config = kit.databases("payment")["default"]
    assert config["NAME"] == f"file://{tmp_path}/new/folder/payment.sqlite3?mode=rw"
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert config["CONN_MAX_AGE"] is None
    assert kit.databases("payment", keep_open=False)["default"]["CONN_MAX_AGE"] == 0


def test_sqlite_file_and_those_beside_it_are_their_owners_to_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kit, "DATA_DIR", tmp_path / "data")
    tmp_path.joinpath("data").mkdir(mode=0o755)
    for older in ("kit.sqlite3", "kit.sqlite3-wal"):  # As an earlier version left them.
        tmp_path.joinpath("data", older).touch(mode=0o644)
    config = kit.databases("kit")["default"]
    with closing(sqlite3.connect(config["NAME"], uri=True)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE people (name TEXT)")
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    assert files == dict.fromkeys(("kit.sqlite3", "kit.sqlite3-wal", "kit.sqlite3-shm"), 0o600)


def test_data_folder_that_is_made_is_its_owners_to_enter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kit, "DATA_DIR", tmp_path / "data")
    kit.databases("kit")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_postgresql_waits_as_long_as_sqlite_for_a_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://me:pw@db.example:5432/payment")  # pragma: allowlist secret
    config = kit.databases("payment")["default"]
    assert "lock_timeout=2000" in config["OPTIONS"]["options"]
    assert config["OPTIONS"]["pool"]["timeout"] == 2


def test_other_database_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://me@db.example/payment")
    with pytest.raises(ImproperlyConfigured, match="SQLite or PostgreSQL"):
        kit.databases("payment")


def test_every_web_address_of_the_environment_may_be_a_participants(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.endswith("_URL")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOTEL_URL", "http://hotel:8004")
    monkeypatch.setenv("PAYMENT_URL", "https://pay.example")
    monkeypatch.setenv("CACHE_URL", "redis://cache:6379")
    usual = {"payment": "http://127.0.0.1:8003", "loyalty": "http://127.0.0.1:8002"}
    expected = {**usual, "payment": "https://pay.example", "hotel": "http://hotel:8004"}
    assert kit.participants(**usual) == expected
