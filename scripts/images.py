"""`make pin-images`: writes the digest of every foreign image into the Dockerfile and the compose file.

It asks the registry through Docker. Exit codes: 0 all are pinned, 1 with --check one is not, 3 a digest is
not known, and nothing was written.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.paths import ROOT
from scripts.signals import ended_by_signals

FILES = (ROOT / "Dockerfile", ROOT / "docker-compose.yml")
UNPINNED, UNKNOWN = 1, 3
IMAGE = re.compile(r"docker\.io/[\w./-]+:[\w.-]+(?:@sha256:[0-9a-f]{64})?")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
INSPECT = ("docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}")


class UnknownError(Exception):
    """The registry did not say."""


def main(options: Sequence[str], files: Sequence[Path] = FILES) -> int:
    if "--check" in options:
        return check(files)
    try:
        digests = {image: digest_of(image) for image in found(files)}
    except UnknownError as error:
        print(f"No digest is known, and nothing was written: {error}", file=sys.stderr)
        return UNKNOWN
    for path in files:
        text = path.read_text(encoding="utf-8")
        path.write_text(IMAGE.sub(lambda image: _pinned(image[0], digests), text), encoding="utf-8")
    for image, digest in digests.items():
        print(f"{image}@{digest}")
    return 0


def check(files: Sequence[Path]) -> int:
    loose = [image for path in files for image in IMAGE.findall(path.read_text()) if not DIGEST.search(image)]
    for image in dict.fromkeys(loose):
        print(f"{image} is pinned by its tag only")
    return UNPINNED if loose else 0


def found(files: Sequence[Path] = FILES) -> list[str]:
    """The foreign images by name and tag, in the order of the files."""
    every = (image for path in files for image in IMAGE.findall(path.read_text(encoding="utf-8")))
    return list(dict.fromkeys(image.partition("@")[0] for image in every))


def digest_of(image: str) -> str:
    """Raises UnknownError."""
    try:
        done = subprocess.run([*INSPECT, image], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnknownError(f"{image}: {error}") from error
    digest = done.stdout.strip()
    if done.returncode or not DIGEST.fullmatch(digest):
        raise UnknownError(f"{image}: {(done.stderr or done.stdout).strip()[-200:]}")
    return digest


def _pinned(image: str, digests: dict[str, str]) -> str:
    name = image.partition("@")[0]
    return f"{name}@{digests[name]}"


if __name__ == "__main__":
    sys.exit(ended_by_signals(lambda: main(sys.argv[1:])))
