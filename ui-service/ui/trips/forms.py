"""A trip found without an account."""

import re

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


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
