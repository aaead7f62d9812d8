"""Login or registration of a guest: the account claims what was booked in this browser."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django_sagas.clock import utc_now

from ui import cookies
from ui.identity import GUEST, guest_of
from ui.models import Attempt, ClaimedGuest, User

FAILED = Attempt.State.FAILED


def claimed(request: HttpRequest, user: User, response: HttpResponse) -> HttpResponse:
    """The answer to a login. Deletes the guest cookie: the next person at this browser is another guest."""
    guest = guest_of(request)
    if not guest:
        return response
    if claim(guest, user) and Attempt.objects.filter(owner_id=guest).exclude(state=FAILED).exists():
        messages.success(request, _("The trips that you booked here as a guest are in your account now."))
    request.session.pop(GUEST, None)
    cookies.take_away(response, GUEST)
    return response


def claim(guest: str, user: User) -> bool:
    """Whether the account has claimed the guest; a guest of another account stays there."""
    row = ClaimedGuest(guest_id=guest, user=user, claimed_at=utc_now())
    ClaimedGuest.objects.bulk_create([row], ignore_conflicts=True)
    return ClaimedGuest.objects.filter(guest_id=guest, user=user).exists()
