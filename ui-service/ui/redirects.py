"""Where a form leads afterwards."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def safe_next(request: HttpRequest, wanted: str, default: str) -> str:
    """The return URL, if it is on this site."""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    # Without the slash Django would take it for a URL name.
    return wanted if ours and wanted.startswith("/") else default
