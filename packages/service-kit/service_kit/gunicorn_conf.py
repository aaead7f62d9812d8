"""gunicorn's settings for every service: `gunicorn --config python:service_kit.gunicorn_conf ...`.

The UI adds `--worker-class asgi --threads 1`. Slow and endless callers are bounded by the proxy: see
docs/security.md.
"""

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
