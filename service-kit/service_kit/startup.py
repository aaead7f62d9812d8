"""What every serving process does when it starts."""

import gc

import structlog
from django.conf import settings
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.db import reset_queries

# Young objects between two looks of the garbage collector, instead of 700.
COLLECT_AFTER = 20_000

log = structlog.get_logger("startup")


def announce() -> None:
    """Say loudly that demo mode is on: nothing is protected in it."""
    if settings.DEMO_MODE:
        log.warning("demo_mode", open_to_everybody=True, failure_switches=True, not_for="production")


def settle() -> None:
    """Spare every request what is the same for all: a look at what is loaded and stays, and tidying up."""
    # No request leaves a cache or a list of its queries behind.
    request_finished.disconnect(close_caches)
    request_started.disconnect(reset_queries)
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 50)
