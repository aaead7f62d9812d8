"""The console's page of people: which accounts are operators and auditors."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from service_kit.address import address_of

from ui.account import roles
from ui.account.forms import wrong_password
from ui.identity import console_actor, role_of
from ui.models import User


@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    """For operators; a POST changes one account's role."""
    if role_of(request) != User.Role.OPERATOR:
        raise PermissionDenied
    if request.method == "POST":
        return _change(request)
    typed = request.GET.get("q", "").strip()[:100]
    context = {
        "people": roles.people(typed),
        "typed": typed,
        "roles": User.Role.choices,
        "trail": roles.trail(),
        "asks_password": isinstance(request.user, User),
    }
    return render(request, "ui/console/people.html", context)


def _change(request: HttpRequest) -> HttpResponse:
    form = request.POST
    # Demo mode has operators without an account.
    if isinstance(request.user, User) and (error := wrong_password(request, form.get("password", ""))):
        messages.error(request, error)
        return redirect("console_people")
    try:
        user = roles.set_role(
            username=form.get("username", ""),
            role=form.get("role", ""),
            actor=console_actor(request).user_id,
            address=address_of(request),
            reason=form.get("reason", "")[:200],
        )
    except roles.RoleError as error:
        messages.error(request, str(error))
    else:
        told = _("%(name)s is %(role)s now.") % {"name": user.username, "role": user.role}
        messages.success(request, told)
    return redirect("console_people")
