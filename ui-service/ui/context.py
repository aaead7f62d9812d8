from typing import Any

from django.conf import settings
from django.http import HttpRequest

from ui import cookies
from ui.identity import role_of

THEME, THEMES = "theme", ("light", "dark")


def site(request: HttpRequest) -> dict[str, Any]:
    """Template context of every page: brand, demo mode, theme, and whether to show the console."""
    role = role_of(request) if hasattr(request, "user") else ""
    return {**of_no_database(request), "console_role": role}


def of_no_database(request: HttpRequest) -> dict[str, Any]:
    """Template context of a page that must not use the database."""
    theme = request.COOKIES.get(cookies.name_of(THEME), "")
    return {
        "brand": settings.BRAND,
        "demo_mode": settings.DEMO_MODE,
        "theme": theme if theme in THEMES else "",
    }
