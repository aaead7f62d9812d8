"""The settlement of a booking: capture, the mail, and an authorisation that has expired."""

from datetime import timedelta
from email.message import EmailMessage
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail
from django_sagas.clock import utc_now
from icalendar import Calendar

from flight.models import Booking, Confirmation
from tests.invariants import rows
from tests.saga_callers import act, audited, cancel_booking, service
from tests.saga_participants import answers, loses_its_reply, meanwhile, never_arrives
from tests.saga_world import SETTLE_AFTER, Desk, World
from tests.settling import expired, mailer, settle, settlement_of

__all__ = ["mailer"]
"A fixture."

DONE = ["DONE", "DONE"]


# After a booking


def test_a_confirmed_booking_starts_its_settlement_in_the_same_commit(desk: Desk, world: World) -> None:
    booked = desk.book().json()
    cid = settlement_of(desk, booked)
    row = world.row(cid)
    assert (row.name, row.status, row.subject) == ("settle-trip", "PENDING", "1")
    assert row.data == {
        "booking": booked["correlation_id"],
        "reference": booked["booking_reference"],
        "amount": 45_000,
    }
    assert row.due_at == Booking.objects.get().created_at + timedelta(seconds=SETTLE_AFTER)
    assert desk.recover(after=0) == 0


def test_a_booking_that_fails_starts_none(desk: Desk, world: World) -> None:
    for flag in ("authorizepayment", "confirmbooking"):
        cid = desk.book(**{f"simulate_{flag}_fail": True}).json()["correlation_id"]
        assert desk.status(cid)["settlement"] is None
    assert rows("SELECT * FROM sagas_saga WHERE name = 'settle-trip'") == []


def test_the_settlement_captures_the_money_and_then_mails_the_confirmation(desk: Desk, world: World) -> None:
    booked = desk.book().json()
    cid = settlement_of(desk, booked)
    assert settle(desk) == 1
    assert (world.row(cid).status, world.statuses(cid)) == ("COMPLETED", DONE)
    (sent,) = [one.body for one in world.participants.received if one.name == "CapturePayment"]
    assert sent["correlation_id"] == cid
    assert sent["booking_data"] == {"payment_id": booked["correlation_id"], "settle": True}
    assert world.participants.captured == {booked["correlation_id"]: 450}
    assert len(mail.outbox) == 1
    told = desk.status(cid)
    assert (told["definition"], told["booking"]) == ("settle-trip", booked["correlation_id"])
    assert (told["booking_reference"], told["amount"]) == (booked["booking_reference"], 450.0)
    assert told["actions"] == []
    result = told["result"]
    assert (result["success"], result["not_needed"], result["confirmation_sent"]) == (True, False, True)
    # The booking's own saga is as it was.
    assert desk.status(booked["correlation_id"])["result"] == booked


def test_the_confirmation_tells_of_reference_tickets_and_flight(desk: Desk) -> None:
    booked = desk.book(seat_numbers=["12A", "12C"]).json()
    settle(desk)
    (sent,) = mail.outbox
    reference = booked["booking_reference"]
    assert (sent.to, sent.subject) == (["john@example.com"], f"Booking {reference}: DFW - ORD")
    for text in (reference, "ZZ101", "Dallas", "Chicago", "John Doe: seat 12A, economy", "450.00 USD"):
        assert text in sent.body
    for number in Booking.objects.get().tickets.values_list("ticket_number", flat=True):
        assert number in sent.body


def test_local_times_stand_in_the_mail(desk: Desk, world: World) -> None:
    desk.book()
    settle(desk)
    leaves = world.flight.departs_at.astimezone(world.flight.origin.zone)
    assert f"Departs {leaves:%a} {leaves.day} {leaves:%b %Y, %H:%M}" in mail.outbox[0].body


def test_the_calendar_file_has_an_event_for_the_flight(desk: Desk, world: World) -> None:
    booked = desk.book().json()
    settle(desk)
    ((name, content, kind),) = mail.outbox[0].attachments
    assert (name, kind) == (f"{booked['booking_reference']}.ics", "text/calendar")
    (event,) = Calendar.from_ical(content).walk("VEVENT")
    times = (event.decoded("dtstart"), event.decoded("dtend"))
    assert times == (world.flight.departs_at, world.flight.arrives_at)
    assert str(event["summary"]) == "ZZ101 DFW to ORD"
    assert booked["booking_reference"] in str(event["description"])


def test_hostile_names_are_text_in_mail_and_calendar(desk: Desk) -> None:
    name = "Bcc: x@y {{ amount }} <b>;,\\ 🛫"
    desk.book(passengers=[{"first_name": name, "last_name": "O'Neil"}])
    settle(desk)
    (sent,) = mail.outbox
    assert f"{name} O'Neil" in sent.body
    assert sent.recipients() == ["john@example.com"]
    (event,) = Calendar.from_ical(sent.attachments[0][1]).walk("VEVENT")
    assert name in str(event["description"])


# What may fail


@pytest.mark.parametrize("trouble", [never_arrives, loses_its_reply, answers(503)])
def test_a_capture_without_an_answer_is_repeated_and_takes_the_money_once(
    desk: Desk, world: World, trouble: Any
) -> None:
    booked = desk.book().json()
    cid = settlement_of(desk, booked)
    world.participants.then("CapturePayment", trouble)
    settle(desk)
    assert (world.row(cid).status, mail.outbox) == ("RUNNING", [])
    desk.recover()
    assert (world.row(cid).status, len(mail.outbox)) == ("COMPLETED", 1)
    bodies = [one.body for one in world.participants.received if one.name == "CapturePayment"]
    assert len(bodies) == 2 and bodies[0] == bodies[1]


def test_a_mail_that_fails_is_tried_again_and_sent_once(
    desk: Desk, world: World, mailer: list[Exception]
) -> None:
    cid = settlement_of(desk, desk.book().json())
    mailer += [SMTPServerDisconnected("away"), OSError("no route"), SMTPRecipientsRefused({"a": (450, b"")})]
    settle(desk)
    assert (world.row(cid).status, world.statuses(cid)) == ("RUNNING", ["DONE", "UNKNOWN"])
    for _ in range(3):
        desk.recover()
    assert (world.row(cid).status, len(mail.outbox)) == ("COMPLETED", 1)
    assert world.participants.calls(cid) == ["CapturePayment"]


def test_an_address_that_the_mail_server_never_takes_ends_the_settlement_without_a_mail(
    desk: Desk, mailer: list[Exception]
) -> None:
    cid = settlement_of(desk, desk.book().json())
    mailer.append(SMTPRecipientsRefused({"john@example.com": (550, b"no such user")}))
    settle(desk)
    told = desk.status(cid)
    assert (told["status"], told["result"]["confirmation_sent"]) == ("COMPLETED", False)
    assert Confirmation.objects.get().error == "the mail server does not take this address"
    assert mail.outbox == []


def test_a_mail_that_was_sent_before_its_record_could_be_read_is_not_sent_again(
    desk: Desk, world: World
) -> None:
    """Another owner has sent it, and died before the saga's own commit."""
    booked = desk.book().json()
    cid = settlement_of(desk, booked)

    def sent_by_another() -> None:
        Confirmation.objects.create(
            booking_id=booked["booking_reference"], begun_at=world.clock(), ended_at=world.clock()
        )

    world.participants.then("CapturePayment", meanwhile(sent_by_another))
    settle(desk)
    assert (world.row(cid).status, mail.outbox) == ("COMPLETED", [])


def test_a_repeated_mail_has_the_same_message_id(desk: Desk) -> None:
    booked = desk.book().json()
    settle(desk)
    message: EmailMessage = mail.outbox[0].message()
    assert message["Message-ID"] == f"<{booked['booking_reference']}@tidewing>"


# A cancellation before and after


def test_a_booking_cancelled_before_needs_no_settlement_and_gets_no_mail(desk: Desk, world: World) -> None:
    booked = desk.book().json()
    cid = settlement_of(desk, booked)
    assert cancel_booking(desk, booked["booking_reference"]).json()["status"] == "COMPENSATED"
    settle(desk)
    told = desk.status(cid)
    assert (told["status"], told["needs_attention"]) == ("COMPLETED", False)
    assert (told["result"]["not_needed"], told["result"]["confirmation_sent"]) == (True, False)
    assert (world.participants.captured, mail.outbox) == ({}, [])


def test_a_booking_cancelled_between_capture_and_mail_gets_no_mail(desk: Desk, world: World) -> None:
    booked = desk.book().json()
    cid = settlement_of(desk, booked)
    cancel = meanwhile(lambda: cancel_booking(Desk(world), booked["booking_reference"]))
    world.participants.then("CapturePayment", cancel)
    settle(desk)
    told = desk.status(cid)["result"]
    assert (told["not_needed"], told["confirmation_sent"], mail.outbox) == (True, False, [])


def test_a_booking_is_cancelled_after_its_settlement(desk: Desk, world: World) -> None:
    booked = desk.book().json()
    cid = settlement_of(desk, booked)
    settle(desk)
    events = world.events(cid)
    assert cancel_booking(desk, booked["booking_reference"]).json()["status"] == "COMPENSATED"
    assert (world.events(cid), world.row(cid).status) == (events, "COMPLETED")


@pytest.mark.parametrize("began", [False, True], ids=["before it began", "while it waits for an answer"])
def test_a_settlement_is_not_cancelled_by_itself(desk: Desk, world: World, began: bool) -> None:
    booked = desk.book().json()
    cid = settlement_of(desk, booked)
    world.participants.always("CapturePayment", never_arrives)
    if began:
        settle(desk)
    refused = act(desk, cid, "cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "NOT_CANCELLABLE")
    assert audited(cid) == []
    world.participants.heal()
    desk.recover() if began else settle(desk)
    refused = act(desk, cid, "cancel")
    assert refused.json()["cancel_booking"] == f"/api/bookings/{booked['booking_reference']}/cancel/"


# An authorisation that has expired


def test_an_expired_authorisation_alarms_and_offers_two_actions(desk: Desk, world: World) -> None:
    booked, cid = expired(desk, world)
    told = desk.status(cid)
    assert (told["status"], told["needs_attention"]) == ("RUNNING", True)
    assert told["attention_reason"] == "CapturePayment fails: It has expired."
    assert told["steps"][0]["error_code"] == "AUTHORIZATION_EXPIRED"
    assert told["actions"] == [
        {"name": "authorize-again", "href": f"/api/saga/{cid}/authorize-again/"},
        {"name": "cancel-booking", "href": f"/api/bookings/{booked['booking_reference']}/cancel/"},
    ]
    assert mail.outbox == []
    world.participants.expired.clear()


def test_another_authorisation_lets_the_settlement_go_on_with_the_new_payment(
    desk: Desk, world: World
) -> None:
    booked, cid = expired(desk, world)
    answer = act(desk, cid, "authorize-again", reason="a new card")
    assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")
    again = answer.json()["correlation_id"]
    assert answer.json()["result"]["success"] is True
    (first, second) = [one.body for one in world.participants.received if one.name == "AuthorizePayment"]
    assert second["booking_data"] == {
        "user_id": "1",
        "flight_fare": first["booking_data"]["flight_fare"],
        "other_charges": first["booking_data"]["other_charges"],
        "trip_id": booked["correlation_id"],
        "payment": {"card_token": "tok_ok"},
    }
    assert audited(cid)[-1] == ("demo", "authorize-again", "a new card", "")
    desk.recover()
    assert (world.row(cid).status, len(mail.outbox)) == ("COMPLETED", 1)
    assert world.participants.captured == {again: 450}
    assert desk.status(cid)["needs_attention"] is False


def test_a_declined_card_leaves_the_settlement_waiting_and_another_may_follow(
    desk: Desk, world: World
) -> None:
    _, cid = expired(desk, world)
    refused = act(desk, cid, "authorize-again", payment={"card_token": "tok_declined"}).json()
    assert (refused["status"], refused["result"]["error_code"]) == ("COMPENSATED", "PAYMENT_DECLINED")
    assert desk.status(cid)["actions"] != []
    assert act(desk, cid, "authorize-again").json()["status"] == "COMPLETED"
    desk.recover()
    assert world.row(cid).status == "COMPLETED"


def test_a_settlement_of_a_cancelled_booking_offers_nothing_that_would_be_refused(
    desk: Desk, world: World
) -> None:
    booked, cid = expired(desk, world)
    assert cancel_booking(desk, booked["booking_reference"]).json()["status"] == "COMPENSATED"
    assert (desk.status(cid)["status"], desk.status(cid)["actions"]) == ("RUNNING", [])
    assert act(desk, cid, "authorize-again").json()["code"] == "NOT_EXPIRED"
    desk.recover()
    assert world.row(cid).status == "COMPLETED"


def test_a_settlement_gets_one_new_payment_until_that_was_tried(desk: Desk, world: World) -> None:
    _, cid = expired(desk, world)
    again = act(desk, cid, "authorize-again").json()["correlation_id"]
    assert desk.status(cid)["actions"] == []
    refused = act(desk, cid, "authorize-again")
    assert (refused.status_code, refused.json()["code"]) == (409, "NOT_EXPIRED")
    world.participants.expired.add(again)
    desk.recover()
    assert len(desk.status(cid)["actions"]) == 2
    third = act(desk, cid, "authorize-again").json()["correlation_id"]
    desk.recover()
    assert (world.row(cid).status, list(world.participants.captured)) == ("COMPLETED", [third])


def test_a_repeat_while_it_runs_gets_the_same_saga(desk: Desk, world: World) -> None:
    _, cid = expired(desk, world)
    world.participants.always("AuthorizePayment", never_arrives)
    first, second = (act(desk, cid, "authorize-again") for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["correlation_id"] == second.json()["correlation_id"]
    world.participants.heal()
    desk.recover()
    desk.recover()
    assert world.row(cid).status == "COMPLETED"


def test_a_booking_that_is_cancelled_meanwhile_gets_the_new_payment_back(desk: Desk, world: World) -> None:
    booked, cid = expired(desk, world)
    cancel = meanwhile(lambda: cancel_booking(Desk(world), booked["booking_reference"]))
    world.participants.then("AuthorizePayment", cancel)
    answer = act(desk, cid, "authorize-again").json()
    assert (answer["status"], answer["result"]["error_code"]) == ("COMPENSATED", "SETTLEMENT_ENDED")
    desk.recover()
    assert desk.status(cid)["result"]["not_needed"] is True


def test_an_operator_cancels_the_trip_of_an_expired_authorisation(desk: Desk, world: World) -> None:
    _, cid = expired(desk, world)
    where = desk.status(cid)["actions"][1]["href"]
    assert desk.post(where).json()["status"] == "COMPENSATED"
    desk.recover()
    assert (world.row(cid).status, mail.outbox) == ("COMPLETED", [])


def test_of_an_expired_authorisation_no_fee_is_kept(desk: Desk, world: World, settings: LazySettings) -> None:
    settings.CANCELLATION_FEES = {"economy": 5_000}
    booked = desk.book().json()
    reference = booked["booking_reference"]
    Booking.objects.update(created_at=utc_now() - timedelta(days=2))
    path = f"/api/bookings/{reference}/cancel-quote/"
    early = desk.client.get(path).json()
    assert early["fee"] == 100
    world.participants.expired.add(booked["correlation_id"])
    settle(desk)
    assert desk.client.get(path).json()["fee"] == 0
    stale = desk.post(f"/api/bookings/{reference}/cancel/", {"quote_id": early["quote_id"]})
    assert (stale.status_code, stale.json()["code"]) == (409, "QUOTE_CHANGED")
    assert desk.post(f"/api/bookings/{reference}/cancel/").json()["fee"] == 0
    desk.recover()


def test_only_an_expired_settlement_is_authorised_again(desk: Desk, world: World) -> None:
    booked = desk.book().json()
    for cid in (booked["correlation_id"], settlement_of(desk, booked)):
        refused = act(desk, cid, "authorize-again")
        assert (refused.status_code, refused.json()["code"]) == (409, "NOT_EXPIRED")
    assert world.participants.calls() == ["AuthorizePayment", "AwardMiles"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, {"reason": "x", "payment": {"card_token": "tok_ok"}}, 401),
        ({"user": "1"}, {"reason": "x", "payment": {"card_token": "tok_ok"}}, 403),
        ({"user": "9", "role": "operator"}, {"payment": {"card_token": "tok_ok"}}, 400),
        ({"user": "9", "role": "operator"}, {"reason": "x"}, 400),
        ({"user": "9", "role": "operator"}, {"reason": "x", "payment": {"card_token": "tok_ok"}}, 200),
    ],
)
def test_outside_demo_mode_it_needs_an_operator_a_reason_and_a_card(
    desk: Desk, world: World, settings: LazySettings, headers: Any, body: Any, status: int
) -> None:
    _, cid = expired(desk, world)
    settings.DEMO_MODE = False
    answer = desk.post(
        f"/api/saga/{cid}/authorize-again/", body, headers=service(**headers) if headers else {}
    )
    assert answer.status_code == status
    settings.DEMO_MODE = True
    trail = [("9", "authorize-again", "x", "")] if status == 200 else []
    assert [one for one in audited(cid) if one[1] == "authorize-again"] == trail
    if status != 200:
        world.participants.expired.clear()


def test_the_settlement_belongs_to_the_traveller_of_its_booking(desk: Desk, settings: LazySettings) -> None:
    cid = settlement_of(desk, desk.book().json())
    settings.DEMO_MODE = False
    path = f"/api/saga/status/{cid}/"
    found = [desk.client.get(path, headers=service(user)).status_code for user in ("1", "2")]
    assert found == [200, 404]
    settings.DEMO_MODE = True
