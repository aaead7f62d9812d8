"""Loyalty's reads."""

from urllib.parse import urlencode

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
        """Balance, tier and entries, newest first; with `correlation_id` those of one booking or change."""
        self.check_object_permissions(request, user_id)
        # PostgreSQL refuses a NUL, which a URL can hold.
        account = selectors.account_of(user_id) if USER_ID.fullmatch(user_id) else None
        if account is None:
            raise not_found(self.subject)
        given = request.query_params.dict()
        asked = LoyaltyQuery.read(given)
        entries, before = selectors.entries_of(
            account, correlation_id=asked.correlation_id, before=asked.before
        )
        following = f"{request.path}?{urlencode({**given, 'before': before})}" if before else None
        return json_response({**selectors.describe(account, entries), "next": following})
