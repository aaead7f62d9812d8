"""Loyalty's reads."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from service_kit import schema
from service_kit.api import ServiceView, json_response
from service_kit.permissions import Owner
from service_kit.problems import Problem, not_found
from service_kit.rules import CORRELATION_ID, USER_ID

from loyalty import selectors, serializers


class LoyaltyView(ServiceView):
    permission_classes = [Owner]
    subject = "loyalty account"

    @extend_schema(
        parameters=[
            OpenApiParameter("correlation_id", {"type": "string", "pattern": f"^{CORRELATION_ID.pattern}$"})
        ],
        responses=schema.read(serializers.Loyalty),
    )
    def get(self, request: Request, user_id: str) -> HttpResponse:
        """A traveller's balance, tier and newest entries; with `correlation_id` those of one booking."""
        self.check_object_permissions(request, user_id)
        # PostgreSQL refuses a NUL, which a URL can hold.
        account = selectors.account_of(user_id) if USER_ID.fullmatch(user_id) else None
        if account is None:
            raise not_found(self.subject)
        return json_response(selectors.describe(account, correlation_id=_correlation_id(request)))


def _correlation_id(request: Request) -> str:
    """The booking whose entries are requested; empty: all."""
    if "correlation_id" not in request.query_params:
        return ""
    given: str = request.query_params["correlation_id"]
    if not CORRELATION_ID.fullmatch(given):
        raise Problem(400, "INVALID", "correlation_id is not one.", errors={"correlation_id": "Not valid."})
    return given
