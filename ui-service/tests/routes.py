"""Every page by its route."""

import re
from urllib.parse import quote

from django.urls import URLPattern, get_resolver

PATTERNS = [each for each in get_resolver().url_patterns if isinstance(each, URLPattern)]
# Logging out ends what the others need.
ROUTES = [str(each.pattern) for each in PATTERNS if each.name != "logout"]


def address(route: str, text: str) -> str:
    return "/" + re.sub(r"<[^>]+>", quote(text, safe="", errors="surrogatepass"), route)
