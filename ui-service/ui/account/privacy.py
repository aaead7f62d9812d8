"""What is stored of a person, where and for how long: the privacy page shows it.

A test holds it against the fields of every service's models.
"""

from dataclasses import dataclass, replace

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Stored:
    what: str | Promise
    until: str | Promise
    "with the settings that hold a number of days in braces"
    fields: frozenset[str]
    "table.column"


def stored(what: str | Promise, until: str | Promise, **tables: str) -> Stored:
    """The columns of each table, with spaces between them."""
    columns = {f"{table}.{column}" for table, names in tables.items() for column in names.split()}
    return Stored(what, until, frozenset(columns))


STORED = (
    stored(
        _("Your account: user name, e-mail address if you give one, and the password as a hash."),
        _("Until you have your data erased."),
        ui_user="username folded_name email password",
    ),
    stored(
        _(
            "The second factor of your account, if you set one up: the secret that your app has too, "
            "and recovery codes as hashes."
        ),
        _("Until you switch it off, or have your data erased."),
        otp_totp_totpdevice="key",
        otp_static_statictoken="token",
    ),
    stored(
        _("Your session in this browser."),
        _("Until you log out, or after {SESSION_DAYS} days without a visit."),
        django_session="session_data",
    ),
    stored(
        _("What you fill in for a booking: names, e-mail address, mobile number."),
        _("Until it is booked, or for {DRAFT_DAYS} days."),
        ui_draft="people",
    ),
    stored(
        _("Your bookings: names and gender of the passengers, e-mail address and mobile number."),
        _(
            "Until you have your data erased; booked without an account, for {RETAIN_GUEST_DAYS} days"
            " after the last flight."
        ),
        flight_booking="email mobile",
        flight_ticket="first_name last_name gender",
        guard_step_record="answer undo_answer",
    ),
    stored(
        _("In the demo, which sends no mail: the newest 200 mails."),
        _("Until newer ones take their place, or you have your data erased."),
        outbox_mail="recipients subject body attachments",
    ),
    stored(
        _("How a booking came about: what you asked for, with names, contacts and your internet address."),
        _("As long as the booking; of a booking that failed, {RETAIN_FAILED_DAYS} days."),
        sagas_saga="data facts result",
        sagas_event="data following",
    ),
    stored(
        _("A stand-in for your card that only the bank understands. Its number stays in your browser."),
        _("While the payment is being made."),
        sagas_saga="secrets",
    ),
    stored(
        _("How often somebody logged in or booked, by account name and internet address."),
        _("For an hour, and until the next daily sweep."),
        security_attempt="key",
    ),
    stored(
        _("Logins, refused access, operators' actions: the account's number and the internet address."),
        _("For good: this list cannot be changed. It has no names."),
        security_audit="address reason evidence",
    ),
    stored(
        _("Payments and miles under the number of your account, without a name."),
        _("For good: they are the ledgers."),
        payment_payment="user_id",
        payment_ledger="user_id",
        loyalty_account="user_id",
        loyalty_ledger="user_id",
    ),
)


def statement() -> list[Stored]:
    """With the numbers of days, in the language of the page."""
    days = {
        "SESSION_DAYS": settings.SESSION_COOKIE_AGE // 86400,
        "DRAFT_DAYS": settings.DRAFT_DAYS,
        "RETAIN_GUEST_DAYS": settings.RETAIN_GUEST_DAYS,
        "RETAIN_FAILED_DAYS": settings.RETAIN_FAILED_DAYS,
    }
    return [replace(each, until=str(each.until).format(**days)) for each in STORED]
