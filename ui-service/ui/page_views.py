"""Pages of words: how it works, about, contact, emissions, privacy, terms."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ui.account.privacy import statement
from ui.backend_client import optional
from ui.selectors import booking_steps

PAGES = ("about", "contact", "emissions", "privacy", "terms")


@require_safe
def how_it_works(request: HttpRequest) -> HttpResponse:
    steps = optional(booking_steps, otherwise=[])
    return render(request, "ui/pages/how_it_works.html", {"rows": steps, "backwards": steps[::-1]})


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    if name not in PAGES:
        raise Http404
    context = {"stored": statement()} if name == "privacy" else {}
    return render(request, f"ui/pages/{name}.html", context)
