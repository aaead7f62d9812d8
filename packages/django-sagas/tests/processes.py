"""What tests with real processes share."""

import socket


def free_ports(*written: str) -> dict[str, int]:
    """For each port of a text one that is free here."""
    sockets = [socket.socket() for _ in written]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    found = {port: one.getsockname()[1] for port, one in zip(written, sockets, strict=True)}
    for one in sockets:
        one.close()
    return found
