"""The mails of demo mode: what a mailbox would show."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from service_kit.outbox.selectors import newest_mails

from ui import selectors
from ui.backend_client import Json, optional
from ui.view_models.sagas import moment


@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    if not settings.DEMO_MODE:
        raise Http404
    of_backend = optional(selectors.mails, otherwise=None)
    found = sorted(
        [*newest_mails(), *(of_backend or [])], key=lambda mail: str(mail["sent_at"]), reverse=True
    )
    context = {"mails": list(map(_shown, found)), "away": of_backend is None}
    return render(request, "ui/account/outbox.html", context)


def _shown(mail: Json) -> dict[str, Any]:
    return {**mail, "sent_at": moment(mail["sent_at"])}
