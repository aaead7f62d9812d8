"""What every serving process does when it starts."""

import structlog
from django.conf import settings

log = structlog.get_logger("startup")


def announce() -> None:
    """Say loudly that demo mode is on: nothing is protected in it."""
    if settings.DEMO_MODE:
        log.warning("demo_mode", open_to_everybody=True, failure_switches=True, not_for="production")
