"""Pages of words: how it works, the demo guide, about, contact, privacy, terms."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ui.sagas import STEPS

COMPENSATIONS = ("CancelSeat", "CancelPayment", "ReverseMiles", "CancelBooking")
PAGES = ("about", "contact", "privacy", "terms")


@require_safe
def how_it_works(request: HttpRequest) -> HttpResponse:
    steps = list(zip(STEPS.items(), COMPENSATIONS, strict=True))
    rows = [{"name": name, "words": words, "undo": undo} for (name, words), undo in steps]
    return render(request, "ui/pages/how_it_works.html", {"rows": rows, "backwards": rows[::-1]})


@require_safe
def demo_guide(request: HttpRequest) -> HttpResponse:
    if not settings.DEMO_MODE:
        raise Http404
    return render(request, "ui/pages/demo_guide.html")


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    if name not in PAGES:
        raise Http404
    return render(request, f"ui/pages/{name}.html")
