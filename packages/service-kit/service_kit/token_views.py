"""POST /api/tokens/end/: the UI says that a person's role was taken away."""

from typing import Annotated

from django.http import HttpResponse
from django_sagas.clock import utc_now
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from service_kit import rules, schema
from service_kit.api import ServiceView, json_response, read_body
from service_kit.inputs import Input, text
from service_kit.parsers import JsonOrFormParser
from service_kit.permissions import ServicesOnly
from service_kit.security import ended_tokens


@schema.asked({"user_id": "u-1f2e3d4c5b6a7988"})
class EndTokens(Input):
    user_id: Annotated[str, *text(rules.USER)]


class TokensEnded(serializers.Serializer[None]):
    success = serializers.BooleanField()


class EndTokensView(ServiceView):
    permission_classes = [ServicesOnly]
    parser_classes = [JsonOrFormParser]

    @extend_schema(
        request=EndTokens,
        responses={200: TokensEnded, **schema.problem(400, 401, 403, 405, 413, 415, 429, 503)},
    )
    def post(self, request: Request) -> HttpResponse:
        """End every operator's or auditor's token of this person that exists by now."""
        ended_tokens.end(read_body(request, EndTokens).user_id, now=utc_now())
        return json_response({"success": True})
