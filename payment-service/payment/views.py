"""Payment's reads."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django_sagas.clock import utc_now
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from service_kit import health, schema
from service_kit.api import ServiceView, json_response
from service_kit.permissions import Owner
from service_kit.rules import CORRELATION_ID

from payment import selectors, serializers


def ready(request: HttpRequest) -> HttpResponse:
    """Names the gateway too, so that the pages can say that payments are simulated."""
    return health.readiness(gateway=settings.PAYMENT_GATEWAY)


class PaymentView(ServiceView):
    permission_classes = [Owner]
    subject = "payment"

    @extend_schema(responses=schema.read(serializers.Payment))
    def get(self, request: Request, correlation_id: str) -> HttpResponse:
        """The state of a booking's payment."""
        # PostgreSQL refuses a NUL, which a URL can hold.
        found = selectors.payment_of(correlation_id) if CORRELATION_ID.fullmatch(correlation_id) else None
        self.check_object_permissions(request, found.user_id if found else None)
        assert found is not None, "Owner raises for None"
        return json_response(selectors.describe(found, utc_now()))
