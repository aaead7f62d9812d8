"""The keys of services as files of a folder: `python -m service_kit.key_files VERB FOLDER [SERVICE ...]`.

SERVICE_signing_key is a service's private key; verifying_keys are the public ones of all. `make` adds what is
missing. A key is rolled by `publish`, `sign` and `drop`, with a restart of all services after each: at every
moment each service takes what any other one sends. Without a SERVICE all keys of the folder are rolled.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from service_kit import keys
from service_kit.keys import KeyFormatError, PublicKey, SigningKey
from service_kit.tokens import USER_SECONDS

PUBLIC, PRIVATE, NEXT = "verifying_keys", "_signing_key", "_signing_key.next"
DEPLOY = "Now restart every service with these files"
WAIT = f"{DEPLOY}, and wait {USER_SECONDS // 60} minutes, the life of a token, before `drop`."


class NothingToDoError(Exception):
    """A step out of its order."""


def make(folder: Path, services: Sequence[str]) -> str:
    for service in services:
        _publish(folder, _find_or_make(folder / f"{service}{PRIVATE}", service))
    return f"Keys of {', '.join(services)} are in {folder}."


def publish(folder: Path, services: Sequence[str]) -> str:
    """Make the next keys; every service is to know their public halves before one signs with them."""
    made = [_find_or_make(folder / f"{service}{NEXT}", service) for service in services]
    for key in made:
        _publish(folder, key)
    return f"Published {_named(key.public for key in made)}. {DEPLOY}, then `sign`."


def sign(folder: Path, services: Sequence[str]) -> str:
    """Sign with the keys that were published."""
    following = [service for service in services if (folder / f"{service}{NEXT}").exists()]
    if not following:
        raise NothingToDoError("There is no next key: begin with `publish`.")
    for service in following:
        (folder / f"{service}{NEXT}").rename(folder / f"{service}{PRIVATE}")
    signing = [keys.read_private((folder / f"{service}{PRIVATE}").read_text()) for service in following]
    return f"Signing with {_named(key.public for key in signing)}. {WAIT}"


def drop(folder: Path, services: Sequence[str]) -> str:
    """Trust no earlier key of these services any more."""
    files = [folder / f"{service}{kind}" for service in services for kind in (PRIVATE, NEXT)]
    kept = {keys.read_private(file.read_text()).public for file in files if file.exists()}
    dropped = [key for key in _public(folder) if key.issuer in services and key not in kept]
    _write(folder / PUBLIC, keys.write_set(key for key in _public(folder) if key not in dropped))
    return f"Dropped {_named(dropped)}. {DEPLOY}."


VERBS: dict[str, Callable[[Path, Sequence[str]], str]] = {
    verb.__name__: verb for verb in (make, publish, sign, drop)
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="key_files", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("services", nargs="*")
    given = parser.parse_args(arguments)
    here = sorted(file.name.removesuffix(PRIVATE) for file in given.folder.glob(f"*{PRIVATE}"))
    try:
        done = _perform(given.verb, given.folder, given.services or here, here)
    except (NothingToDoError, KeyFormatError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{done}\n")
    return 0


def _perform(verb: str, folder: Path, services: Sequence[str], here: Sequence[str]) -> str:
    missing = [service for service in services if service not in here]
    if verb != "make" and (missing or not here):
        raise NothingToDoError(
            f"{folder} has no key of {', '.join(missing) or 'any service'}: begin with `make`."
        )
    return VERBS[verb](folder, services)


def _find_or_make(file: Path, service: str) -> SigningKey:
    if not file.exists():
        _write(file, json.dumps(keys.new(service).to_jwk(), indent=1) + "\n")
    return keys.read_private(file.read_text())


def _publish(folder: Path, key: SigningKey) -> None:
    if key.public not in _public(folder):
        _write(folder / PUBLIC, keys.write_set([*_public(folder), key.public]))


def _public(folder: Path) -> tuple[PublicKey, ...]:
    file = folder / PUBLIC
    return keys.read_set(file.read_text()) if file.exists() else ()


def _named(found: Iterable[PublicKey]) -> str:
    return ", ".join(key.kid for key in found) or "nothing"


def _write(file: Path, text: str) -> None:
    """The folder keeps others out; in a container the file belongs to another user than here."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(text)
    unfinished.chmod(0o444)
    unfinished.rename(file)


if __name__ == "__main__":
    sys.exit(main())
