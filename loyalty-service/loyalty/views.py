"""Loyalty's reads."""

from django.http import HttpResponse
from rest_framework.request import Request
from service_kit import schema
from service_kit.api import ServiceView, json_response
from service_kit.permissions import Owner
from service_kit.problems import not_found
from service_kit.rules import USER_ID

from loyalty import selectors, serializers
from loyalty.inputs import LoyaltyQuery


class LoyaltyView(ServiceView):
    permission_classes = [Owner]
    subject = "loyalty account"

    @schema.reading(LoyaltyQuery, serializers.Loyalty)
    def get(self, request: Request, user_id: str) -> HttpResponse:
        """Balance, tier and newest entries; with `correlation_id` those of one booking or change."""
        self.check_object_permissions(request, user_id)
        # PostgreSQL refuses a NUL, which a URL can hold.
        account = selectors.account_of(user_id) if USER_ID.fullmatch(user_id) else None
        if account is None:
            raise not_found(self.subject)
        query = LoyaltyQuery.read(request.query_params.dict())
        return json_response(selectors.describe(account, correlation_id=query.correlation_id))
