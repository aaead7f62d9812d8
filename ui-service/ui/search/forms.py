"""The search for flights."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ui.forms import MAX_PASSENGERS, DateInput, Pills, missing
from ui.view_models.places import City, Place, UnclearPlace

CABINS = [("economy", _("Economy")), ("business", _("Business")), ("first", _("First"))]
TRIPS = [("oneway", _("One way")), ("return", _("Return"))]
PlaceResolver = Callable[[str], str]


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
