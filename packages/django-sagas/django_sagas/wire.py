"""Names of the protocol between an orchestrator and its participants."""

import re
from functools import cache

from django.http import HttpRequest

CORRELATION_HEADER = "X-Correlation-ID"
# In `request.META`; `request.headers` would be built for every request.
CORRELATION_META = "HTTP_X_CORRELATION_ID"
REPLAYED_HEADER = "Idempotent-Replayed"
# The action or compensation that an answer is to, as in CapturePayment.
STEP_HEADER = "X-Saga-Step"
# Not `.` or `..`: in a URL they are path segments that clients resolve.
CORRELATION_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._:-]{1,64}")


def prefers(request: HttpRequest, preference: str) -> bool:
    """Whether the Prefer header (RFC 7240) has it."""
    header: str = request.META.get("HTTP_PREFER", "")
    if not header:
        return False
    given = header.lower().replace(";", ",").replace('"', "").split(",")
    return preference in ["".join(one.split()) for one in given]


@cache
def path_of(name: str) -> str:
    """`/api/saga/authorize-payment/` for AuthorizePayment."""
    return "/api/saga/" + re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower() + "/"
