"""Bugs of participants: the guard, payment and loyalty, and the client that calls them."""

from proofs.mutants.mutant import KIT, LOYALTY, PAYMENT, SAGAS, Mutant

BARRIER = "packages/django-sagas/django_sagas/guard/barrier.py"
CLIENT = "packages/django-sagas/django_sagas/http.py"
CALLED = ("tests/test_http.py",)
GUARDED = ("tests/test_step_protocol.py",)
OPENING = """    with write_transaction():
        if execute(INSERT, (correlation_id, step, state, mark, body, "", at, at, caller)):
"""

MUTANTS = (
    Mutant(
        "no-tombstone",
        BARRIER,
        (
            (
                """        if execute(INSERT, (correlation_id, step, RecordState.UNDONE, "", "", idle, at, at, caller)):
            if callable(nothing):
                idle = _success(correlation_id, nothing())
                execute(STORE_UNDO, (RecordState.UNDONE, idle, at, correlation_id, step, RecordState.UNDONE))
            return Answer(idle)
        record = read(correlation_id=correlation_id, step=step, lock=True)
        assert record is not None, "records are never deleted"
        if record.state""",
                """        record = read(correlation_id=correlation_id, step=step, lock=True)
        if record is None:
            return Answer(idle)
        if record.state""",
            ),
        ),
        KIT,
        GUARDED,
        only="never_came",
    ),
    Mutant(
        "get-then-create",
        BARRIER,
        (
            (
                OPENING,
                """    known = read(correlation_id=correlation_id, step=step)
    with write_transaction():
        create = INSERT.replace("ON CONFLICT (correlation_id, step) DO NOTHING", "")
        if known is None and execute(create, (correlation_id, step, state, mark, body, "", at, at, caller)):
""",
            ),
        ),
        KIT,
        GUARDED,
        only="many_times_at_once",
    ),
    Mutant(
        "refusal-not-stored",
        BARRIER,
        ((OPENING, "    if isinstance(decided, Refused):\n        return Answer(body)\n" + OPENING),),
        KIT,
        GUARDED,
        only="sticky",
    ),
    Mutant(
        "other-request-answered",
        BARRIER,
        (("    if record.fingerprint != json_text.fingerprint(used):", "    if not record.fingerprint:"),),
        KIT,
        GUARDED,
        only="422",
    ),
    Mutant(
        "action-after-undo-succeeds",
        BARRIER,
        (
            (
                "    if record.state == RecordState.UNDONE:\n        raise Problem(",
                "    if record.state == RecordState.REFUSED:\n        raise Problem(",
            ),
        ),
        KIT,
        GUARDED,
        only="409",
    ),
    Mutant(
        "replay-answers-a-new-body",
        BARRIER,
        (
            (
                "return Answer(record.answer, replayed=True)",
                """return Answer(record.answer.replace("{", '{"again":true,', 1), replayed=True)""",
            ),
        ),
        KIT,
        GUARDED,
        only="word_for_word",
    ),
    Mutant(
        "compensation-undoes-twice",
        BARRIER,
        (("return Answer(record.undo_answer, replayed=True)", "pass"),),
        KIT,
        GUARDED,
        only="word_for_word",
    ),
    Mutant(
        "library-retries-on",
        CLIENT,
        (("max_retries=0", "max_retries=3"),),
        SAGAS,
        CALLED,
        only="nobody_accepts",
    ),
    Mutant(
        "money-float",
        "packages/service-kit/service_kit/money.py",
        (("    return Decimal(cents) * CENT", "    return cents / CENTS_PER_UNIT  # type: ignore"),),
        KIT,
        ("tests/test_money.py",),
    ),
    Mutant(
        "steps-open-to-everybody",
        "packages/service-kit/service_kit/permissions.py",
        (
            (
                "        return bool(caller_of(request).service) or settings.DEMO_MODE",
                "        return not caller_of(request).user_id or settings.DEMO_MODE",
            ),
        ),
        KIT,
        ("tests/test_step_access.py",),
    ),
    Mutant(
        "cancellation-not-written",
        "payment-service/payment/ledger.py",
        (
            (
                "    _enter(payment, KINDS[action], amount, number=number, attempt=attempt, now=now)\n",
                "",
            ),
        ),
        PAYMENT,
        ("tests/test_authorize_payment.py",),
        only="cancellation",
    ),
    Mutant(
        "refund-above-the-capture",
        "payment-service/payment/services.py",
        (("        if left > refundable and not given:", "        if left > refundable + 100_000:"),),
        PAYMENT,
        ("tests/test_payment_life.py",),
        only="above",
    ),
    Mutant(
        "captured-again-by-another-call",
        "payment-service/payment/services.py",
        (
            (
                "        case PaymentStatus.AUTHORIZED:\n",
                "        case PaymentStatus.AUTHORIZED | PaymentStatus.CAPTURED:\n",
            ),
        ),
        PAYMENT,
        ("tests/test_payment_life.py",),
        only="another_call_the_capture",
    ),
    Mutant(
        "captured-after-a-cancellation",
        "payment-service/payment/services.py",
        (
            (
                "        case PaymentStatus.AUTHORIZED:\n",
                "        case PaymentStatus.AUTHORIZED | PaymentStatus.CANCELLED:\n",
            ),
        ),
        PAYMENT,
        ("tests/test_payment_life.py",),
        only="capture_after_a_cancellation",
    ),
    Mutant(
        "money-moved-again-after-a-crash",
        "payment-service/payment/attempts.py",
        (("        outcome = look_up(attempt)\n", "        outcome = None\n"),),
        PAYMENT,
        ("tests/test_crash_at_the_provider.py",),
        only="moves_the_money_once",
    ),
    Mutant(
        "refund-of-another-payment",
        "payment-service/payment/selectors.py",
        (("    return Q(trip_id=trip_id) | Q(correlation_id=trip_id)\n", "    return Q()\n"),),
        PAYMENT,
        ("tests/test_payment_life.py",),
        only="refund_of",
    ),
    Mutant(
        "hold-of-a-crash-not-given-back",
        "payment-service/payment/attempts.py",
        (("    if isinstance(found, Approved):\n        reference", "    if False:\n        reference"),),
        PAYMENT,
        ("tests/test_crash_at_the_provider.py",),
        only="gives_everything_back",
    ),
    Mutant(
        "other-request-takes-the-hold-of-a-crash",
        "payment-service/payment/services.py",
        (("earlier.fingerprint == fingerprint and ", ""),),
        PAYMENT,
        ("tests/test_crash_at_the_provider.py",),
        only="another_request",
    ),
    Mutant(
        "charges-forgotten",
        "payment-service/payment/inputs.py",
        (
            (
                "        return self.flight_fare + self.other_charges",
                "        return self.flight_fare",
            ),
        ),
        PAYMENT,
        ("tests/test_authorize_payment.py",),
        only="authorisation_answers",
    ),
    Mutant(
        "balance-read-modify-write",
        "loyalty-service/loyalty/saga_views.py",
        (
            (
                "        return services.award_miles(correlation_id=call.correlation_id, command=command, now=now)",
                """        done = services.award_miles(correlation_id=call.correlation_id, command=command, now=now)
        balance = BEFORE[call.correlation_id] + command.miles
        execute("UPDATE loyalty_account SET balance = %s WHERE user_id = %s", (balance, command.user_id))
        return done

    def decide(self, call: Call, command: Award, now: datetime) -> None:
        row = fetch_one("SELECT balance FROM loyalty_account WHERE user_id = %s", (command.user_id,))
        BEFORE[call.correlation_id] = row[0] if row else 0""",
            ),
            (
                "from loyalty.inputs import Adjustment, AdjustRequest, Award, AwardRequest\n",
                "from loyalty.inputs import Adjustment, AdjustRequest, Award, AwardRequest\nfrom django_sagas.database import execute, fetch_one\n\nBEFORE = {}\n",
            ),
        ),
        LOYALTY,
        ("tests/test_award_miles.py",),
        only="many_awards",
    ),
    Mutant(
        "reversal-takes-no-miles-back",
        "loyalty-service/loyalty/services.py",
        (("        -miles, awarded[", "        -0 * miles, awarded["),),
        LOYALTY,
        ("tests/test_award_miles.py",),
        only="reversal",
    ),
    Mutant(
        "reversal-forgets-the-changes-of-a-trip",
        "loyalty-service/loyalty/services.py",
        (("    miles = _miles_of(correlation_id)", '    miles = awarded["miles_awarded"]'),),
        LOYALTY,
        ("tests/test_adjust_miles.py",),
        only="reversal",
    ),
    Mutant(
        "call-without-a-deadline",
        CLIENT,
        (("            return exchange.result(timeout)", "            return exchange.result()"),),
        SAGAS,
        CALLED,
        only="lookup",
    ),
    Mutant(
        "reset-connection-is-a-failed-call",
        CLIENT,
        (("isinstance(cause.args[-1], ConnectionError)", "False"),),
        SAGAS,
        CALLED,
        only="tried_once_more",
    ),
    Mutant(
        "redirect-followed",
        CLIENT,
        (("self._adapter.send(", "requests.Session().send("),),
        SAGAS,
        CALLED,
        only="redirect",
    ),
    Mutant(
        "swallowed-error-taken-for-a-commit",
        "packages/django-sagas/django_sagas/database.py",
        (("            if transaction.get_rollback():", "            if False:"),),
        KIT,
        ("tests/test_database_errors.py",),
        only="spoil or swallowed or rolled_back",
    ),
    Mutant(
        "failed-connection-kept",
        "packages/django-sagas/django_sagas/database_errors.py",
        (('            _throw_away(context["connection"])', "            pass"),),
        KIT,
        ("tests/test_database_errors.py",),
        only="used_again",
    ),
)
