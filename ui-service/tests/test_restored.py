"""This service's database was restored to another moment than the backend's."""

from io import StringIO

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from service_kit.security.models import AuditEntry

from tests.buying import START, form_of, pay_page
from tests.desk import SAGA, Desk, booking
from tests.test_claims import has_nothing, tells_trips
from ui.booking import drafts
from ui.models import Attempt, ClaimedGuest, Draft, User

LOST, GUEST = "u-00000000000000ff", "guest-0123456789abcdef01234567"


def give(user: User, whose: str) -> str:
    out = StringIO()
    call_command("give_trips", user.username, whose, reason="restored", stdout=out)
    return out.getvalue()


def test_draft_that_has_forgotten_its_booking_books_nothing_twice(client: Client, desk: Desk) -> None:
    """The back-up is of a moment before the payment, at which the price was another."""
    desk.sells().starts()
    page = pay_page(client)
    client.post(page, form_of(client, page))
    Attempt.objects.all().delete()
    Draft.objects.update(version=drafts.new_id())
    desk.answers(
        START,
        {"code": "IDEMPOTENCY_KEY_REUSED", "detail": "Other fields.", "correlation_id": SAGA},
        status=422,
        method="POST",
    )
    response = client.post(page, form_of(client, page))
    assert response["Location"] == f"/progress/{SAGA}/"
    keys = {sent.headers["Idempotency-Key"] for sent in desk.sent_to(START)}
    assert keys == {f"{Draft.objects.get().id}-1"}


def test_next_try_of_a_draft_has_another_key(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    page = pay_page(client)
    client.post(page, form_of(client, page))
    Attempt.objects.update(state="failed")
    Draft.objects.update(version=drafts.new_id())
    client.post(page, form_of(client, page))
    keys = [sent.headers["Idempotency-Key"][-2:] for sent in desk.sent_to(START)]
    assert keys == ["-1", "-2"]


@pytest.mark.parametrize("whose", [LOST, GUEST])
def test_trips_of_a_lost_account_or_claim_are_given_to_an_account(
    client: Client, desk: Desk, traveller: User, whose: str
) -> None:
    assert give(traveller, whose) == f"The trips of {whose} are in the account of ada.\n"
    client.force_login(traveller)
    has_nothing(desk, traveller)
    tells_trips(desk, whose, booking(user_id=whose))
    assert "ABC234" in client.get("/trips/").content.decode()
    told = AuditEntry.objects.get(action=f"give-trips {whose}")
    assert (told.reason, told.evidence) == ("restored", traveller.traveller_id)


def test_trips_of_another_account_are_not_given_away(traveller: User) -> None:
    other = User.objects.create_user(username="bob", email="bob@example.com", password="correct horse 9")
    with pytest.raises(CommandError, match="another account's"):
        give(traveller, other.traveller_id)
    give(other, GUEST)
    with pytest.raises(CommandError, match="in another account"):
        give(traveller, GUEST)
    assert list(ClaimedGuest.objects.values_list("user", flat=True)) == [other.pk]


def test_every_session_ends(client: Client, traveller: User) -> None:
    client.force_login(traveller)
    call_command("end_every_session", reason="restored", stdout=StringIO())
    assert not Session.objects.exists()
    assert client.get("/account/").status_code == 302
    assert AuditEntry.objects.get(action="end-every-session").reason == "restored"
