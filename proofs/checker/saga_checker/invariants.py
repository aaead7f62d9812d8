"""The invariants, one line for each statement that is checked."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from saga_checker import (
    bank,
    changes,
    endings,
    fees,
    ledgers,
    orphans,
    records,
    saga_log,
    seats,
    secret_data,
    settlements,
)
from saga_checker.books import Books
from saga_checker.findings import Findings


class When(Enum):
    ALWAYS = "A"
    "at any snapshot of a running suite"
    QUIET = "Q"
    "when nothing is running"


A, Q = When.ALWAYS, When.QUIET


@dataclass(frozen=True)
class Invariant:
    number: int
    when: When
    title: str
    check: Callable[[Books, Findings], None]


INVARIANTS = (
    Invariant(1, Q, "every saga is known and has ended", endings.every_saga_ends),
    Invariant(
        1, A, "an ended saga changes only by cancellation", endings.an_ended_saga_changes_only_by_cancellation
    ),
    Invariant(2, Q, "completed: tickets, one payment, the miles", endings.completed_means_everything),
    Invariant(3, Q, "compensated: nothing is left", endings.compensated_means_nothing),
    Invariant(4, A, "a seat has one live owner", seats.a_seat_has_one_live_owner),
    Invariant(4, A, "live seats fit the aircraft", seats.live_seats_fit_the_aircraft),
    Invariant(5, A, "a balance is the sum of its entries", ledgers.a_balance_is_the_sum_of_its_entries),
    Invariant(5, A, "one ledger entry of a kind", ledgers.one_entry_of_a_kind),
    Invariant(5, A, "an opposite entry mirrors the first", ledgers.an_opposite_entry_mirrors_the_first),
    Invariant(5, A, "money is whole cents", ledgers.money_is_whole_cents),
    Invariant(5, A, "a saga has a price", ledgers.a_saga_has_a_price),
    Invariant(6, A, "a record fits its state", records.a_record_fits_its_state),
    Invariant(6, A, "a record has its entries, no others", records.a_record_has_its_entries_and_no_others),
    Invariant(6, A, "a direct call has its seats", records.a_direct_call_has_its_seats),
    Invariant(6, A, "the saga knows the stored answer", records.the_saga_knows_the_stored_answer),
    Invariant(6, A, "a record moves only forward", records.a_record_moves_only_forward),
    Invariant(
        7, A, "steps in order, compensations in reverse", saga_log.steps_run_in_order_and_back_in_reverse
    ),
    Invariant(7, A, "nothing is sent before its intent", saga_log.nothing_is_sent_before_its_intent),
    Invariant(8, A, "events are numbered without a gap", saga_log.events_are_numbered_without_a_gap),
    Invariant(8, A, "an event has an id of its own", saga_log.an_event_has_an_id_of_its_own),
    Invariant(8, A, "events tell every change", saga_log.events_tell_every_change),
    Invariant(9, A, "an open saga is owned or due", saga_log.an_open_saga_is_owned_or_due),
    Invariant(9, A, "epochs only grow", saga_log.epochs_only_grow),
    Invariant(9, A, "a stuck saga shows it", saga_log.a_stuck_saga_shows_it),
    Invariant(10, Q, "everything belongs to a saga or direct calls", orphans.everything_belongs_to_somebody),
    Invariant(10, A, "a saga is never called directly", orphans.a_saga_is_never_called_directly),
    Invariant(10, Q, "the sums agree", orphans.the_sums_agree),
    Invariant(11, A, "no row holds a secret", secret_data.no_row_holds_a_secret),
    Invariant(11, A, "no log line holds a secret", secret_data.no_log_line_holds_a_secret),
    Invariant(11, A, "the card token is erased", secret_data.the_card_token_is_erased),
    Invariant(12, A, "a payment is the sum of its entries", ledgers.a_payment_is_the_sum_of_its_entries),
    Invariant(12, A, "the bank moves what it holds", bank.the_bank_moves_what_it_holds),
    Invariant(12, A, "the ledger is what the bank says", bank.the_ledger_is_what_the_bank_says),
    Invariant(12, A, "a hold belongs to a payment", bank.a_hold_belongs_to_a_payment),
    Invariant(12, Q, "no call to the bank is open", bank.no_call_to_the_bank_is_open),
    Invariant(12, A, "a booking has one settlement", settlements.a_booking_has_one_settlement),
    Invariant(
        12, Q, "settled: captured and confirmed", settlements.a_settled_booking_is_captured_and_confirmed
    ),
    Invariant(12, Q, "a cancellation says what it kept", fees.a_cancellation_says_what_it_kept),
    Invariant(12, A, "a booking names its last change", changes.a_booking_names_its_last_change),
    Invariant(
        12,
        A,
        "a change holds new seats, then the old ones",
        changes.a_change_holds_new_seats_before_the_swap_and_old_ones_after_it,
    ),
    Invariant(12, Q, "nobody is busy with a booking", changes.nobody_is_busy_with_a_booking),
    Invariant(
        12,
        Q,
        "a change has moved the difference",
        changes.a_change_that_is_complete_has_moved_the_difference,
    ),
    Invariant(12, Q, "no seat is held for nobody", seats.no_seat_is_held_for_nobody),
    Invariant(12, A, "who was refused found no seat", seats.who_was_refused_found_no_seat),
    Invariant(
        12,
        A,
        "a trip has seats on all its flights or on none",
        seats.a_trip_has_seats_on_all_its_flights_or_on_none,
    ),
)


@dataclass(frozen=True)
class Result:
    invariant: Invariant
    findings: Findings


def check(books: Books, *, snapshot: bool) -> list[Result]:
    """Every invariant, or with `snapshot` those that hold while sagas are running."""
    chosen = [one for one in INVARIANTS if one.when is When.ALWAYS or not snapshot]
    return [_check(invariant, books) for invariant in chosen]


def _check(invariant: Invariant, books: Books) -> Result:
    findings = Findings()
    try:
        invariant.check(books, findings)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        # Rows so broken that they cannot even be read are a finding, not a crash of the checker.
        findings.broken(f"the rows cannot be understood: {error!r}")
    return Result(invariant, findings)
