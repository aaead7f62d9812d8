"""gunicorn's settings for every service: `gunicorn --config python:service_kit.gunicorn_conf ...`.

The UI adds `--worker-class asgi --threads 1`. Slow and endless callers are bounded by the proxy: see
docs/security.md.
"""

import os
import sys
from importlib import import_module
from typing import Any

from django.conf import ENVIRONMENT_VARIABLE
from django.core.exceptions import ImproperlyConfigured
from gunicorn.arbiter import Arbiter

from service_kit.limits import MAX_BODY_BYTES

worker_class = "gthread"
workers = 1
threads = 8
# What is accepted is worked off in turn: with more, a health check on an address of its own waits longer.
worker_connections = 200
# Waiting to be accepted. With more, callers of an overloaded service get their answer after they have gone.
backlog = 128
# Kept connections between services close after so long; the caller then opens another.
keepalive = 30
# Shorter than the runner's and compose's time before SIGKILL.
graceful_timeout = 5
loglevel = "warning"
# Its default path is the same for all servers of a machine.
control_socket_disable = True
# Any caller can send these headers, and the suite uses none of them.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

WRONG_SETTING = 2


def pre_request(_: Any, request: Any) -> None:
    """A body that is refused unread ends its connection: gunicorn drains no more than 64 KiB, and would have
    said keep-alive."""
    length = dict(request.headers).get("CONTENT-LENGTH", "")
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        request.force_close()


def on_starting(_: Arbiter) -> None:
    """A wrong setting ends the start with one sentence. In a worker it would be a stack trace."""
    try:
        if ENVIRONMENT_VARIABLE in os.environ:
            import_module(os.environ[ENVIRONMENT_VARIABLE])
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG_SETTING)
