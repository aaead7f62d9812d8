"""The mail that tells of a changed trip: the new itinerary and calendar file, once for each change."""

import re
from pathlib import Path
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.core import mail
from icalendar import Calendar

from flight.models import Booking, ChangeConfirmation
from tests.audit_reads import Reads, reads, run
from tests.booked_trip import Trip, trip
from tests.saga_participants import meanwhile
from tests.saga_world import SETTLE_AFTER, World
from tests.settling import mailer

__all__ = ["mailer", "reads", "trip"]
"Fixtures."
AWAY = SMTPServerDisconnected("away")


def test_a_change_mails_the_new_itinerary(trip: Trip) -> None:
    change = trip.changed({"flight_id": trip.dearer.id, "seat_numbers": ["9C", "9D"]})["correlation_id"]
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (
        ["john@example.com"],
        f"Booking {trip.reference} is changed: DFW - ORD",
    )
    for text in (
        "is changed; this is your trip now.",
        "ZZ201",
        "John Doe: seat 9C, economy",
        "Total: 550.10 USD, of which 100.10 USD was charged for the change",
    ):
        assert text in sent.body
    assert "ZZ101" not in sent.body and "seat 7A" not in sent.body
    assert sent.message()["Message-ID"] == f"<{trip.reference}-{change}@tidewing>"


def test_a_cheaper_trip_says_what_is_given_back(trip: Trip) -> None:
    trip.changed(trip.cheaper)
    assert "Total: 350.00 USD; 100.00 USD was given back\n" in mail.outbox[0].body


def test_an_equal_trip_names_no_money_but_its_total(trip: Trip) -> None:
    trip.changed({"flight_id": trip.flight.id, "seat_numbers": ["7B", "9C"]})
    assert "Total: 450.00 USD\n" in mail.outbox[0].body


def test_the_new_entry_of_the_calendar_takes_the_place_of_the_old_one(trip: Trip, world: World) -> None:
    world.recover(after=SETTLE_AFTER + 1)
    trip.changed(trip.dearer)
    files = [Calendar.from_ical(sent.attachments[0][1]) for sent in mail.outbox]
    before, after = (file.walk("VEVENT")[0] for file in files)
    assert before["uid"] == after["uid"] == f"{trip.reference}-1@tidewing"
    assert [str(one["summary"]) for one in (before, after)] == ["ZZ101 DFW to ORD", "ZZ201 DFW to ORD"]


def test_each_change_has_a_mail_and_a_repeat_of_its_quote_has_none(trip: Trip) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    for _ in range(2):
        trip.change(quote)
    trip.changed(trip.cheaper)
    assert [one.subject for one in mail.outbox] == [f"Booking {trip.reference} is changed: DFW - ORD"] * 2
    assert ChangeConfirmation.objects.count() == 2


def test_a_mail_that_fails_is_tried_again_and_the_changed_trip_is_free_meanwhile(
    trip: Trip, world: World, mailer: list[Exception]
) -> None:
    mailer += [AWAY, OSError("no route"), SMTPRecipientsRefused({"a": (450, b"")})]
    answer = trip.change(trip.quote(trip.dearer)["quote_id"])
    assert (answer.status_code, mail.outbox) == (202, [])
    booking = Booking.objects.get()
    assert (booking.busy_with, booking.flight_id) == ("", trip.dearer.id)
    for _ in range(3):
        world.recover()
    cid = answer.json()["correlation_id"]
    assert (world.row(cid).status, len(mail.outbox)) == ("COMPLETED", 1)


def test_a_crash_between_the_mails_record_and_the_sagas_commit_sends_no_second_one(
    trip: Trip, world: World
) -> None:
    """Another owner has sent it, and died before it could say so."""
    quote = trip.quote(trip.dearer)["quote_id"]

    def sent_by_another() -> None:
        booking, at = Booking.objects.get(), world.clock()
        change = booking.changed_by
        ChangeConfirmation.objects.create(change=change, booking=booking, begun_at=at, ended_at=at)

    world.participants.then("AdjustMiles", meanwhile(sent_by_another))
    assert trip.change(quote).json()["status"] == "COMPLETED"
    assert mail.outbox == []


def test_a_crash_after_the_mail_repeats_it_under_the_same_name_and_time(
    trip: Trip, world: World, mailer: list[Exception]
) -> None:
    mailer.append(AWAY)
    trip.change(trip.quote(trip.dearer)["quote_id"])
    begun = ChangeConfirmation.objects.get()
    world.clock.advance(180)
    world.recover()
    (sent,) = mail.outbox
    assert sent.message()["Message-ID"] == f"<{trip.reference}-{begun.change}@tidewing>"
    (event,) = Calendar.from_ical(sent.attachments[0][1]).walk("VEVENT")
    assert event.decoded("dtstamp") == begun.begun_at.replace(microsecond=0)


def test_a_trip_that_is_cancelled_before_the_mail_gets_none(
    trip: Trip, world: World, mailer: list[Exception]
) -> None:
    mailer.append(AWAY)
    change = trip.change(trip.quote(trip.dearer)["quote_id"]).json()["correlation_id"]
    assert trip.cancel().json()["status"] == "COMPENSATED"
    world.recover()
    assert (world.row(change).status, mail.outbox) == ("COMPLETED", [])


@pytest.mark.parametrize("code", [450, 550])
def test_an_address_that_is_refused_for_good_ends_the_change_without_a_mail(
    trip: Trip, world: World, mailer: list[Exception], code: int
) -> None:
    mailer.append(SMTPRecipientsRefused({"john@example.com": (code, b"")}))
    answer = trip.change(trip.quote(trip.dearer)["quote_id"])
    assert (answer.json()["status"], mail.outbox) == ("COMPLETED" if code == 550 else "RUNNING", [])
    world.recover()


def test_the_auditor_finds_a_change_whose_mail_is_in_no_row(trip: Trip, world: World, reads: Reads) -> None:
    change = trip.changed(trip.dearer)["correlation_id"]
    lost = ChangeConfirmation.objects.get()
    lost.delete()
    _, lines = run()
    assert f"DRIFT {change} SendConfirmation: expected sent; seen nothing" in lines
    lost.save()


def test_every_text_of_a_mail_is_marked_for_translation() -> None:
    folder = Path(__file__).parents[1] / "flight" / "templates"
    letters = list(folder.rglob("*.txt"))
    marked = re.compile(r"{% blocktranslate.*?{% endblocktranslate %}|{%.*?%}|{{.*?}}", re.DOTALL)
    assert (
        letters
        and [path.name for path in letters if re.search("[A-Za-z]", marked.sub("", path.read_text()))] == []
    )
