"""The shipped proxy, as `deploy/nginx` configures it, in front of a suite on this machine."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from proofs.chaos.desk import Desk
from proofs.chaos.standing import wait_until
from scripts.booking_suite import SERVERS
from scripts.paths import ROOT
from scripts.ports import free_ports
from scripts.service import HOST

SHIPPED = ROOT / "deploy" / "nginx"
USUAL = {name: port for name, _, port in SERVERS}


def nginx() -> str | None:
    """Where it is; None if it is not installed."""
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


@contextmanager
def proxied(folder: Path, upstream: Mapping[str, int]) -> Iterator[Mapping[str, str]]:
    """The services' addresses at the proxy, of which nothing but ports, folders and look-ups is changed."""
    program = nginx()
    assert program, "nginx is installed"
    folder.mkdir(parents=True)
    ports = dict(zip(USUAL, free_ports(len(USUAL)), strict=True))
    write_configuration(folder, ports, upstream)
    with (folder / "nginx.log").open("w") as log:
        command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603  the machine's own nginx
        try:
            backend = Desk(f"http://{HOST}:{ports['backend']}")
            wait_until(lambda: (told := backend.get("/api/health/")) is not None and told.status == 200)
            yield {name: f"http://{HOST}:{port}" for name, port in ports.items()}
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()


def write_configuration(folder: Path, ports: Mapping[str, int], upstream: Mapping[str, int]) -> None:
    main, proxy = (_shipped(file, folder) for file in ("nginx.conf", "proxy.conf"))
    main = main.replace("/etc/nginx/conf.d/*.conf", f"{folder}/proxy.conf")
    if os.getuid() == 0:
        main = f"user root;\n{main}"  # Its workers have to reach the folder.
    proxy = re.sub(r"^resolver .*\n", "", proxy, flags=re.M)
    for name, usual in USUAL.items():
        proxy = proxy.replace(f"{name}-pool:{usual}", f"{HOST}:{upstream[name]}")
        proxy = proxy.replace(f"    {usual} ", f"    {ports[name]} ")
        proxy = proxy.replace(f"listen {usual};", f"listen {HOST}:{ports[name]};")
    folder.joinpath("nginx.conf").write_text(main)
    folder.joinpath("proxy.conf").write_text(proxy)


def _shipped(file: str, folder: Path) -> str:
    return SHIPPED.joinpath(file).read_text().replace("/tmp/", f"{folder}/")  # noqa: S108  its container's
