"""`make sbom`: a software bill of materials for each image, CycloneDX JSON in build/sbom/.

The locked packages, our own, and the base image by its tag or digest. What the base image holds, such as
Debian's packages, is the base image's own bill.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts import images
from scripts.booking_suite import SERVERS
from scripts.paths import KIT, REQUIREMENTS, ROOT, SAGAS, VENV
from scripts.signals import ended_by_signals

FOLDER = ROOT / "build" / "sbom"
COMMAND = (str(VENV / "bin" / "cyclonedx-py"), "requirements", str(REQUIREMENTS / "runtime.txt"))
Component = dict[str, Any]


def main(folder: Path = FOLDER) -> int:
    done = subprocess.run([*COMMAND, "--output-reproducible"], capture_output=True, text=True, check=True)
    folder.mkdir(parents=True, exist_ok=True)
    for name, _, _ in SERVERS:
        bill = of_image(name, json.loads(done.stdout))
        path = folder / f"{name}.json"
        path.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
        print(f"{path}: {len(bill['components'])} components")
    return 0


def of_image(name: str, locked: dict[str, Any]) -> dict[str, Any]:
    version = version_of(KIT / "service_kit" / "__init__.py")
    own = [
        _own("django-sagas", version_of(SAGAS / "django_sagas" / "__init__.py")),
        _own("service-kit", version),
        _own(f"{name}-service", version),
    ]
    image: Component = {"type": "container", "name": f"tidewing.invalid/{name}", "version": version}
    metadata = {**locked.get("metadata", {}), "component": {**image, "bom-ref": f"image-{name}"}}
    return {**locked, "metadata": metadata, "components": [*locked["components"], *own, base_image()]}


def base_image() -> Component:
    """As the Dockerfile names it: the version is its tag, with its digest once `make pin-images` has run."""
    (image,) = images.IMAGE.findall((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    name, _, version = image.partition(":")
    return {"type": "container", "name": name, "version": version, "bom-ref": "base-image"}


def version_of(module: Path) -> str:
    found = re.search(r'__version__ = "([\d.]+)"', module.read_text(encoding="utf-8"))
    assert found, module
    return found[1]


def _own(name: str, version: str) -> Component:
    return {"type": "library", "name": name, "version": version, "bom-ref": f"own-{name}"}


if __name__ == "__main__":
    sys.exit(ended_by_signals(main))
