"""Passengers, their contact, and the payment."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from service_kit import rules

from ui.forms import EMAIL_SAID, RuledField, missing

NAME_SAID = _("Write it in 1 to 100 printable characters.")


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
