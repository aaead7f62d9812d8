"""One's own data: what is stored, as a file, and its erasure."""

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from service_kit.address import address_of

from ui.account import people
from ui.account.forms import PasswordForm
from ui.backend_client import Rejected
from ui.identity import actor_of
from ui.models import User

REASON = "asked for on the account page"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def data(request: HttpRequest) -> HttpResponse:
    """A POST with the password erases the person."""
    user = request.user
    assert isinstance(user, User)
    form = PasswordForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            people.erase(user, actor=actor_of(request), reason=REASON, address=address_of(request))
        except Rejected as refusal:
            form.add_error(None, refusal.detail)
        else:
            logout(request)
            messages.success(request, _("Your names and contacts are erased, and your account is closed."))
            return redirect("search")
    return render(request, "ui/account/data.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    found = people.as_text(people.export(user, actor=actor_of(request)))
    headers = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return HttpResponse(found, content_type="application/json", headers=headers)
