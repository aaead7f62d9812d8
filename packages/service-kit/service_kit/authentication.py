"""REST framework's authentication: `request.user` is the Caller."""

from typing import cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from service_kit.credentials import Caller, verified


class CallerAuthentication(BaseAuthentication):
    """By the signed credential alone: no session and no user query. Without a credential: ANONYMOUS."""

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        return verified(request), None


def caller_of(request: Request) -> Caller:
    """Raises 401 for a bad credential."""
    return cast("Caller", request.user)
