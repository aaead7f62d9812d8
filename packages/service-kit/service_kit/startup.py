"""Startup of every serving process."""

import structlog
from django.conf import settings

log = structlog.get_logger("startup")


def announce() -> None:
    """Warn that demo mode is on: it protects nothing."""
    if settings.DEMO_MODE:
        log.warning("demo_mode", open_to_everybody=True, failure_switches=True, not_for="production")
