"""The demo's outbox: GET /api/demo/outbox/."""

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from service_kit import schema
from service_kit.api import ServiceView, json_response
from service_kit.outbox.selectors import newest_mails
from service_kit.problems import not_found


class Mail(serializers.Serializer[None]):
    sent_at = serializers.DateTimeField()
    recipients = serializers.CharField()
    subject = serializers.CharField()
    body = serializers.CharField()
    attachments = serializers.CharField(help_text="names of the files, comma-separated")


class Outbox(serializers.Serializer[None]):
    results = Mail(many=True)


class OutboxView(ServiceView):
    @extend_schema(responses={200: Outbox, **schema.problem(401, 403, 404, 405, 429, 503)})
    def get(self, request: Request) -> HttpResponse:
        """The newest mails of this service; there is none outside demo mode."""
        if not settings.DEMO_MODE:
            raise not_found("page")
        return json_response({"results": newest_mails()})
