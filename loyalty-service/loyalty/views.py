"""Loyalty's reads."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from service_kit import credentials, schema
from service_kit.api import ServiceView, json_response
from service_kit.fields import USER_ID
from service_kit.problems import not_found

from loyalty import selectors, serializers


class LoyaltyView(ServiceView):
    @extend_schema(responses=schema.read(serializers.Loyalty))
    def get(self, request: Request, user_id: str) -> HttpResponse:
        """A traveller's balance, tier and newest entries."""
        credentials.require_owner(request._request, user_id, "loyalty account")
        # PostgreSQL refuses a text with a NUL, which an address can hold.
        account = selectors.account_of(user_id) if USER_ID.fullmatch(user_id) else None
        if account is None:
            raise not_found("loyalty account")
        return json_response(selectors.describe(account))
