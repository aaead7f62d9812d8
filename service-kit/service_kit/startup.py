"""What every serving process does when it starts."""

import gc

import structlog
from django.conf import settings

# Young objects between two looks of the garbage collector, instead of 700.
COLLECT_AFTER = 20_000

log = structlog.get_logger("startup")


def announce() -> None:
    """Say loudly that demo mode is on: nothing is protected in it."""
    if settings.DEMO_MODE:
        log.warning("demo_mode", open_to_everybody=True, failure_switches=True, not_for="production")


def settle() -> None:
    """What is loaded stays loaded: the collector need not look at it again, nor look so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 50)
