"""Accounts: registration, profile, and what proves who is there."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from service_kit import rules
from service_kit.cards import looks_like_card
from service_kit.security.throttle import folded

from ui import throttle
from ui.forms import EMAIL_SAID, RuledField, missing
from ui.models import User

if TYPE_CHECKING:
    UserModelForm = forms.ModelForm[User]
else:  # Django's ModelForm takes its type argument only in the stubs.
    UserModelForm = forms.ModelForm


class PasswordForm(forms.Form):
    """The password once more: a session may be somebody else's who found the browser open."""

    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}), label=_("Your password")
    )

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        super().__init__(data, use_required_attribute=False)
        self._request = request

    def clean_password(self) -> str:
        typed: str = self.cleaned_data["password"]
        if error := wrong_password(self._request, typed):
            raise ValidationError(error)
        return typed


class CodeForm(forms.Form):
    """Of the second factor: the app's, or a recovery code."""

    code = forms.CharField(
        max_length=64,
        label=_("Code"),
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "off"}),
        error_messages=missing(_("Type the code.")),
    )


def wrong_password(request: HttpRequest, typed: str) -> str:
    """Why it is not taken; guesses count as logins do."""
    user = request.user
    assert isinstance(user, User)
    if throttle.seconds_to_wait(request, {"logins": 1}, who=f"again:{user.traveller_id}"):
        return gettext("Too many tries. Wait some minutes.")
    return "" if user.check_password(typed) else gettext("This is not your password.")


class ProfileForm(UserModelForm):
    email = RuledField(
        rules.EMAIL,
        said=EMAIL_SAID,
        required=False,
        label=_("Email (optional)"),
        widget=forms.EmailInput(),
        help_text=_("Filled in when you book."),
    )

    class Meta:
        model = User
        fields = ("email",)

    password = forms.CharField(
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        label=_("Your password, if you change the address"),
    )

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        assert isinstance(request.user, User)
        super().__init__(data, instance=request.user, use_required_attribute=False)
        self._request = request

    def clean(self) -> None:
        super().clean()
        if "email" not in self.changed_data or "email" in self.errors:
            return
        if error := wrong_password(self._request, self.cleaned_data.get("password", "")):
            self.add_error("password", error)


class RegisterForm(UserModelForm):
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        label=_("Password"),
        help_text=_("At least ten characters, not only digits, and none that is known from a leak."),
    )

    class Meta:
        model = User
        fields = ("username", "email")
        labels: Mapping[str, Any] = {"username": _("Username"), "email": _("Email (optional)")}
        help_texts: Mapping[str, Any] = {
            "username": _("Letters, digits and @ . + - _"),
            "email": _("Filled in when you book."),
        }

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if looks_like_card(name):
            raise ValidationError(_("This looks like a card number, which we do not take."))
        if User.objects.filter(folded_name=folded(name)).exists():
            raise ValidationError(_("A user with that username already exists."))
        return name

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        named = {name: self.data.get(name, "") for name in ("username", "email")}
        password_validation.validate_password(password, User(**named))
        return password
