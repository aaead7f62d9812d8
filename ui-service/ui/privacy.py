"""What is stored of a person, where and for how long: the privacy page shows it.

A test holds it against the fields of every service's models.
"""

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True)
class Stored:
    what: str
    until: str
    fields: frozenset[str]
    "table.column"


def statement() -> tuple[Stored, ...]:
    return (
        Stored(
            "Your account: user name, e-mail address if you give one, and the password as a hash.",
            "Until you have your data erased.",
            frozenset({"ui_user.username", "ui_user.email", "ui_user.password"}),
        ),
        Stored(
            "Your session in this browser.",
            f"Until you log out, or after {settings.SESSION_COOKIE_AGE // 86400} days without a visit.",
            frozenset({"django_session.session_data"}),
        ),
        Stored(
            "What you fill in for a booking: names, e-mail address, mobile number.",
            f"Until it is booked, or for {settings.DRAFT_DAYS} days.",
            frozenset({"ui_draft.people"}),
        ),
        Stored(
            "Your bookings: names and gender of the passengers, e-mail address and mobile number.",
            "Until you have your data erased; booked without an account, "
            f"for {settings.RETAIN_GUEST_DAYS} days after the last flight.",
            frozenset(
                {
                    "flight_booking.email",
                    "flight_booking.mobile",
                    "flight_ticket.first_name",
                    "flight_ticket.last_name",
                    "flight_ticket.gender",
                    "guard_step_record.answer",
                    "guard_step_record.undo_answer",
                }
            ),
        ),
        Stored(
            "In the demo, which sends no mail: the newest 200 mails.",
            "Until newer ones take their place, or you have your data erased.",
            frozenset(f"outbox_mail.{name}" for name in ("recipients", "subject", "body", "attachments")),
        ),
        Stored(
            "How a booking came about: what you asked for, with names, contacts and your internet address.",
            f"As long as the booking; of a booking that failed, {settings.RETAIN_FAILED_DAYS} days.",
            frozenset({f"sagas_saga.{name}" for name in ("data", "facts", "result")} | {"sagas_event.data"}),
        ),
        Stored(
            "A stand-in for your card that only the bank understands. Its number stays in your browser.",
            "While the payment is being made.",
            frozenset({"sagas_saga.secrets"}),
        ),
        Stored(
            "How often somebody logged in or booked, by account name and internet address.",
            "For an hour, and until the next daily sweep.",
            frozenset({"security_attempt.key"}),
        ),
        Stored(
            "Logins, refused access, operators' actions: the account's number and the internet address.",
            "For good: this list cannot be changed. It has no names.",
            frozenset({"security_audit.address", "security_audit.reason", "security_audit.evidence"}),
        ),
        Stored(
            "Payments and miles under the number of your account, without a name.",
            "For good: they are the ledgers.",
            frozenset(
                {
                    "payment_payment.user_id",
                    "payment_ledger.user_id",
                    "loyalty_account.user_id",
                    "loyalty_ledger.user_id",
                }
            ),
        ),
    )
