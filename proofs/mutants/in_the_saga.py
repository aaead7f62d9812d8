"""Bugs of the saga engine, of the sagas that book and change a trip, and of the seats."""

from proofs.mutants.mutant import BACKEND, SAGAS, Mutant

FLIGHT = "backend-service/flight/"
ENGINE = f"{SAGAS}/django_sagas/"
ORCHESTRATOR = f"{ENGINE}orchestrator.py"
DECIDING = f"{ENGINE}decision.py"
LOG = f"{ENGINE}saga_log.py"
OUTCOMES = f"{ENGINE}outcomes.py"
DECISION, SCRIPTS = "tests/test_saga_decision.py", "tests/test_saga_scripts.py"
CRASH, RECOVERY = "tests/test_saga_crash.py", "tests/test_saga_recovery.py"
CHANGE, CONFLICTS = "tests/test_change_trip.py", "tests/test_change_conflicts.py"
EXPIRY = "tests/test_change_expiry.py"
KEYS, CANCEL = "tests/test_idempotency_key.py", "tests/test_saga_cancel.py"


def bug(name: str, file: str, before: str, after: str, *tests: str, only: str) -> Mutant:
    return Mutant(name, file, ((before, after),), BACKEND, tests, only)


MUTANTS = (
    bug(
        "unknown-taken-for-refused",
        OUTCOMES,
        """        return Unknown(
            f"the participant answered {status}",
            retry_after=_retry_after(reply),
            answered=status == 503 and _tells_of_others(reply, correlation_id),
        )
""",
        """        return Refused("LIMIT_EXCEEDED", f"the participant answered {status}")
""",
        DECISION,
        only="cannot_say",
    ),
    bug(
        "another-sagas-answer-believed",
        OUTCOMES,
        'isinstance(body, dict) and body.get("correlation_id") == correlation_id else None',
        "isinstance(body, dict) else None",
        DECISION,
        only="not_ours",
    ),
    bug(
        "foreign-refusal-believed",
        OUTCOMES,
        "    if code in refusals:\n",
        "    if code:\n",
        DECISION,
        only="foreign",
    ),
    bug(
        "compensations-forwards",
        f"{ENGINE}state.py",
        "for step in reversed(self.steps) if step.status in MAY_HAVE_HAPPENED",
        "for step in self.steps if step.status in MAY_HAVE_HAPPENED",
        SCRIPTS,
        only="reverse_order",
    ),
    bug(
        "unknown-step-not-undone",
        f"{ENGINE}state.py",
        "MAY_HAVE_HAPPENED = (StepStatus.STARTED, StepStatus.UNKNOWN, StepStatus.DONE,",
        "MAY_HAVE_HAPPENED = (StepStatus.STARTED, StepStatus.DONE,",
        DECISION,
        only="undone or failed_step",
    ),
    bug(
        "compensation-gives-up",
        DECIDING,
        "    if saga.tried and state.status == StepStatus.UNDOING:\n",
        "    if state.undo_attempts >= conf.SAGA_ATTENTION_ATTEMPTS:\n"
        "        return Finish(SagaStatus.COMPENSATED)\n"
        "    if saga.tried and state.status == StepStatus.UNDOING:\n",
        DECISION,
        only="for_ever",
    ),
    bug(
        "no-epoch-in-the-write",
        LOG,
        'WHERE correlation_id = %s AND epoch = %s AND status = %s"""\nSELECT',
        'WHERE correlation_id = %s AND %s > 0 AND status = %s"""\nSELECT',
        CRASH,
        only="claimed_meanwhile or paused",
    ),
    bug(
        "claim-without-a-new-epoch",
        LOG,
        "    SET epoch = epoch + 1, claims = claims + 1,",
        "    SET claims = claims + 1,",
        CRASH,
        only="paused",
    ),
    bug(
        "lease-never-expires",
        LOG,
        "    WHERE correlation_id = %s AND due_at <= %s\n",
        "    WHERE correlation_id = %s AND due_at <= %s AND owner = ''\n",
        CRASH,
        only="after_a_commit",
    ),
    bug(
        "lease-not-respected",
        LOG,
        "    WHERE correlation_id = %s AND due_at <= %s\n",
        "    WHERE correlation_id = %s AND due_at >= '2000-01-01' AND %s IS NOT NULL\n",
        CRASH,
        only="lease_that_still_runs",
    ),
    bug(
        "decision-sent-before-its-commit",
        ORCHESTRATOR,
        "                    if not write(transition, expected=None if new else saga.status):\n",
        "                    if following and following.undo:\n"
        "                        self.participants.call(following.call, timeout=1.0)\n"
        "                    if not write(transition, expected=None if new else saga.status):\n",
        SCRIPTS,
        only="reverse_order",
    ),
    bug(
        "terminal-status-rewritten",
        ORCHESTRATOR,
        "(SagaStatus.COMPLETED,) if completed else RUNNING_STATUSES",
        "(SagaStatus.COMPLETED,) if completed else tuple(SagaStatus)",
        CANCEL,
        only="cancel",
    ),
    bug(
        "amount-of-the-payment-not-compared",
        f"{FLIGHT}saga_orchestrator_complete.py",
        'if answer.get("amount") == to_wire(saga.amount):',
        'if answer.get("amount") is not None:',
        SCRIPTS,
        only="amount",
    ),
    bug(
        "sweeper-releases-a-sagas-seat",
        f"{FLIGHT}saga_sweeper.py",
        "Seat.objects.filter(is_over, ~Exists(saga), ",
        "Seat.objects.filter(is_over, ",
        "tests/test_step_sweeper.py",
        only="sagas_hold",
    ),
    bug(
        "price-from-the-client",
        f"{FLIGHT}saga_requests.py",
        '        "flight_fare": sum(segment.fare for segment in priced),\n',
        '        "flight_fare": (command.request.expected_amount or priced[0].fare + 5000) - 5000,\n',
        SCRIPTS,
        only="price",
    ),
    bug(
        "idempotency-key-ignored",
        f"{FLIGHT}saga_requests.py",
        "looks_like_card(header)):\n        return header\n",
        "looks_like_card(header)):\n        return None\n",
        KEYS,
        only="repeat",
    ),
    bug(
        "idempotency-key-takes-any-body",
        f"{FLIGHT}saga_booking_views.py",
        "    if known.request_fingerprint != command.fingerprint():\n",
        "    if not known.request_fingerprint:\n",
        KEYS,
        only="422",
    ),
    bug(
        "event-without-its-sequence",
        f"{ENGINE}transition.py",
        "        self.saga.last_sequence += 1\n",
        "        self.saga.last_sequence += 2\n",
        "tests/test_saga_event_dispatcher.py",
        only="in_order",
    ),
    bug(
        "card-token-kept",
        f"{ENGINE}transition.py",
        " for name, secret in self.saga.secrets.items() if name not in step.uses}",
        " for name, secret in self.saga.secrets.items()}",
        SCRIPTS,
        only="card_token",
    ),
    bug(
        "seat-uniqueness-dropped",
        f"{FLIGHT}migrations/0001_initial.py",
        "condition=models.Q(('state__in', ('HELD', 'SOLD'))), fields=('flight', 'seat_number'),",
        "condition=models.Q(('state__in', ('HELD', 'SOLD'))), fields=('id', 'flight', 'seat_number'),",
        "tests/test_saga_invariants.py",
        only="refuses_a_wrong_state",
    ),
    bug(
        "seats-not-all-or-nothing",
        f"{FLIGHT}services.py",
        "    if execute(INSERT_SEATS.format(rows=placeholders), parameters) != len(rows):",
        "    if execute(INSERT_SEATS.format(rows=placeholders), parameters) == 0:",
        "tests/test_saga_errors.py",
        only="conflict",
    ),
    bug(
        "half-a-trip-held",
        f"{FLIGHT}services.py",
        "for flight in flights for seat in flight.seat_numbers",
        "for flight in flights[:1] for seat in flight.seat_numbers",
        "tests/test_trips.py",
        only="return",
    ),
    bug(
        "flights-that-do-not-connect",
        f"{FLIGHT}inventory.py",
        "after.departs_at <= before.arrives_at",
        "after.departs_at <= before.departs_at",
        "tests/test_trips.py",
        only="arrived",
    ),
    bug(
        "fingerprint-of-one-flight-as-of-a-trip",
        f"{FLIGHT}inputs.py",
        'return used[0] if len(used) == 1 else {"flights": used}',
        'return {"flights": used}',
        "tests/test_trips.py",
        only="earlier_releases",
    ),
    bug(
        "confirmation-sells-no-seat",
        f"{FLIGHT}services.py",
        "    if execute(SELL_SEATS, (sale.correlation_id,)) != len(tickets):\n        raise WriteConflict\n",
        "",
        "tests/test_saga_errors.py",
        only="seats_are_gone",
    ),
    bug(
        "auditor-believes-a-proxys-404",
        f"{FLIGHT}audit/reads.py",
        """reply.status == 404 and body.get("code") == "NOT_FOUND":""",
        "reply.status == 404:",
        "tests/test_saga_audit.py",
        only="cannot_say",
    ),
    bug(
        "change-keeps-the-old-seat",
        f"{FLIGHT}change/steps.py",
        "        _hand_over(before - seats, SeatState.SOLD, saga.booking, SeatState.HELD, saga.correlation_id)\n",
        "",
        CHANGE,
        only="dearer_trip_pays",
    ),
    bug(
        "change-that-keeps-the-old-seat-if-it-crashes",
        f"{FLIGHT}change/steps.py",
        "        _hand_over(before - seats, SeatState.SOLD, saga.booking, SeatState.HELD, saga.correlation_id)\n",
        "        services.release_seats(correlation_id=saga.booking, now=now)\n",
        "tests/test_change_crash_points.py",
        only="test_story",
    ),
    bug(
        "change-of-a-cancelled-booking",
        f"{FLIGHT}change/steps.py",
        "    if not confirmed.filter(busy_with__in",
        "    if not Booking.objects.filter(busy_with__in",
        CONFLICTS,
        only="not_swapped",
    ),
    bug(
        "bookings-payment-captured-for-the-difference",
        f"{FLIGHT}saga_change_state.py",
        "return self.renewed or self.correlation_id",
        "return self.request.payment",
        CHANGE,
        only="dearer_trip_pays",
    ),
    bug(
        "charges-paid-again-by-a-change",
        f"{FLIGHT}change/change_trip.py",
        '        "other_charges": to_wire(0),\n',
        '        "other_charges": to_wire(saga.request.charges),\n',
        CHANGE,
        only="dearer_trip_pays",
    ),
    bug(
        "whole-trip-paid-again-by-a-change",
        f"{FLIGHT}change/change_trip.py",
        '"flight_fare": to_wire(saga.request.difference)',
        '"flight_fare": to_wire(saga.amount)',
        CHANGE,
        only="dearer_trip_pays",
    ),
    bug(
        "mail-sent-again",
        f"{FLIGHT}settlement/confirmations.py",
        "    if record.ended_at is None:\n",
        "    if True:\n",
        "tests/test_change_mail.py",
        only="sends_no_second_one",
    ),
    bug(
        "booking-without-a-settlement",
        f"{FLIGHT}saga_local.py",
        "        settle_trip.begin(saga, correlation_id=settlement, reference=confirmation.reference, now=now)\n",
        "",
        "tests/test_saga_settlement.py",
        only="same_commit",
    ),
    bug(
        "cancelled-in-the-middle-of-a-change",
        f"{FLIGHT}cancel/views.py",
        "filter(pk=booking.pk, busy_with__in=busy_with, changed_by=booking.changed_by)",
        "filter(pk=booking.pk)",
        CONFLICTS,
        only="keeps_others",
    ),
    bug(
        "capture-of-a-payment-that-was-replaced",
        f"{FLIGHT}saga_change_state.py",
        "return self.settlement.payment_id if self.settlement else self.request.payment",
        "return self.request.payment",
        EXPIRY,
        only="cheaper_change_goes_on",
    ),
    bug(
        "capture-in-flight-taken-for-settled",
        f"{FLIGHT}settlement/authorize_again.py",
        "return Planned(IN_FLIGHT)",
        "return Planned(ENDED)",
        EXPIRY,
        only="awaits_the_attempt",
    ),
)
