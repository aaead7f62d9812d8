"""`make certificate HOST=name`: a certificate that signs itself, and its key, in ./secrets, to try TLS with.

What exists is kept. No browser trusts it: in production put the files of a certificate authority in their
place. It needs the program openssl. Exit codes: 0 made or there, 1 not made, 2 no HOST.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from scripts.make_secrets import FOLDER
from scripts.signals import ended_by_signals

FAILED, WRONG_SETTING = 1, 2
CERTIFICATE, KEY = "tls_certificate", "tls_key"
NAME = re.compile(r"[A-Za-z0-9*]([A-Za-z0-9.-]*[A-Za-z0-9])?")
OPENSSL = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
DAYS = "90"


def main(given: Mapping[str, str] = os.environ, folder: Path = FOLDER) -> int:
    host = given.get("HOST", "")
    if not NAME.fullmatch(host):
        print("HOST= names the site, such as book.example.com.", file=sys.stderr)
        return WRONG_SETTING
    certificate, key = folder / CERTIFICATE, folder / KEY
    if certificate.exists() and key.exists():
        print(f"{certificate} is there already.")
        return 0
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        subprocess.run(_command(host, certificate, key), check=True, capture_output=True, text=True)
    except FileNotFoundError:
        print("The program openssl is missing.", file=sys.stderr)
        return FAILED
    except subprocess.CalledProcessError as error:
        print(f"No certificate was made: {error.stderr.strip()[-400:]}", file=sys.stderr)
        return FAILED
    # The folder keeps others out; in a container the files belong to another user than here.
    for path in (certificate, key):
        path.chmod(0o444)
    print(f"{certificate} is for {host}, and good for {DAYS} days.")
    return 0


def _command(host: str, certificate: Path, key: Path) -> list[str]:
    made = ["-days", DAYS, "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    return [*OPENSSL, *made, "-out", str(certificate), "-keyout", str(key)]


if __name__ == "__main__":
    sys.exit(ended_by_signals(main))
