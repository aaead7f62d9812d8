"""What the forms of all pages share. Input is validated before any service is called."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting
from django.utils.translation import gettext_lazy as _
from service_kit.cards import looks_like_card
from service_kit.rules import TextRule

MAX_PASSENGERS = 9
MAX_FLIGHT = 10**9 - 1
"the highest id of a flight"
EMAIL_SAID = _("This must be an email address.")


class Renderer(TemplatesSetting):
    field_template_name = "ui/parts/field.html"


class Pills(forms.RadioSelect):
    template_name = "ui/parts/choices.html"
    option_template_name = "django/forms/widgets/input.html"


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


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
