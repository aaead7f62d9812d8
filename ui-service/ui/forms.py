"""Forms: input is validated before any service is called."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from service_kit import rules
from service_kit.cards import looks_like_card
from service_kit.rules import TextRule

from ui import throttle
from ui.models import User
from ui.places import City, Place

if TYPE_CHECKING:
    UserModelForm = forms.ModelForm[User]
else:  # Django's ModelForm takes its type argument only in the stubs.
    UserModelForm = forms.ModelForm

CABINS = [("economy", _("Economy")), ("business", _("Business")), ("first", _("First"))]
TRIPS = [("oneway", _("One way")), ("return", _("Return"))]
MAX_PASSENGERS = 9


class Renderer(TemplatesSetting):
    field_template_name = "ui/parts/field.html"


class Pills(forms.RadioSelect):
    template_name = "ui/parts/choices.html"
    option_template_name = "django/forms/widgets/input.html"


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class UnclearPlace(ValidationError):
    """The input does not name exactly one place; `near` are suggestions."""

    def __init__(self, message: str, near: Sequence[Place | City]) -> None:
        super().__init__(message)
        self.near = near


PlaceResolver = Callable[[str], str]


def number(text: str, *, most: int, default: int) -> int:
    """A query parameter as an integer from 1 to `most`, or the default."""
    fits = text.isascii() and text.isdigit() and len(text) < 10
    return int(text) if fits and 1 <= int(text) <= most else default


class RuledField(forms.CharField):
    """A text field with the services' rule: what it accepts is never refused later.

    `said` is what a person is told: the rule's own words are the services'.
    """

    def __init__(self, rule: TextRule, *, said: Any, **kwargs: Any) -> None:
        self.rule, self.said = rule, said
        super().__init__(max_length=rule.most, **kwargs)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if not value:
            return
        if self.rule.fault(value):
            raise ValidationError(self.said)
        if not self.rule.may_be_digits and looks_like_card(value):
            raise ValidationError(_("This looks like a card number, which we do not take."))


def missing(words: Any) -> dict[str, Any]:
    """The error message of an empty field."""
    return {"required": words}


class SearchForm(forms.Form):
    """`resolve` maps the input for a place to an airport code, or raises UnclearPlace."""

    trip = forms.ChoiceField(choices=TRIPS, initial="oneway", required=False, widget=Pills, label=_("Trip"))
    origin = forms.CharField(
        max_length=100, label=_("From"), error_messages=missing(_("Where do you start?"))
    )
    destination = forms.CharField(
        max_length=100, label=_("To"), error_messages=missing(_("Where do you want to go?"))
    )
    depart = forms.DateField(
        widget=DateInput(),
        label=_("Departure"),
        error_messages=missing(_("Choose the day of your departure.")),
    )
    back = forms.DateField(widget=DateInput(), required=False, label=_("Return"))
    passengers = forms.TypedChoiceField(
        choices=lambda: [
            (n, ngettext("%(count)s passenger", "%(count)s passengers", n) % {"count": n})
            for n in range(1, MAX_PASSENGERS + 1)
        ],
        coerce=int,
        required=False,
        label=_("Passengers"),
    )
    cabin = forms.ChoiceField(choices=CABINS, required=False, label=_("Cabin"))

    def __init__(self, data: Any = None, *, today: date, resolve: PlaceResolver, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.today, self._resolve = today, resolve
        self.near: dict[str, Sequence[Place | City]] = {}
        for name in ("depart", "back"):
            self.fields[name].widget.attrs["min"] = today.isoformat()

    def clean_trip(self) -> str:
        return self.cleaned_data["trip"] or "oneway"

    def clean_passengers(self) -> int:
        return int(self.cleaned_data["passengers"] or 1)

    def clean_cabin(self) -> str:
        return self.cleaned_data["cabin"] or "economy"

    def clean_origin(self) -> str:
        return self._place("origin")

    def clean_destination(self) -> str:
        return self._place("destination")

    def _place(self, name: str) -> str:
        try:
            return self._resolve(self.cleaned_data[name])
        except UnclearPlace as unclear:
            self.near[name] = unclear.near
            raise

    def clean_depart(self) -> date:
        chosen: date = self.cleaned_data["depart"]
        if chosen < self.today - timedelta(days=1):
            raise ValidationError(_("This day is in the past."))
        return chosen

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("origin") and found.get("origin") == found.get("destination"):
            self.add_error("destination", _("Choose a place other than the departure."))
        if found.get("trip") == "return":
            self._check_return(found.get("depart"), found.get("back"))
        return found

    def _check_return(self, depart: date | None, back: date | None) -> None:
        if "back" in self.errors:
            return
        if back is None:
            self.add_error("back", _("Choose the day of your return."))
        elif depart and back < depart:
            self.add_error("back", _("The return cannot be before the departure."))


NAME_SAID = _("Write it in 1 to 100 printable characters.")
EMAIL_SAID = _("This must be an email address.")


class PassengerForm(forms.Form):
    first_name = RuledField(
        rules.NAME,
        said=NAME_SAID,
        label=_("First name"),
        error_messages=missing(_("The first name is missing.")),
    )
    last_name = RuledField(
        rules.NAME,
        said=NAME_SAID,
        label=_("Last name"),
        error_messages=missing(_("The last name is missing.")),
    )
    gender = forms.ChoiceField(
        choices=[("unspecified", _("Not stated")), ("female", _("Female")), ("male", _("Male"))],
        required=False,
        label=_("Gender"),
    )

    def clean_gender(self) -> str:
        return self.cleaned_data["gender"] or "unspecified"


class ContactForm(forms.Form):
    email = RuledField(
        rules.EMAIL,
        said=EMAIL_SAID,
        label=_("Email"),
        widget=forms.EmailInput(),
        help_text=_("The confirmation goes there."),
        error_messages=missing(_("An email address is missing.")),
    )
    mobile = RuledField(
        rules.MOBILE,
        said=_("Write an optional + and 5 to 20 digits, with spaces or hyphens between them."),
        label=_("Mobile"),
        help_text=_("With country code, such as +1 555 0100."),
        error_messages=missing(_("A mobile number is missing.")),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs.update(autocomplete="email")
        self.fields["mobile"].widget.attrs.update(autocomplete="tel", inputmode="tel")


DEMO_CARDS = [
    ("tok_ok", _("Card that works"), _("The bank agrees at once.")),
    ("tok_declined", _("Card that is declined"), _("The bank says no; your seat is given back.")),
    (
        "tok_insufficient_funds",
        _("Card without enough money"),
        _("The bank says no; your seat is given back."),
    ),
    ("tok_unsure", _("Bank whose answer is lost"), _("We ask what became of it; you are charged once.")),
    ("tok_timeout", _("Bank that never answers"), _("We keep asking for a minute, then undo everything.")),
]
FAILURES = [
    ("simulate_reserveseat_fail", _("Holding the seat"), _("Step 1 fails: nothing has to be undone.")),
    (
        "simulate_authorizepayment_fail",
        _("Authorising the payment"),
        _("Step 2 fails: the seat is given back."),
    ),
    (
        "simulate_awardmiles_fail",
        _("Adding the miles"),
        _("Step 3 fails: payment cancelled, seat given back."),
    ),
    (
        "simulate_confirmbooking_fail",
        _("Issuing the tickets"),
        _("Step 4 fails: miles, payment and seat undone."),
    ),
]


class CardForm(forms.Form):
    """A card is an opaque token: of a card number only the provider's script in the browser knows."""

    card_token = RuledField(
        rules.CARD_TOKEN, said=_("Choose a card."), strip=False, error_messages=missing(_("Choose a card."))
    )


class PaymentForm(CardForm):
    key = forms.RegexField(r"\A[A-Za-z0-9-]{8,64}\Z", widget=forms.HiddenInput)

    def failures(self, *, demo_mode: bool) -> dict[str, bool]:
        """The ticked failure switches; none outside demo mode."""
        return {name: True for name, _, _ in FAILURES if demo_mode and name in self.data}


class FindTripForm(forms.Form):
    reference = forms.CharField(
        max_length=6, min_length=6, label=_("Booking reference"), help_text=_("Six letters and digits.")
    )
    surname = forms.CharField(max_length=100, label=_("Last name of a passenger"))

    def clean_reference(self) -> str:
        code: str = self.cleaned_data["reference"].upper()
        if not re.fullmatch("[A-Z2-9]{6}", code):
            raise ValidationError(_("A booking reference has six letters and digits."))
        return code


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
        return name

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        named = {name: self.data.get(name, "") for name in ("username", "email")}
        password_validation.validate_password(password, User(**named))
        return password
