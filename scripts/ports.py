"""Whether the ports are free, asked before anything starts."""

import errno
import secrets
import socket
from collections.abc import Iterable
from contextlib import suppress

from scripts.service import HOST, Service

# Below those that systems lend to clients, which would take one while its service is away.
BESIDE = range(20_000, 32_000)


class PortError(Exception):
    """A port that is taken, or cannot be used at all."""


def require_free(services: Iterable[Service]) -> None:
    problems = [problem for service in services if (problem := _problem(service))]
    if problems:
        raise PortError("\n".join(problems))


def _problem(service: Service) -> str | None:
    if service.port is None:
        return None
    try:
        _bind(service.port).close()
    except OSError as error:
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        other = f" Choose another: {service.port_variable}=PORT make run" if service.port_variable else ""
        return f"Port {service.port} of the {service.name} service {reason}.{other}"
    return None


def _bind(port: int) -> socket.socket:
    taken = socket.socket()
    # As gunicorn does: a port whose last connections are still closing is free.
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port))
    except OSError:
        taken.close()
        raise
    return taken


def free_ports(count: int) -> list[int]:
    """Ports that were free just now, for a suite beside another."""
    held: list[socket.socket] = []
    while len(held) < count:
        with suppress(OSError):
            held.append(_bind(secrets.choice(BESIDE)))
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
