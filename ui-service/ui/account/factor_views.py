"""The second factor: set up, kept and switched off on the account page, and asked for after the password."""

import time
from typing import NamedTuple

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from ui import error_views, qr, second_factor, throttle
from ui.account import claims, sessions, sign_ins
from ui.account.forms import CodeForm, PasswordForm
from ui.account.known_browsers import remember_browser
from ui.models import User
from ui.redirects import safe_next

WAITING, WAITING_SECONDS = "waiting_for_code", 600
FEW = 3


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """What there is of it; each change asks for the password."""
    user = _user(request)
    form = PasswordForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _changed(request, user, request.POST.get("action", ""))
    context = {
        "form": form,
        "is_on": second_factor.is_on(user),
        "is_needed": second_factor.is_needed(user),
        "codes_left": second_factor.codes_left(user),
    }
    return render(request, "ui/account/factor.html", context, status=422 if form.errors else 200)


def _changed(request: HttpRequest, user: User, action: str) -> HttpResponse:
    if action == "codes" and second_factor.is_on(user):
        sign_ins.note("recovery-codes", user=user, request=request)
        return _codes(request, user)
    if action == "off" and not second_factor.is_needed(user):
        if second_factor.take_away(user):
            sign_ins.note("second-factor-off", user=user, request=request)
            messages.success(request, _("Your password alone opens your account now."))
        return redirect("account")
    second_factor.begin(user)
    return redirect("second_factor_app")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def app(request: HttpRequest) -> HttpResponse:
    """Its secret, as a drawing and as text; a POST with a code of it puts it in force."""
    user = _user(request)
    device = second_factor.begun(user)
    if device is None:
        return redirect("second_factor")
    form = CodeForm(request.POST or None, use_required_attribute=False)
    if request.method == "POST" and form.is_valid():
        if wait := throttle.seconds_to_wait(request, {"logins": 1}, who=_counter(user)):
            return error_views.too_often(request, wait)
        if confirmed := second_factor.confirm(user, form.cleaned_data["code"]):
            second_factor.proves(request, confirmed)
            sessions.end(user, but=request.session.session_key or "")
            sign_ins.note("second-factor-on", user=user, request=request)
            return _codes(request, user)
        form.add_error("code", _("This is not the code of the moment. Look at the clock of your telephone."))
    context = {
        "form": form,
        "secret": second_factor.secret_of(device),
        "drawing": qr.drawing(device.config_url),
    }
    return render(request, "ui/account/factor_app.html", context, status=422 if form.errors else 200)


def _codes(request: HttpRequest, user: User) -> HttpResponse:
    """Recovery codes, shown once."""
    codes = second_factor.new_recovery_codes(user)
    return render(request, "ui/account/factor_codes.html", {"codes": codes})


# -- at the login


class Waiting(NamedTuple):
    """A visitor who has given the password of an account that asks for a code too."""

    user: User
    next: str


def ask_for_code(request: HttpRequest, user: User, *, to: str) -> HttpResponse:
    """`to` is where the login leads."""
    request.session[WAITING] = {
        "user": user.pk,
        # Another password ends this too.
        "password": user.get_session_auth_hash(),
        "at": int(time.time()),
        "next": to,
    }
    return redirect("login_code")


def _waiting(request: HttpRequest) -> Waiting | None:
    kept = request.session.get(WAITING)
    if not kept or time.time() - kept["at"] > WAITING_SECONDS:
        return None
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    if user is None or user.get_session_auth_hash() != kept["password"]:
        return None
    return Waiting(user, kept["next"])


@require_http_methods(["GET", "HEAD", "POST"])
def login_code(request: HttpRequest) -> HttpResponse:
    waiting = _waiting(request)
    if waiting is None:
        return redirect("login")
    form = CodeForm(request.POST or None, use_required_attribute=False)
    if request.method == "POST" and form.is_valid():
        if wait := throttle.seconds_to_wait(request, {"logins": 1}, who=_counter(waiting.user)):
            return error_views.too_often(request, wait)
        if response := _logged_in(request, waiting, form):
            return response
    return render(request, "ui/account/login_code.html", {"form": form}, status=422 if form.errors else 200)


def _logged_in(request: HttpRequest, waiting: Waiting, form: CodeForm) -> HttpResponse | None:
    """None, with an error of the form, for a wrong code."""
    user, code = waiting.user, form.cleaned_data["code"]
    if wait := second_factor.seconds_to_wait(user, code):
        form.add_error("code", _("Too many wrong codes: wait %(wait)s seconds.") % {"wait": wait})
        return None
    device = second_factor.verified(user, code)
    if device is None:
        sign_ins.note("code-failed", user=user, request=request)
        form.add_error("code", _("This code is wrong, or has been used."))
        return None
    request.session.pop(WAITING)
    login(request, user)
    second_factor.proves(request, device)
    if second_factor.was_recovered(device):
        _note_recovery(request, user)
    response = claims.claimed(request, user, redirect(safe_next(request, waiting.next, "/trips/")))
    remember_browser(response, user.get_username())
    return response


def _note_recovery(request: HttpRequest, user: User) -> None:
    sign_ins.note("recovery-code-used", user=user, request=request)
    left = second_factor.codes_left(user)
    said = ngettext("%(left)s recovery code is left.", "%(left)s recovery codes are left.", left)
    tell = messages.warning if left < FEW else messages.info
    tell(request, said % {"left": left})


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _counter(user: User) -> str:
    return f"code:{user.traveller_id}"
