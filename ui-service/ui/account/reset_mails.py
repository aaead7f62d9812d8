"""Mails with a link to another password, made and sent after the answer.

To look for the account and to send its mail takes longer where there is one. The answer waits for neither, so
that its time does not tell. A process that ends before has sent nothing: the traveller asks again.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

import structlog
from django.contrib.auth.forms import PasswordResetForm
from django.db import Error, connections
from django.http import HttpRequest

from ui.patience import NoPlaceError

log = structlog.get_logger(__name__)
MOST_WAITING = 50
sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reset-mail")
_places = threading.BoundedSemaphore(MOST_WAITING)


class ResetForm(PasswordResetForm):
    def save(self, *, request: HttpRequest, **options: Any) -> None:  # type: ignore[override]
        """Raises NoPlaceError if too many mails wait."""
        _afterwards(partial(super().save, domain_override=request.get_host(), **options))


def _afterwards(send: Callable[[], None]) -> None:
    if not _places.acquire(blocking=False):
        raise NoPlaceError
    try:
        sender.submit(copy_context().run, _sent, send)
    except RuntimeError:
        # The process is ending.
        _places.release()
        raise NoPlaceError from None


def _sent(send: Callable[[], None]) -> None:
    """Django logs a mail that cannot be sent."""
    try:
        send()
    except Error as error:
        log.exception("reset_mail_not_sent", error=repr(error))
    finally:
        connections.close_all()
        _places.release()
