"""Static file URLs with a content hash, which browsers may cache for good."""

import hashlib
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static

FOR_GOOD = "max-age=31536000, public, immutable"


@lru_cache
def version(name: str) -> str:
    found = finders.find(name)
    return hashlib.sha256(Path(str(found)).read_bytes()).hexdigest()[:10] if found else "missing"


def address(name: str) -> str:
    return f"{static(name)}?v={version(name)}"


def keep(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Marks the answer to a URL with the current version as immutable.

    Another version, from a page of an older or newer release, is not cached: its content is not what that URL
    stands for.
    """
    name = request.path_info.removeprefix(static(""))
    if request.GET.get("v") == version(name):
        response["Cache-Control"] = FOR_GOOD
    return response
