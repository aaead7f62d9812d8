"""Register, log in, log out, profile, password, a token for curl, the colour scheme."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordResetConfirmView, PasswordResetView
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from service_kit.security.throttle import folded
from service_kit.tokens import ANY_AUDIENCE, USER_SECONDS, user_token

from ui import cookies, error_views, second_factor, services, throttle
from ui.account import claims, known_browsers, sessions, sign_ins
from ui.account.factor_views import ask_for_code
from ui.account.forms import ProfileForm, RegisterForm
from ui.account.reset_mails import ResetForm
from ui.backend_client import ServiceTrouble
from ui.context import THEME, THEMES
from ui.identity import lacks_factor
from ui.models import User
from ui.patience import NoPlaceError
from ui.redirects import safe_next


class Login(LoginView):
    template_name = "ui/account/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        name = folded(request.POST.get("username", ""))
        if wait := throttle.seconds_to_wait(
            request, {"logins": 1}, who=known_browsers.counter_of(request, name) or name
        ):
            return error_views.too_often(request, wait)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        if second_factor.is_on(user):
            return ask_for_code(self.request, user, to=self.get_success_url())
        response = claims.claimed(self.request, user, super().form_valid(form))
        known_browsers.remember_browser(response, user.get_username())
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response


class PasswordReset(PasswordResetView):
    """The answer is the same whether there is such an account or not, and takes as long."""

    form_class = ResetForm
    template_name = "ui/account/reset.html"
    email_template_name = "ui/account/reset_mail.txt"
    subject_template_name = "ui/account/reset_subject.txt"
    success_url = reverse_lazy("password_reset_done")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        who = folded(request.POST.get("email", ""))
        if wait := throttle.seconds_to_wait(request, {"resets": 1}, who=who):
            return error_views.too_often(request, wait)
        try:
            return super().post(request, *args, **kwargs)
        except NoPlaceError:
            return error_views.busy(request, _("Many mails wait to be sent just now. Reload to try again."))

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response


@require_safe
def password_reset_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "ui/account/reset_sent.html")


class PasswordResetConfirm(PasswordResetConfirmView):
    template_name = "ui/account/reset_confirm.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, _("Your password is changed. Log in with it."))
        response = super().form_valid(form)
        sessions.end(form.user)
        sign_ins.note("password-reset", user=form.user, request=self.request)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response


# Django's view answers every method where the link is not good.
password_reset_confirm = require_http_methods(["GET", "HEAD", "POST"])(PasswordResetConfirm.as_view())


@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    form = RegisterForm(request.POST or None, use_required_attribute=False)
    if request.method == "POST" and form.is_valid() and (user := _registered(form)):
        login(request, user)
        messages.success(request, _("Welcome aboard. Your account is ready."))
        return claims.claimed(request, user, redirect("trips"))
    return render(request, "ui/account/register.html", {"form": form}, status=422 if form.errors else 200)


def _registered(form: RegisterForm) -> User | None:
    """The new user; None, with a form error, if the name was taken meanwhile."""
    try:
        return services.register(**form.cleaned_data)
    except IntegrityError:
        form.add_error("username", _("A user with that username already exists."))
        return None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """The account; a POST makes a token for curl, shown once."""
    user = request.user
    assert isinstance(user, User)
    token = ""
    if request.method == "POST":
        role = User.Role.TRAVELLER if lacks_factor(request) else user.role
        token = user_token(user_id=user.traveller_id, role=role, audience=ANY_AUDIENCE)
    context = {"token": token, "token_minutes": USER_SECONDS // 60}
    return render(request, "ui/account/account.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    form = ProfileForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        if form.changed_data:
            sign_ins.note("email-change", user=user, request=request)
        messages.success(request, _("Your profile is saved."))
        return redirect("account")
    return render(request, "ui/account/profile.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    form = PasswordChangeForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        # Django ends every other session: each holds a hash of the password.
        update_session_auth_hash(request, form.save())
        sessions.end(user, but=request.session.session_key or "")
        sign_ins.note("password-change", user=user, request=request)
        messages.success(request, _("Your password is changed. You are logged out everywhere else."))
        return redirect("account")
    return render(request, "ui/account/password.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_POST
def logout_everywhere(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    sign_ins.note("logout-everywhere", user=user, request=request)
    try:
        sessions.end_everywhere(user)
    except ServiceTrouble:
        messages.warning(request, _("An access header that you made may work for some minutes more."))
    logout(request)
    messages.success(request, _("You are logged out in every browser."))
    return redirect("login")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    response = redirect(safe_next(request, request.POST.get("next", ""), "/"))
    if (chosen := request.POST.get(THEME, "")) in THEMES:
        cookies.give(response, THEME, chosen)
    return response
