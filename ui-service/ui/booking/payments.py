"""One intention, one booking: an attempt is stored before it is sent, and queried until it has an outcome."""

import structlog
from django.db import Error
from django_sagas.clock import utc_now
from django_sagas.database import write_transaction

from ui import selectors
from ui.backend_client import Actor
from ui.booking import drafts
from ui.models import Attempt, Draft
from ui.view_models.sagas import SagaView

log = structlog.get_logger(__name__)
State = Attempt.State


class Stale(Exception):
    """The draft has changed since the form was made."""


def begin(draft: Draft, *, version: str, owner_id: str) -> Attempt:
    """Store an attempt before any call; a live one is kept.

    The version changes when an attempt fails, so that a form starts at most one. The key does not depend on
    it: a draft that came back from an older back-up sends the same keys again, and books nothing twice.
    """
    with write_transaction():
        current = Draft.objects.select_for_update().filter(id=draft.id).first()
        if current is None or current.version != version:
            raise Stale
        attempt = drafts.live_attempt(current) or Attempt.objects.create(
            draft=current,
            owner_id=owner_id,
            key=f"{current.id}-{current.attempts.count() + 1}",
            version=version,
            state=State.SENT,
            created_at=utc_now(),
        )
        # A draft belongs to the traveller that pays, even if it was filled in before the login.
        Draft.objects.filter(id=draft.id).update(owner_id=owner_id, changed_at=utc_now())
    return attempt


def record(attempt: Attempt, correlation_id: str) -> None:
    """Store the backend's answer. Without it the backend is asked again, by the key."""
    attempt.correlation_id = correlation_id
    try:
        known = Attempt.objects.filter(id=attempt.id, state=State.SENT)
        known.update(state=State.STARTED, correlation_id=correlation_id)
    except Error as error:
        # The booking exists: the traveller must be led to it even if this write fails.
        log.warning("attempt_not_recorded", correlation_id=correlation_id, error=repr(error))


def look(attempt: Attempt) -> SagaView | None:
    """The attempt's saga; None if the backend never received it. Raises ServiceTrouble."""
    actor = Actor(attempt.owner_id)
    if attempt.correlation_id:
        saga = selectors.saga(attempt.correlation_id, actor=actor)
    elif found := selectors.saga_of_key(attempt.key, actor=actor):
        saga = found
        record(attempt, saga.correlation_id)
    else:
        return None
    note(saga)
    return saga


def note(saga: SagaView) -> None:
    """Store a saga's end, if it has ended and belongs to an attempt."""
    if not saga.is_terminal:
        return
    try:
        _note(saga)
    except Error as error:
        # The next read asks again.
        log.warning("ending_not_recorded", correlation_id=saga.correlation_id, error=repr(error))


def _note(saga: SagaView) -> None:
    state = State.BOOKED if saga.reference else State.FAILED
    attempt = Attempt.objects.filter(correlation_id=saga.correlation_id, state=State.STARTED).first()
    if attempt is None:
        return
    with write_transaction():
        draft = Draft.objects.select_for_update().get(id=attempt.draft_id)
        started = Attempt.objects.filter(id=attempt.id, state=State.STARTED)
        if not started.update(state=state, booking_reference=saga.reference):
            return  # Another request has stored it.
        row = Draft.objects.filter(id=draft.id)
        if state == State.FAILED:
            row.update(version=drafts.new_id(), changed_at=utc_now())
        else:
            row.update(people="", changed_at=utc_now())
